import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asr.decoding.alignment import align
from asr.decoding.greedy import greedy_path


def emission(frames: int, size: int, seed: int) -> np.ndarray:
    logits = 2 * np.random.default_rng(seed).standard_normal((frames, size))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@given(st.integers(0, 30), st.integers(1, 4), st.integers(0, 2**31))
def test_the_best_path_spells_its_merged_argmax_and_is_its_own_forced_alignment(
    frames: int, size: int, seed: int
) -> None:
    log_probs = emission(frames, size, seed)
    found = greedy_path(log_probs)
    best = log_probs.argmax(axis=1) if frames else np.empty(0, dtype=int)
    assert found.tokens == [int(token) for token, _ in itertools.groupby(best) if token != 0]
    np.testing.assert_allclose(found.score, log_probs.max(axis=1).sum() if frames else 0.0, rtol=1e-9)
    np.testing.assert_array_equal(found.alignment, align(log_probs, found.tokens))


def test_equal_tokens_parted_by_a_blank_are_two() -> None:
    probabilities = np.full((5, 3), 0.05)
    for frame, token in enumerate([1, 1, 0, 1, 2]):
        probabilities[frame, token] = 0.9
    found = greedy_path(np.log(probabilities))
    assert found.tokens == [1, 1, 2]
    assert found.alignment.tolist() == [0, 0, -1, 1, 2]
