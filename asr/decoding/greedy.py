"""Greedy CTC decoding: the best token of each frame, repeats merged, blanks removed (Graves 2006, 3.2)."""

import numpy as np

from asr.decoding.emission_check import check_log_probs


def greedy_tokens(log_probs: np.ndarray, *, blank: int = 0) -> tuple[list[int], float]:
    """The label sequence of the single most probable path.

    Args:
        log_probs: `(T', V)` natural-log probabilities; T' may be 0.
        blank: id of the CTC blank.

    Returns:
        Token ids without blanks and repeats, and the natural log of the path's probability.

    Raises:
        DecodingError: not two-dimensional, NaN, or above 0.
    """
    check_log_probs(log_probs)
    if len(log_probs) == 0:
        return [], 0.0
    best = log_probs.argmax(axis=1)
    score = float(log_probs[np.arange(len(best)), best].sum(dtype=np.float64))
    kept = best[np.concatenate([[True], best[1:] != best[:-1]])]
    return [int(token) for token in kept if token != blank], score
