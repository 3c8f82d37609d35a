"""Greedy CTC decoding: the best token of each frame, repeats merged, blanks removed (Graves 2006, 3.2)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from asr.decoding.alphabet import BLANK, Alphabet
from asr.decoding.emission import check_log_probs
from asr.decoding.search import LEAST_TEXTS, Candidate, Spelled


class GreedyPath(NamedTuple):
    """The most probable path.

    Attributes:
        tokens: what it spells: ids without blanks and repeats.
        score: natural log of its probability.
        alignment: `(T',)` int64, the position in `tokens` that each frame emits, -1 where it is blank.
    """

    tokens: list[int]
    score: float
    alignment: np.ndarray


def greedy_path(log_probs: np.ndarray) -> GreedyPath:
    """The single most probable path, and what it spells.

    No other path that spells the same is more probable: its alignment is the forced alignment too.

    Args:
        log_probs: `(T', V)` natural-log probabilities; T' may be 0.

    Raises:
        DecodingError: not two-dimensional, NaN, or above 0.
    """
    check_log_probs(log_probs)
    if len(log_probs) == 0:
        return GreedyPath([], 0.0, np.empty(0, dtype=np.int64))
    best = log_probs.argmax(axis=1)
    score = float(log_probs[np.arange(len(best)), best].sum(dtype=np.float64))
    begins = (best != BLANK) & np.concatenate([[True], best[1:] != best[:-1]])
    alignment = np.where(best != BLANK, np.cumsum(begins) - 1, -1)
    return GreedyPath(best[begins].tolist(), score, alignment)


class GreedySearch:
    """The best path of the letters, as a `Search`; it has one candidate."""

    head: Literal["letters"] = "letters"

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet

    def search(self, log_probs: np.ndarray, *, n_best: int = 1) -> list[Candidate]:
        """See `Search`."""
        tokens, score, alignment = greedy_path(log_probs)
        return [Candidate(tuple(tokens), score, score, alignment)]

    def stream(self) -> "GreedyStream":
        """See `Search`."""
        return GreedyStream(self, [])

    def spell(self, candidate: Candidate) -> tuple[list[int], list[Spelled]]:
        """See `Search`."""
        return list(candidate.labels), self.alphabet.words(candidate.labels)

    def text(self, candidate: Candidate) -> str:
        """See `Search`."""
        return " ".join(word.text for word in self.alphabet.words(candidate.labels))


class GreedyStream:
    """The frames heard so far; the best path of them is cheap."""

    def __init__(self, search: GreedySearch, pieces: Sequence[np.ndarray]) -> None:
        self._search, self._pieces = search, list(pieces)

    def feed(self, log_probs: np.ndarray) -> None:
        """See `SearchStream`."""
        check_log_probs(log_probs)
        self._pieces.append(log_probs)

    def copy(self) -> "GreedyStream":
        """See `SearchStream`."""
        return GreedyStream(self._search, self._pieces)

    def stable_words(self) -> list[str]:
        """See `SearchStream`."""
        return self._search.alphabet.closed_words(self.finish()[0].labels)

    def finish(self, *, n_best: int = 1, least: int = LEAST_TEXTS) -> list[Candidate]:
        """See `SearchStream`."""
        if not self._pieces:
            return [Candidate((), 0.0, 0.0, np.empty(0, np.int64))]
        return self._search.search(np.concatenate(self._pieces))
