"""When each word and each of its characters is spoken, by forced alignment of the final text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr.decoding.alignment import align, token_spans
from asr.decoding.alphabet import Alphabet
from asr.decoding.confidence import Calibration, word_evidence


@dataclass(frozen=True, slots=True)
class TimedCharacter:
    """A character and its times.

    Attributes:
        text: the character.
        start, end: seconds from the beginning of the waveform.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word, its times, and its characters with theirs.

    Attributes:
        text: its spelling.
        start, end: seconds from the beginning of the waveform.
        confidence: between 0 and 1.
        characters: in order.
    """

    text: str
    start: float
    end: float
    confidence: float
    characters: tuple[TimedCharacter, ...]


def time_words(
    log_probs: np.ndarray,
    tokens: Sequence[int],
    *,
    alphabet: Alphabet,
    seconds_per_frame: float,
    calibration: Calibration,
    alignment: np.ndarray | None = None,
) -> tuple[TimedWord, ...]:
    """Align tokens and gather them into words.

    A character lasts over the frames that emit it, a word from its first character's first frame to the
    end of its last character's last.

    Args:
        log_probs: `(T', V)` natural-log probabilities.
        tokens: of the text, words parted by the alphabet's space.
        alphabet: of the model.
        seconds_per_frame: time from one encoder frame to the next.
        calibration: of the words' confidence.
        alignment: `(T',)` position in `tokens` of each frame, where the search has found it already;
            None makes a forced alignment.

    Raises:
        DecodingError: NaN, or more tokens than the frames can hold.
    """
    tokens = list(tokens)
    if alignment is None:
        alignment = align(log_probs, tokens)
    spans = token_spans(alignment, len(tokens))
    seconds = [[round(frame * seconds_per_frame, 3) for frame in span] for span in spans.tolist()]
    words = []
    parted = [[at] for at in range(len(tokens))] if alphabet.units else _split(tokens, alphabet.space)
    for positions in parted:
        first, last = positions[0], positions[-1] + 1
        evidence = word_evidence(log_probs, tokens[first:last], spans[first:last])
        characters = tuple(TimedCharacter(alphabet.symbols[tokens[at]], *seconds[at]) for at in positions)
        words.append(
            TimedWord(
                "".join(character.text for character in characters),
                characters[0].start,
                characters[-1].end,
                round(calibration(evidence), 4),
                characters,
            )
        )
    return tuple(words)


def _split(tokens: Sequence[int], space: int) -> list[list[int]]:
    """Positions in `tokens` of each word's characters."""
    words: list[list[int]] = [[]]
    for position, token in enumerate(tokens):
        if token == space:
            words.append([])
        else:
            words[-1].append(position)
    return [word for word in words if word]
