"""Greedy CTC decoding: the best token of each frame, repeats merged, blanks removed (Graves 2006, 3.2)."""

from typing import NamedTuple

import numpy as np

from asr.decoding.emission_check import check_log_probs


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


def greedy_path(log_probs: np.ndarray, *, blank: int = 0) -> GreedyPath:
    """The single most probable path, and what it spells.

    No other path that spells the same is more probable: its alignment is the forced alignment too.

    Args:
        log_probs: `(T', V)` natural-log probabilities; T' may be 0.
        blank: id of the CTC blank.

    Raises:
        DecodingError: not two-dimensional, NaN, or above 0.
    """
    check_log_probs(log_probs)
    if len(log_probs) == 0:
        return GreedyPath([], 0.0, np.empty(0, dtype=np.int64))
    best = log_probs.argmax(axis=1)
    score = float(log_probs[np.arange(len(best)), best].sum(dtype=np.float64))
    begins = (best != blank) & np.concatenate([[True], best[1:] != best[:-1]])
    alignment = np.where(best != blank, np.cumsum(begins) - 1, -1)
    return GreedyPath(best[begins].tolist(), score, alignment)
