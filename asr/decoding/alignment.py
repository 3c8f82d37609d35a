"""CTC forced alignment: the most probable path that spells given tokens (Viterbi).

Works in blocks: the first pass keeps the scores at the blocks' borders alone, the second goes through the
blocks from the last to the first and keeps each one's decisions only as long as it is traced. From a known
end a block of B frames can only have come 2 B states, so the second pass costs next to nothing, and an
hour of speech needs tens of megabytes.
"""

from collections.abc import Sequence

import numpy as np

from asr.data.tokenizer import required_frames
from asr.decoding.alphabet import BLANK
from asr.decoding.emission import check_log_probs
from asr.errors import DecodingError

BLOCK = 1024  # frames


def align(log_probs: np.ndarray, tokens: Sequence[int]) -> np.ndarray:
    """Which token each frame belongs to on the best path that spells `tokens`.

    Args:
        log_probs: `(T', V)` natural-log probabilities.
        tokens: L token ids without blanks.

    Returns:
        `(T',)` int64: the position in `tokens`, 0 to L-1, that the frame emits; -1 where it is blank.

    Raises:
        DecodingError: NaN, or too few frames for the tokens (T' < L + adjacent repeats).
    """
    check_log_probs(log_probs)
    frames = len(log_probs)
    if frames < required_frames(tokens):
        raise DecodingError(f"{len(tokens)} tokens need {required_frames(tokens)} frames; got {frames}")
    if not tokens:
        return np.full(frames, -1, dtype=np.int64)
    # States: blank, first token, blank, second token, ..., blank.
    states = np.full(2 * len(tokens) + 1, BLANK)
    states[1::2] = tokens
    # A token may be entered from the token before it, the blank skipped, unless they are equal.
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    never_skip = np.where(may_skip, 0.0, -np.inf)

    # Before the first frame the path stands on a state of its own, the one before state 0 and state 1.
    borders = [np.full(len(states), -np.inf)]
    for first in range(0, frames, BLOCK):
        borders.append(borders[-1].copy())
        _advance(borders[-1], log_probs[first : first + BLOCK], states, never_skip, at_start=first == 0)
    last = borders.pop()
    state = len(states) - 1 if last[-1] >= last[-2] else len(states) - 2
    path = np.empty(frames, dtype=np.int64)
    for first in range((frames - 1) // BLOCK * BLOCK, -1, -BLOCK):
        piece = log_probs[first : first + BLOCK]
        low = max(0, state - 2 * len(piece))
        score = borders.pop()[low : state + 1].copy()
        steps = _advance(
            score,
            piece,
            states[low : state + 1],
            never_skip[low : state + 1],
            at_start=first == 0,
            keep_steps=True,
        )
        state -= low
        for frame in range(len(piece) - 1, -1, -1):
            path[first + frame] = state + low
            state -= int(steps[frame, state])
        state += low
    return np.where(path % 2 == 1, path // 2, -1)


def token_spans(path: np.ndarray, count: int) -> np.ndarray:
    """`(count, 2)` int64: the first frame of each aligned token, and the frame after its last.

    Args:
        path: `(T',)` from `align`.
        count: L, how many tokens were aligned.
    """
    frames = np.flatnonzero(path >= 0)
    positions = path[frames]
    first = np.searchsorted(positions, np.arange(count))
    last = np.searchsorted(positions, np.arange(count), side="right") - 1
    return np.stack([frames[first], frames[last] + 1], axis=1)


def _advance(
    score: np.ndarray,
    log_probs: np.ndarray,
    states: np.ndarray,
    never_skip: np.ndarray,
    *,
    at_start: bool,
    keep_steps: bool = False,
) -> np.ndarray:
    """Carry the `(S,)` scores over `(B, V)` frames, in place.

    Returns:
        `(B, S)` int8, how many states back each state came from; `(0, S)` unless asked for.
    """
    steps = np.zeros((len(log_probs) if keep_steps else 0, len(states)), dtype=np.int8)
    for frame, row in enumerate(log_probs):
        emitted = row[states].astype(np.float64)
        if at_start and frame == 0:
            score[:2] = emitted[:2]
            continue
        best = score.copy()
        one_back = score[:-1] > best[1:]
        np.maximum(best[1:], score[:-1], out=best[1:])
        two_back = score[:-2] + never_skip[2:]
        skipped = two_back > best[2:]
        np.maximum(best[2:], two_back, out=best[2:])
        if keep_steps:
            steps[frame, 1:] = one_back
            steps[frame, 2:][skipped] = 2
        np.add(best, emitted, out=score)
    return steps
