"""CTC forced alignment: the most probable path that spells given tokens (Viterbi)."""

import numpy as np

from asr.data.tokenizer import required_frames
from asr.decoding.emission_check import check_log_probs


def align(log_probs: np.ndarray, tokens: list[int], *, blank: int = 0) -> np.ndarray:
    """Which token each frame belongs to on the best path that spells `tokens`.

    Args:
        log_probs: `(T', V)` natural-log probabilities.
        tokens: L token ids without blanks.
        blank: id of the CTC blank.

    Returns:
        `(T',)` int64: the position in `tokens`, 0 to L-1, that the frame emits; -1 where it is blank.

    Raises:
        ValueError: NaN, or too few frames for the tokens (T' < L + adjacent repeats).
    """
    check_log_probs(log_probs)
    frames = len(log_probs)
    if frames < required_frames(tokens):
        raise ValueError(f"{len(tokens)} tokens need {required_frames(tokens)} frames; got {frames}")
    if not tokens:
        return np.full(frames, -1, dtype=np.int64)
    # States: blank, first token, blank, second token, ..., blank.
    states = np.full(2 * len(tokens) + 1, blank)
    states[1::2] = tokens
    # A token may be entered from the token before it, the blank skipped, unless they are equal.
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs[0, states[:2]]
    steps = np.zeros((frames, len(states)), dtype=np.int8)  # how many states back each state came from
    for frame in range(1, frames):
        options = np.full((3, len(states)), -np.inf)
        options[0] = score
        options[1, 1:] = score[:-1]
        options[2, 2:] = np.where(may_skip[2:], score[:-2], -np.inf)
        steps[frame] = options.argmax(axis=0)
        score = options.max(axis=0) + log_probs[frame, states]
    state = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    path = np.empty(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= steps[frame, state]
    return np.where(path % 2 == 1, path // 2, -1)
