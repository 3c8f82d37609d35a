"""What the letters say of texts that a search through pronunciations proposes. Importing this module imports numba."""

from collections.abc import Sequence

import numpy as np

from asr.decoding.compilation import njit
from asr.decoding.prefix_beam_kernel import log_add

_BLANK = 0
# States through which every whole path is this much less probable (natural log) than the best one are left out.
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
    """The forward variables, in a window of states that moves with the text.

    A state is judged by the best whole path through it, so that the window holds a path that reaches the end.
    """
    states = 2 * tokens.shape[0] + 1  # a blank before, between and after
    to_end = _best_to_end(log_probs, tokens)
    worst = to_end[0, 0] - _BEAM
    if worst == -np.inf:
        return -np.inf
    score = np.full(states, -np.inf)
    score[0] = 0.0  # before the first frame; a path begins in state 0 or 1
    low, high = 0, 0
    for frame in range(log_probs.shape[0]):
        reach = min(high + (1 if frame == 0 else 2), states - 1)
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
        high = reach
        while low < high and score[low] + to_end[frame + 1, low] < worst:
            score[low] = -np.inf
            low += 1
        while high > low and score[high] + to_end[frame + 1, high] < worst:
            score[high] = -np.inf
            high -= 1
    last = score[states - 1]
    return log_add(last, score[states - 2]) if states > 1 else last


@njit(cache=True, nogil=True, inner=True)
def _best_to_end(log_probs: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """`(T' + 1, S)`: ln P of the best path through the frames from t on, for one that stands in state s before them.

    Before the first frame a path stands in state 0, and may go to state 0 or 1.
    """
    frames, states = log_probs.shape[0], 2 * tokens.shape[0] + 1
    best = np.full((frames + 1, states), -np.inf)
    best[frames, max(0, states - 2) :] = 0.0
    for frame in range(frames - 1, -1, -1):
        for state in range(states if frame > 0 else 1):
            for after in range(state, min(state + 3, states)):
                token = tokens[after // 2] if after % 2 else _BLANK
                skips = after == state + 2
                if skips and (frame == 0 or after % 2 == 0 or token == tokens[after // 2 - 1]):
                    continue
                best[frame, state] = max(best[frame, state], log_probs[frame, token] + best[frame + 1, after])
    return best
