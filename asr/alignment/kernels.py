"""The inner loops of aligning a text that may not fit, and of placing its phones. Importing this module imports numba.

The states of a text stand in its order: a blank and a filler before each word, the chains of the word's pronunciations,
and a blank and a filler at the end. Between words are junctions, which take no frame: words are skipped from one to the next.
"""

import numpy as np

from asr.decoding.compilation import njit

DEAD = -1e30  # the score of what cannot be


@njit(cache=True, nogil=True)
def junctions(  # noqa: PLR0917, what numba compiles
    score: np.ndarray,
    first: np.ndarray,
    leave: np.ndarray,
    skip_price: np.ndarray,
    open_price: float,
    low: int,
    high: int,
    floor: float,
    start: float,
    open_gap: np.ndarray,
    any_gap: np.ndarray,
    open_source: np.ndarray,
    any_source: np.ndarray,
) -> int:
    """After a frame: the best way to stand before each word, from `low` on; returns the last word that can be reached, plus one.

    Args:
        score: `(S,)` of the states.
        first: `(W + 1,)` state of the blank before each word, and of the last one.
        leave: `(S,)` natural log that is added where a word ends in a state; dead where none can.
        skip_price: `(W,)` of leaving out each word.
        open_price: of beginning to leave out.
        low, high: words that are alive: `low` to `high` - 1; `high` may be W + 1, of the end.
        floor: what scores less is dead.
        start: of standing before the first word without any frame: 0 at the beginning, else dead.
        open_gap, open_source: `(W + 1,)`, the best but for the filler, and the state that it is from; written.
        any_gap, any_source: the same with the filler; written.
    """
    words = len(first) - 1
    skipping, skipping_source = DEAD, -1
    reached = low
    for word in range(low, words + 1):
        best, source = DEAD, -1
        if word == 0:
            best = start
        if word > low and word - 1 < high:
            for state in range(first[word - 1] + 2, first[word]):
                value = score[state] + leave[state]
                if value > best:
                    best, source = value, state
        if skipping > best:
            best, source = skipping, skipping_source
        if word < high:
            at = first[word]
            if score[at] > best:
                best, source = score[at], at
            open_gap[word], open_source[word] = best, source
            if score[at + 1] > best:
                best, source = score[at + 1], at + 1
        else:
            open_gap[word], open_source[word] = best, source
        any_gap[word], any_source[word] = best, source
        if best > floor or word < high:
            reached = word + 1
        else:
            break
        if word < words:
            opened = best - open_price
            if opened > skipping:
                skipping, skipping_source = opened, source
            skipping -= skip_price[word]
    return reached


@njit(cache=True, nogil=True)
def advance_text(  # noqa: PLR0917, what numba compiles
    score: np.ndarray,
    log_probs: np.ndarray,
    columns: np.ndarray,
    back: np.ndarray,
    leave: np.ndarray,
    first: np.ndarray,
    skip_price: np.ndarray,
    open_price: float,
    filler_price: float,
    beam: float,
    alive: np.ndarray,
    start: float,
    came_from: np.ndarray,
) -> int:
    """Carry the `(S,)` scores over `(B, V + 1)` frames, in place; returns the state that the end is reached from, -1 for none.

    Args:
        score: of the states before the first of the frames.
        log_probs: natural log, the filler's in the last column.
        columns: `(S,)` what each state emits.
        back: `(S,)` how many states back a state's predecessors are: 0 begins a word, 1 the one before, 2 the one before that as well.
        leave, first, skip_price, open_price: as `junctions` has them.
        filler_price: of beginning a filler.
        beam: states that score so much less than the best are dropped.
        alive: `(2,)` words that are alive, `low` and `high`; carried on.
        start: of standing before the first word.
        came_from: `(B, S')` int32, the state before each, -1 for the beginning; column 0 is the state `first[alive[0]]`.
            Written unless it has no columns.
    """
    words = len(first) - 1
    open_gap, any_gap = np.full(words + 1, DEAD), np.full(words + 1, DEAD)
    open_source, any_source = np.full(words + 1, -1, np.int64), np.full(words + 1, -1, np.int64)
    low, high = alive[0], alive[1]
    keep = came_from.shape[1] > 0
    offset = first[low]
    best = start
    for state in range(first[low], first[words] + 2):
        best = max(best, score[state])
    reached = junctions(
        score, first, leave, skip_price, open_price, low, high, best - beam, start,
        open_gap, any_gap, open_source, any_source,
    )  # fmt: skip
    for frame in range(len(log_probs)):
        row = log_probs[frame]
        high = reached
        best = DEAD
        for word in range(low, high):
            at = first[word]
            if word < words:
                for state in range(first[word + 1] - 1, at + 1, -1):
                    value, source = score[state], state
                    if back[state] == 0:
                        if any_gap[word] > value:
                            value, source = any_gap[word], any_source[word]
                    else:
                        if score[state - 1] > value:
                            value, source = score[state - 1], state - 1
                        if back[state] == 2 and score[state - 2] > value:
                            value, source = score[state - 2], state - 2
                    score[state] = value + row[columns[state]] if value > DEAD else DEAD
                    best = max(best, score[state])
                    if keep:
                        came_from[frame, state - offset] = source
            filler, source = score[at + 1], at + 1
            if open_gap[word] - filler_price > filler:
                filler, source = open_gap[word] - filler_price, open_source[word]
            score[at + 1] = filler + row[columns[at + 1]] if filler > DEAD else DEAD
            score[at] = any_gap[word] + row[columns[at]] if any_gap[word] > DEAD else DEAD
            best = max(best, score[at], score[at + 1])
            if keep:
                came_from[frame, at + 1 - offset] = source
                came_from[frame, at - offset] = any_source[word]
        floor = best - beam
        # Words behind that nothing is alive of are left, one after the other.
        while low < high - 1:
            living = False
            for state in range(first[low], first[low + 1]):
                if score[state] > floor:
                    living = True
                    break
            if living:
                break
            for state in range(first[low], first[low + 1]):
                score[state] = DEAD
            low += 1
        reached = junctions(
            score, first, leave, skip_price, open_price, low, high, floor, DEAD,
            open_gap, any_gap, open_source, any_source,
        )  # fmt: skip
    alive[0], alive[1] = low, reached
    return any_source[words] if reached == words + 1 and any_gap[words] > DEAD else -1


@njit(cache=True, nogil=True)
def advance_phones(  # noqa: PLR0917, what numba compiles
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
    """Carry the `(S,)` scores of a chain of phones' states over `(T, K)` frames, in place.

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
