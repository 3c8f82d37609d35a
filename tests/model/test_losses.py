import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.model.acoustic import Emission
from asr.model.losses import consistency_loss, ctc_loss


def collapse(path: tuple[int, ...]) -> list[int]:
    merged = [token for token, _ in itertools.groupby(path)]
    return [token for token in merged if token != 0]


def brute_force(log_probs: torch.Tensor, tokens: list[int]) -> float:
    """-ln of the summed probability of every path that collapses to the tokens."""
    frames, size = log_probs.shape
    total = sum(
        math.exp(sum(float(log_probs[frame, token]) for frame, token in enumerate(path)))
        for path in itertools.product(range(size), repeat=frames)
        if collapse(path) == tokens
    )
    return -math.log(total) if total else math.inf


@settings(max_examples=60)
@given(
    st.integers(1, 5),
    st.integers(2, 4),
    st.lists(st.integers(1, 3), max_size=4),
    st.integers(0, 2**31),
)
def test_ctc_equals_the_sum_over_all_paths(frames: int, size: int, tokens: list[int], seed: int) -> None:
    tokens = [min(token, size - 1) for token in tokens]
    logits = 2 * torch.randn(1, frames, size, generator=torch.Generator().manual_seed(seed))
    log_probs = torch.log_softmax(logits, dim=2)
    padded = torch.tensor([tokens or [0]])
    loss = ctc_loss(Emission(log_probs, torch.tensor([frames])), padded, torch.tensor([len(tokens)]))
    assert float(loss) == pytest.approx(brute_force(log_probs[0], tokens), rel=1e-4, abs=1e-5)


def test_padding_of_frames_and_tokens_does_not_count() -> None:
    log_probs = torch.log_softmax(torch.randn(2, 9, 4), dim=2)
    lengths, token_lengths = torch.tensor([9, 5]), torch.tensor([3, 2])
    together = ctc_loss(Emission(log_probs, lengths), torch.tensor([[1, 2, 3], [2, 2, 3]]), token_lengths)
    alone = ctc_loss(Emission(log_probs[1:, :5], lengths[1:]), torch.tensor([[2, 2]]), token_lengths[1:])
    torch.testing.assert_close(together[1:], alone)


def test_too_few_frames_are_infinite_and_not_hidden() -> None:
    log_probs = torch.log_softmax(torch.randn(1, 2, 3), dim=2)
    loss = ctc_loss(Emission(log_probs, torch.tensor([2])), torch.tensor([[1, 1]]), torch.tensor([2]))
    assert float(loss) == math.inf


def test_the_loss_is_float32_under_autocast() -> None:
    log_probs = torch.log_softmax(torch.randn(1, 6, 3), dim=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = ctc_loss(
            Emission(log_probs.bfloat16(), torch.tensor([6])), torch.tensor([[1]]), torch.tensor([1])
        )
    assert loss.dtype == torch.float32


def test_consistency_is_the_symmetric_divergence_over_valid_frames() -> None:
    first, second = (torch.log_softmax(torch.randn(2, 4, 3), dim=2) for _ in range(2))
    lengths = torch.tensor([4, 2])
    loss = consistency_loss(Emission(first, lengths), Emission(second, lengths))
    for row, length in enumerate(lengths.tolist()):
        p, q = first[row, :length].exp(), second[row, :length].exp()
        expected = 0.5 * ((p * (p / q).log()).sum() + (q * (q / p).log()).sum())
        torch.testing.assert_close(loss[row], expected)


def test_equal_views_agree_and_each_view_learns_from_the_other() -> None:
    log_probs = torch.log_softmax(torch.randn(1, 4, 3), dim=2)
    lengths = torch.tensor([4])
    assert float(consistency_loss(Emission(log_probs, lengths), Emission(log_probs, lengths))) == 0
    first = torch.randn(1, 4, 3, requires_grad=True)
    second = torch.randn(1, 4, 3, requires_grad=True)
    views = [Emission(torch.log_softmax(logits, dim=2), lengths) for logits in (first, second)]
    consistency_loss(*views).sum().backward()
    # The gradient of KL(target || softmax(logits)) is softmax(logits) - target.
    expected = 0.5 * (torch.softmax(first, 2) - torch.softmax(second, 2)).detach()
    torch.testing.assert_close(first.grad, expected)
    torch.testing.assert_close(second.grad, -expected)
