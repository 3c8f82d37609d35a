"""When each word and each of its characters is spoken, by forced alignment of the final text."""

from collections.abc import Sequence

import numpy as np

from asr.decoding.alignment import align, token_spans
from asr.decoding.alphabet import Alphabet
from asr.decoding.confidence import Calibration, word_evidence
from asr.decoding.hypothesis import AlignedWord, TimedUnit, Word
from asr.decoding.search import Spelled


def time_words(
    log_probs: np.ndarray,
    tokens: Sequence[int],
    words: Sequence[Spelled],
    *,
    seconds_per_frame: float,
    calibration: Calibration,
    alignment: np.ndarray | None = None,
) -> tuple[Word, ...]:
    """The words of a text with their times.

    A word lasts from its first token's first frame to the end of its last token's last.

    Args:
        log_probs: `(T', V)` natural-log probabilities.
        tokens: of the text, letters or phones.
        words: where they are in `tokens`.
        seconds_per_frame: time from one encoder frame to the next.
        calibration: of the words' confidence.
        alignment: `(T',)` position in `tokens` of each frame, where the search has found it already;
            None makes a forced alignment.

    Raises:
        DecodingError: NaN, or more tokens than the frames can hold.
    """
    tokens = list(tokens)
    spans = token_spans(align(log_probs, tokens) if alignment is None else alignment, len(tokens))
    timed = []
    for text, first, last in words:
        evidence = word_evidence(log_probs, tokens[first:last], spans[first:last])
        start, end = _seconds((spans[first, 0], spans[last - 1, 1]), seconds_per_frame)
        timed.append(Word(text, start, end, round(calibration(evidence), 4)))
    return tuple(timed)


def align_words(
    log_probs: np.ndarray,
    tokens: Sequence[int],
    *,
    alphabet: Alphabet,
    seconds_per_frame: float,
    calibration: Calibration,
) -> tuple[AlignedWord, ...]:
    """The words of a known text with their characters, each over the frames that emit it. Arguments as `time_words`.

    Raises:
        DecodingError: NaN, or more tokens than the frames can hold.
    """
    alignment = align(log_probs, tokens)
    spans = token_spans(alignment, len(tokens))
    spelled = alphabet.words(tokens)
    timed = time_words(
        log_probs,
        tokens,
        spelled,
        seconds_per_frame=seconds_per_frame,
        calibration=calibration,
        alignment=alignment,
    )
    return tuple(
        AlignedWord(
            word.text,
            word.start,
            word.end,
            word.confidence,
            tuple(
                TimedUnit(alphabet.symbols[tokens[at]], *_seconds(spans[at], seconds_per_frame))
                for at in range(first, last)
            ),
        )
        for word, (_, first, last) in zip(timed, spelled, strict=True)
    )


def _seconds(frames: Sequence[int] | np.ndarray, seconds_per_frame: float) -> tuple[float, float]:
    first, last = (round(int(frame) * seconds_per_frame, 3) for frame in frames)
    return first, last
