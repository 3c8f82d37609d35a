"""When each word is spoken, by forced alignment of the final text."""

from collections.abc import Sequence

import numpy as np

from asr.decoding.alignment import align, token_spans
from asr.decoding.confidence import Calibration, word_evidence
from asr.decoding.hypothesis import Word
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
        start, end = (
            round(int(frame) * seconds_per_frame, 3) for frame in (spans[first, 0], spans[last - 1, 1])
        )
        timed.append(Word(text, start, end, round(calibration(evidence), 4)))
    return tuple(timed)
