"""How probable a network holds whole token sequences. Importing this module imports numba."""

from collections.abc import Sequence

import numpy as np

from asr.decoding.compilation import njit

_BLANK = 0
_SMALL = 1e-100  # when all states are less probable than this, they are scaled up
_NOTHING = 1e-290  # what is less probable counts as impossible; smaller numbers are slow


def ctc_scores(log_probs: np.ndarray, sequences: Sequence[Sequence[int]]) -> np.ndarray:
    """ln of the probability of all paths that spell each sequence (Graves 2006, equation 8), `(n,)` float64.

    Args:
        log_probs: `(T', V)` natural-log probabilities; a penalty of the blank may be in them.
        sequences: token ids of each; -inf where the frames cannot hold them.
    """
    with np.errstate(under="ignore"):
        probs = np.exp(log_probs, dtype=np.float64, order="C")
    return np.array([_forward(probs, np.array(tokens, dtype=np.int64)) for tokens in sequences])


@njit(cache=True, nogil=True)
def _forward(probs: np.ndarray, tokens: np.ndarray) -> float:
    """The forward variables, not as logarithms, which are slow to add, but scaled up as they grow small.

    Only states from which the frames left suffice to reach the end are kept, so that a path that is the only one to fit
    is never lost beside others that lead nowhere.
    """
    frames, states = probs.shape[0], 2 * tokens.shape[0] + 1  # a blank before, between and after
    # How many frames must follow a state: one a token, and one between equal ones.
    still = np.empty(states, np.int64)
    for state in range(states - 1, -1, -1):
        if state >= states - 2:
            still[state] = 0
        elif state % 2 == 0:
            still[state] = still[state + 1] + 1
        else:
            same = tokens[state // 2] == tokens[state // 2 + 1]
            still[state] = still[state + 2] + (2 if same else 1)
    score = np.empty(states + 2)  # of state s at s + 2: the two before the first are there, and nothing
    for at in range(states + 2):
        score[at] = 0.0
    score[2] = 1.0  # before the first frame a path stands in state 0, and may go to state 0 or 1
    scale, low, high = 0.0, 0, 0
    for frame in range(frames):
        high = min(high + (1 if frame == 0 else 2), states - 1)
        lowest = low
        while lowest <= high and still[lowest] > frames - 1 - frame:
            lowest += 1
        largest = 0.0
        for state in range(high, lowest - 1, -1):  # from the end, so that what is read is of the frame before
            at = state + 2
            if state % 2 == 0:
                value = (score[at] + score[at - 1]) * probs[frame, _BLANK]
            else:
                token = tokens[state // 2]
                value = score[at] + score[at - 1]
                if state > 1 and token != tokens[state // 2 - 1]:
                    value += score[at - 2]
                value *= probs[frame, token]
            score[at] = value if value > _NOTHING else 0.0
            largest = max(largest, value)
        while high > lowest and score[high + 2] == 0.0:
            high -= 1
        while low < lowest:
            score[low + 2] = 0.0
            low += 1
        if largest <= _NOTHING:
            return -np.inf
        if largest < _SMALL:
            for at in range(low + 2, high + 3):
                score[at] /= largest
            scale += np.log(largest)
    last = score[states + 1] + (score[states] if states > 1 else 0.0)
    return np.log(last) + scale if last > 0.0 else -np.inf
