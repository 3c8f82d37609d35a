"""Alignment of texts: against the plain alignment, brute force over choices, and itself in blocks."""

import itertools

import numpy as np
import pytest

from asr.alignment import text_path
from asr.alignment.text_path import BELIEVED, Prices, align_text
from asr.decoding.alignment import align, token_spans
from asr.errors import DecodingError


def emission(seed: int, frames: int, tokens: int = 6) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(frames, tokens)) * 2
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def spoken(tokens: list[int], *, each: int = 2, blanks: int = 3) -> np.ndarray:
    """An emission that is sure of its tokens, each followed by blanks."""
    frames = [column for token in tokens for column in [token] * each + [0] * blanks]
    log_probs = np.full((len(frames), 8), np.log(0.02 / 7), np.float32)
    log_probs[np.arange(len(frames)), frames] = np.log(0.98)
    return log_probs


@pytest.mark.parametrize("seed", range(10))
def test_words_of_one_way_are_placed_as_their_tokens_are(seed):
    generator = np.random.default_rng(seed)
    # Neighbours differ, also across words: only within words two equal tokens need a blank.
    tokens = np.cumsum(generator.integers(1, 5, size=12)) % 5 + 1
    log_probs = emission(seed, 60)
    cuts = [0, 3, 4, 9, 12]
    words = [[tokens[a:b].tolist()] for a, b in itertools.pairwise(cuts)]
    path = align_text(log_probs, words)
    spans = token_spans(align(log_probs, tokens.tolist()), len(tokens))
    assert np.array_equal(np.concatenate([word.spans for word in path.words]), spans)
    assert len(path.fillers) == 0


def score(log_probs, tokens):
    path = align(log_probs, tokens)
    return sum(log_probs[frame, tokens[at] if at >= 0 else 0] for frame, at in enumerate(path.tolist()))


@pytest.mark.parametrize("scale", [0.0, 8.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_best_pronunciations_are_chosen(seed, scale):
    log_probs = emission(seed, 20)
    words = [[[1, 2], [3]], [[4, 5, 4], [5, 1]], [[2], [3, 1]]]
    shares = -scale * np.random.default_rng(seed).random((3, 2))

    def total(ways):
        tokens = [token for word, way in zip(words, ways, strict=True) for token in word[way]]
        return score(log_probs, tokens) + sum(shares[number, way] for number, way in enumerate(ways))

    expected = max(itertools.product(range(2), repeat=3), key=total)
    path = align_text(log_probs, words, log_shares=shares.tolist())
    assert tuple(word.way for word in path.words) == expected


@pytest.mark.parametrize("block", [1, 7, 59, 60])
def test_blocks_change_nothing(monkeypatch, block):
    log_probs = emission(1, 60)
    words = [[[1, 2], [3]], [[4, 5, 4], [5, 1]], [[2, 2, 1]], [[3, 1]]]
    for prices in (BELIEVED, Prices(1.0, 0.2, 1.0, 0.5)):
        whole = align_text(log_probs, words, prices=prices)
        with monkeypatch.context() as patched:
            patched.setattr(text_path, "BLOCK", block)
            pieces = align_text(log_probs, words, prices=prices)
        assert str(pieces) == str(whole)


def test_dropping_what_is_far_behind_changes_nothing_where_the_text_fits(monkeypatch):
    tokens = (np.cumsum(np.random.default_rng(0).integers(1, 7, size=3000)) % 7 + 1).tolist()
    words = [[tokens[at : at + 3]] for at in range(0, 3000, 3)]
    log_probs = spoken(tokens)
    whole = align_text(log_probs, words)
    monkeypatch.setattr(text_path, "EXACT", 0)
    assert str(align_text(log_probs, words)) == str(whole)
    with_prices = align_text(log_probs, words, prices=Prices())
    assert str(with_prices) == str(whole)


def test_speech_that_the_text_lacks_is_filled():
    log_probs = spoken([1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1, 2, 3])
    words = [[[1, 2, 3]], [[1, 2, 3]]]
    path = align_text(log_probs, words, prices=Prices(3.0, 0.5, 3.0, 1.0))
    # From the first sound after the first word to the last one before the second.
    assert path.fillers.tolist() == [[1, 15, 57]]
    assert [word.spans[0, 0] for word in path.words] == [0, 60]
    assert align_text(log_probs, words).fillers.tolist() == []


def test_words_that_are_not_spoken_are_left_out():
    words = [[[1, 2, 3]], [[4, 5, 6]], [[7, 4, 7, 5]], [[1, 2, 3]]]
    path = align_text(spoken([1, 2, 3, 1, 2, 3]), words, prices=Prices(3.0, 0.5, 3.0, 0.5))
    assert [word is None for word in path.words] == [False, True, True, False]
    assert path.words[0].evidence < 0.1
    believed = align_text(spoken([1, 2, 3, 1, 2, 3]), words)
    assert believed.words[1].evidence > 1


def test_a_separator_may_stand_between_words():
    log_probs = spoken([1, 2, 7, 3])
    path = align_text(log_probs, [[[1, 2]], [[3]]], separator=7)
    assert path.words[1].spans.tolist() == [[15, 17]]
    assert all(word.evidence < 0.1 for word in path.words)


def test_too_few_frames_are_an_error():
    with pytest.raises(DecodingError, match="1 words do not fit into 2 frames"):
        align_text(emission(0, 2), [[[1, 2, 3]]])
