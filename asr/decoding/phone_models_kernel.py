"""The inner loop of placing phones. Importing this module imports numba."""

import numpy as np

from asr.decoding.alignment import DEAD
from asr.decoding.compilation import njit


@njit(cache=True, nogil=True)
def advance(  # noqa: PLR0917, what numba compiles
    score: np.ndarray,
    log_likelihoods: np.ndarray,
    columns: np.ndarray,
    optional: np.ndarray,
    stay: np.ndarray,
    leave: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
    steps: np.ndarray,
    offsets: np.ndarray,
    at_start: bool,
) -> None:
    """Carry the `(S,)` scores of a chain of states over `(T, K)` frames, in place.

    Args:
        score: of the states.
        log_likelihoods: natural log, of each model state.
        columns: `(S,)` the model state of each state.
        optional: `(S,)`, how many states from this one on may be passed over; 0 but where a silence begins.
        stay, leave: `(S,)` natural log of staying in a state for another frame, and of leaving it.
        begin, end: `(T,)` the states that each frame may be in, from `begin` to `end` - 1; neither ever falls.
        steps: int8, how many states back each came from, for frame after frame; written.
        offsets: `(T,)` where each frame's are in `steps`.
        at_start: whether the first of the frames is the recording's.
    """
    for frame in range(len(log_likelihoods)):
        row = log_likelihoods[frame]
        low, high = begin[frame], end[frame]
        if at_start and frame == 0:
            score[:] = DEAD
            score[0] = row[columns[0]]
            if optional[0] and optional[0] < len(score):
                score[optional[0]] = row[columns[optional[0]]]
            continue
        if frame > 0:
            for state in range(begin[frame - 1], low):
                score[state] = DEAD
        for state in range(high - 1, low - 1, -1):
            best, step = score[state] + stay[state], 0
            if state > 0 and score[state - 1] + leave[state - 1] > best:
                best, step = score[state - 1] + leave[state - 1], 1
            for size in range(1, 4):
                before = state - size - 1
                if before >= 0 and optional[state - size] == size and score[before] + leave[before] > best:
                    best, step = score[before] + leave[before], size + 1
            score[state] = best + row[columns[state]] if best > DEAD else DEAD
            steps[offsets[frame] + state - low] = step
