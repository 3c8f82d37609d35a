"""What the letters say of texts that a search through pronunciations proposes. Importing this module imports numba."""

from collections.abc import Sequence

import numpy as np
from numba import njit

from asr.decoding.compiled_search import log_add

_BLANK = 0
# States this much less probable than the best of their frame (natural log) are left out.
_BEAM = 40.0


def letter_scores(log_probs: np.ndarray, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """ln of the probability of all paths that spell each text (Graves 2006, equation 8), `(n,)` float64.

    Args:
        log_probs: `(T', V)` natural-log probabilities.
        texts: token ids of each; -inf where the frames cannot hold them.
    """
    frames = np.ascontiguousarray(log_probs, dtype=np.float64)
    return np.array([_forward(frames, np.array(tokens, dtype=np.int64)) for tokens in texts])


@njit(cache=True, nogil=True)
def _forward(log_probs: np.ndarray, tokens: np.ndarray) -> float:
    """The forward variables, in a window of states that moves with the text."""
    states = 2 * tokens.shape[0] + 1  # a blank before, between and after
    score = np.full(states, -np.inf)
    score[0] = 0.0  # before the first frame; a path begins in state 0 or 1
    low, high = 0, 0
    for frame in range(log_probs.shape[0]):
        reach = min(high + (1 if frame == 0 else 2), states - 1)
        best = -np.inf
        for state in range(reach, low - 1, -1):  # from the end, so that what is read is of the frame before
            total = score[state]
            token = _BLANK
            if state > low:
                total = log_add(total, score[state - 1])
            if state % 2:
                token = tokens[state // 2]
                if state > low + 1 and frame > 0 and token != tokens[state // 2 - 1]:
                    total = log_add(total, score[state - 2])
            score[state] = total + log_probs[frame, token]
            best = max(best, score[state])
        high = reach
        while low < high and score[low] < best - _BEAM:
            score[low] = -np.inf
            low += 1
        while high > low and score[high] < best - _BEAM:
            score[high] = -np.inf
            high -= 1
    last = score[states - 1]
    return log_add(last, score[states - 2]) if states > 1 else last
