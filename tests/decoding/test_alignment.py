"""Forced alignment against torchaudio's, brute force, and itself in blocks."""

import itertools

import numpy as np
import pytest

from asr.decoding import alignment
from asr.decoding.alignment import align
from asr.errors import DecodingError


def emission(seed: int, frames: int, tokens: int = 6) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(frames, tokens)) * 2
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def spoken(path: np.ndarray, tokens: list[int]) -> list[int]:
    """The token of each frame, blank 0."""
    return [tokens[position] if position >= 0 else 0 for position in path.tolist()]


@pytest.mark.parametrize("seed", range(20))
def test_paths_are_those_of_torchaudio(seed):
    import torch
    from torchaudio.functional import forced_align

    generator = np.random.default_rng(seed)
    tokens = generator.integers(1, 6, size=generator.integers(1, 25)).tolist()
    log_probs = emission(seed, 60)
    expected, _ = forced_align(torch.tensor(log_probs)[None], torch.tensor([tokens]), blank=0)
    assert spoken(align(log_probs, tokens), tokens) == expected[0].tolist()


def test_the_path_is_the_best_of_all():
    log_probs, tokens = emission(0, 6, 3), [1, 1, 2]
    scores = {
        path: sum(log_probs[frame, token] for frame, token in enumerate(path))
        for path in itertools.product(range(3), repeat=6)
        if [token for token, _ in itertools.groupby(path) if token] == tokens
    }
    assert tuple(spoken(align(log_probs, tokens), tokens)) == max(scores, key=scores.__getitem__)


@pytest.mark.parametrize("block", [1, 2, 7, 59, 60, 61])
def test_blocks_change_nothing(monkeypatch, block):
    log_probs = emission(1, 60)
    for length in (1, 5, 29):
        tokens = np.random.default_rng(length).integers(1, 6, size=length).tolist()
        monkeypatch.setattr(alignment, "BLOCK", 1000)
        whole = align(log_probs, tokens)
        monkeypatch.setattr(alignment, "BLOCK", block)
        assert np.array_equal(align(log_probs, tokens), whole)


def test_every_token_is_met_in_order_however_tight_the_fit():
    tokens = [1, 1, 2, 3, 3]  # needs 7 frames
    for frames in (7, 8, 20):
        path = align(emission(2, frames), tokens)
        assert list(dict.fromkeys(path[path >= 0].tolist())) == [0, 1, 2, 3, 4]


def test_no_tokens_are_all_blank_and_too_few_frames_are_refused():
    assert align(emission(0, 4), []).tolist() == [-1] * 4
    assert align(emission(0, 0), []).tolist() == []
    with pytest.raises(DecodingError, match="2 tokens need 3 frames; got 2"):
        align(emission(0, 2), [1, 1])


def test_memory_does_not_grow_with_frames_times_tokens():
    import tracemalloc

    log_probs = emission(3, 6000)
    tokens = np.random.default_rng(0).integers(1, 6, size=1500).tolist()
    tracemalloc.start()
    align(log_probs, tokens)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6000 * 3001 / 2  # half a byte a cell; a whole table would take at least one
