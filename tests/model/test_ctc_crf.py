"""The CTC-CRF objective against brute force over all paths, and its parts against one another."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from asr.model.ctc_crf import Logarithms, Probabilities, forward_backward, log_partition, unit_posteriors
from asr.model.unit_graphs import (
    Ways,
    batch_graphs,
    build_graph,
    fewest_frames,
    graph_log_likelihood,
)
from asr.model.unit_model import sequence_scores


def make_table(size: int, order: int, seed: int) -> Tensor:
    """Random ln P(c | a, b), `(H, V, V)`."""
    shape = (size if order == 3 else 1, size, size)
    logits = 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if order == 1:
        logits = logits[:, :1].expand(shape)
    return torch.log_softmax(logits, dim=2)


def make_potentials(frames: int, size: int, seed: int, *, impossible: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    potentials = torch.log_softmax(
        2 * torch.randn(1, frames, size, generator=generator, dtype=torch.float64), dim=2
    )
    never = torch.rand(potentials.shape, generator=generator) < impossible
    return potentials.masked_fill(never, -math.inf)


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(unit for unit, _ in itertools.groupby(path) if unit != 0)


def log_prior(table: Tensor, units: tuple[int, ...]) -> float:
    """ln P of units and their end, one after the other."""
    padded = [0, 0, *units, 0]
    return sum(
        float(table[a if len(table) > 1 else 0, b, c])
        for a, b, c in zip(padded, padded[1:], padded[2:], strict=False)
    )


def sums_by_labels(potentials: Tensor) -> dict[tuple[int, ...], Tensor]:
    """The summed probability of all paths of one utterance, by what they collapse to."""
    frames, size = potentials.shape
    sums: dict[tuple[int, ...], Tensor] = {}
    for path in itertools.product(range(size), repeat=frames):
        along = potentials[torch.arange(frames), torch.tensor(path)].sum().exp()
        sums[collapse(path)] = sums.get(collapse(path), torch.zeros(())) + along
    return sums


def brute_partition(potentials: Tensor, table: Tensor) -> Tensor:
    sums = sums_by_labels(potentials[0])
    return (
        torch.stack([math.exp(log_prior(table, units)) * total for units, total in sums.items()]).sum().log()
    )


def brute_graph(potentials: Tensor, words: Ways, table: Tensor | None) -> Tensor:
    """The explicit sum over all ways to say a transcript."""
    sums, total = sums_by_labels(potentials[0]), torch.zeros((), dtype=torch.float64)
    for ways in itertools.product(*words):
        units = tuple(unit for way in ways for unit in way)
        prior = log_prior(table, units) if table is not None else -sum(math.log(len(w)) for w in words)
        total = total + math.exp(prior) * sums.get(units, torch.zeros(()))
    return total.log()


def gradient_of(total: Tensor, potentials: Tensor) -> Tensor:
    if float(total.detach()) == -math.inf:
        return torch.zeros_like(potentials)
    (gradient,) = torch.autograd.grad(total, potentials)
    return gradient.nan_to_num(0.0)  # of potentials of -inf


cases = given(
    frames=st.integers(1, 6),
    size=st.integers(2, 4),
    order=st.integers(1, 3),
    seed=st.integers(0, 2**31),
    impossible=st.sampled_from([0.0, 0.0, 0.3, 0.7]),
)


@settings(max_examples=40)
@cases
@example(frames=1, size=2, order=3, seed=0, impossible=0.0)
@example(frames=3, size=3, order=2, seed=0, impossible=1.0)
def test_the_log_partition_and_its_gradient_are_those_of_all_paths(
    frames: int, size: int, order: int, seed: int, impossible: float
) -> None:
    if size**frames > 1100:
        frames = 5
    table = make_table(size, order, seed)
    potentials = make_potentials(frames, size, seed + 1, impossible=impossible).requires_grad_()
    expected = brute_partition(potentials, table)
    gradient = gradient_of(expected, potentials)
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 2e-5)):
        own = potentials.detach().to(dtype).requires_grad_()
        found = log_partition(own, torch.tensor([frames]), table)
        assert found.dtype == dtype
        assert float(found.detach()) == pytest.approx(float(expected.detach()), abs=tolerance, rel=tolerance)
        found.sum().backward()
        assert own.grad is not None
        torch.testing.assert_close(own.grad.double(), gradient, atol=tolerance, rtol=0)


@settings(max_examples=40)
@given(
    frames=st.integers(1, 6),
    order=st.sampled_from([0, 1, 2, 3]),
    seed=st.integers(0, 2**31),
    words=st.lists(
        st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=2), min_size=1, max_size=3), max_size=3
    ),
    impossible=st.sampled_from([0.0, 0.3]),
)
@example(frames=4, order=3, seed=0, words=[], impossible=0.0)
@example(frames=2, order=2, seed=0, words=[[[1]], [[1]]], impossible=0.0)  # needs a blank between: no room
@example(frames=3, order=3, seed=0, words=[[[1]], [[1]]], impossible=0.0)
@example(frames=5, order=3, seed=1, words=[[[1], [2, 1]], [[1, 1], [2]], [[1], [1, 3], [3]]], impossible=0.0)
def test_a_graph_is_the_sum_over_all_ways_to_say_it(
    frames: int, order: int, seed: int, words: Ways, impossible: float
) -> None:
    frames = min(frames, 5)
    table = make_table(4, order, seed) if order else None
    potentials = make_potentials(frames, 4, seed + 1, impossible=impossible).requires_grad_()
    expected = brute_graph(potentials, words, table)
    gradient = gradient_of(expected, potentials)
    graphs = batch_graphs([build_graph(words, None if table is None else table.numpy())])
    own = potentials.detach().requires_grad_()
    found = graph_log_likelihood(own, torch.tensor([frames]), graphs)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), abs=1e-5, rel=1e-5)
    found.sum().backward()
    assert own.grad is not None
    torch.testing.assert_close(own.grad, gradient, atol=1e-5, rtol=0)
    assert (fewest_frames(words) > frames) <= (float(found.detach()) == -math.inf)
    said = [[unit for way in ways for unit in way] for ways in itertools.product(*words)]
    if order and all(said.count(units) == 1 for units in said):  # two ways may come to the same units
        everything = log_partition(own, torch.tensor([frames]), table)
        assert (
            float(found.detach()) <= float(everything.detach()) + 1e-5
            or float(everything.detach()) == -math.inf
        )


def test_the_total_of_a_graph_is_the_summed_probability_of_its_paths() -> None:
    table = make_table(4, 3, 5)
    words = [[[1], [2, 1]], [[1, 1], [2]], [[3]]]
    expected = sum(
        math.exp(log_prior(table, tuple(unit for way in ways for unit in way)))
        for ways in itertools.product(*words)
    )
    graphs = batch_graphs([build_graph(words, table.numpy()), build_graph(words, None)])
    assert float(graphs.totals[0]) == pytest.approx(math.log(expected), rel=1e-6)
    assert float(graphs.totals[1]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_gradients_by_finite_differences(order: int) -> None:
    table, lengths = make_table(4, order, 0), torch.tensor([7, 4])
    potentials = torch.cat([make_potentials(7, 4, 1), make_potentials(7, 4, 2)]).requires_grad_()
    graphs = batch_graphs(
        [build_graph([[[1, 2], [3]], [[2]]], table.numpy()), build_graph([[[2]], [[2]]], table.numpy())]
    )
    assert torch.autograd.gradcheck(lambda f: log_partition(f, lengths, table), potentials)
    assert torch.autograd.gradcheck(lambda f: graph_log_likelihood(f, lengths, graphs), potentials)


def test_a_chain_of_units_is_ctc() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 20, 6, generator=generator, requires_grad=True)
    log_probs = torch.log_softmax(logits, dim=2)
    tokens, lengths = torch.tensor([[1, 1, 2, 5], [3, 4, 0, 0], [2, 2, 2, 0]]), torch.tensor([20, 9, 15])
    token_lengths = torch.tensor([4, 2, 3])
    ctc = torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1), tokens, lengths, token_lengths, reduction="none"
    )
    graphs = batch_graphs(
        [
            build_graph([[row[:length]]], None)
            for row, length in zip(tokens.tolist(), token_lengths.tolist(), strict=True)
        ]
    )
    found = graph_log_likelihood(log_probs, lengths, graphs)
    torch.testing.assert_close(found, -ctc)
    (expected,) = torch.autograd.grad(ctc.sum(), logits, retain_graph=True)
    (gradient,) = torch.autograd.grad(-found.sum(), logits)
    torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=0)


def test_the_score_of_a_sequence_is_its_probability_with_its_end() -> None:
    for order in (1, 2, 3):
        table = make_table(5, order, order)
        units = torch.tensor([[1, 4, 4, 2], [3, 1, 0, 0], [2, 2, 2, 2]])
        scores = sequence_scores(table, units, torch.tensor([4, 1, 0]))
        expected = [log_prior(table, row) for row in ((1, 4, 4, 2), (3,), ())]
        assert scores.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("order", [2, 3])
def test_padding_changes_nothing(order: int) -> None:
    """Neither frames past the end, NaN among them, nor longer utterances beside it."""
    table = make_table(5, order, 3).float()
    short, long = make_potentials(6, 5, 1).float(), make_potentials(11, 5, 2).float()
    together = torch.full((2, 11, 5), math.nan)
    together[0, :6], together[1] = short[0], long[0]
    together.requires_grad_()
    lengths = torch.tensor([6, 11])
    words = [[[1, 2]], [[3], [4, 4]]]
    graphs = batch_graphs([build_graph(words, table.numpy()), build_graph(words * 2, table.numpy())])
    alone = batch_graphs([build_graph(words, table.numpy())])
    for value, expected in (
        (log_partition(together, lengths, table), log_partition(short, lengths[:1], table)),
        (
            graph_log_likelihood(together, lengths, graphs),
            graph_log_likelihood(short, lengths[:1], alone),
        ),
    ):
        torch.testing.assert_close(value[:1], expected)
        (gradient,) = torch.autograd.grad(value.sum(), together, retain_graph=True)
        assert (gradient[0, 6:] == 0).all()
        torch.testing.assert_close(gradient[:, :6].sum(dim=2), torch.ones(2, 6))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_and_logarithms_agree(order: int) -> None:
    table = make_table(8, order, 2)
    potentials = make_potentials(40, 8, 4)
    results = [
        forward_backward(potentials, table, numbers, with_posteriors=True)
        for numbers in (Probabilities, Logarithms)
    ]
    torch.testing.assert_close(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])


def test_the_only_path_is_not_lost_however_improbable() -> None:
    """It starts 200 nats below the others, which all end where nothing follows: single precision alone would lose it."""
    table = make_table(3, 3, 0).float()
    potentials = torch.full((2, 4, 3), -math.inf)
    potentials[:, 0] = torch.tensor([0.0, -200.0, -math.inf])
    potentials[:, 1] = torch.tensor([0.0, -math.inf, -math.inf])
    potentials[:, 2] = torch.tensor([-math.inf, -math.inf, 0.0])
    potentials[:, 3] = torch.tensor([0.0, -math.inf, 0.0])
    table[0, 0, 2] = -1000.0  # no utterance begins with unit 2
    potentials.requires_grad_()
    found = log_partition(potentials, torch.tensor([4, 4]), table)
    expected = brute_partition(potentials[:1].detach().double(), table.double())
    torch.testing.assert_close(found.detach().double(), expected.expand(2))
    found.sum().backward()
    assert potentials.grad is not None
    assert potentials.grad[:, 0].tolist() == pytest.approx(np.array([[0.0, 1.0, 0.0]] * 2))


def test_posteriors_are_the_shares_of_all_paths() -> None:
    table, potentials = make_table(3, 3, 1), make_potentials(4, 3, 2)
    shares = torch.zeros(4, 3, dtype=torch.float64)
    for path in itertools.product(range(3), repeat=4):
        along = potentials[0, torch.arange(4), torch.tensor(path)].sum() + log_prior(table, collapse(path))
        shares[torch.arange(4), torch.tensor(path)] += along.exp()
    found = unit_posteriors(potentials, torch.tensor([4]), table)
    torch.testing.assert_close(
        found[0].exp().double(), shares / shares.sum(1, keepdim=True), atol=1e-5, rtol=0
    )


def test_calls_do_not_disturb_one_another() -> None:
    """Memory is kept from call to call: for larger and smaller batches, inferences among them."""
    table, cases = make_table(5, 3, 0).float(), []
    for frames, seed in ((9, 1), (4, 2), (20, 3), (7, 4)):
        potentials = make_potentials(frames, 5, seed).float().requires_grad_()
        with torch.inference_mode():
            unit_posteriors(make_potentials(12, 5, 9).float(), torch.tensor([12]), table)
        cases.append((potentials, log_partition(potentials, torch.tensor([frames]), table)))
    for potentials, total in cases:
        expected, _, _ = forward_backward(potentials.detach(), table, Logarithms, with_posteriors=False)
        torch.testing.assert_close(total.detach(), expected)
        total.sum().backward()
        assert potentials.grad is not None
        torch.testing.assert_close(potentials.grad.sum(dim=2), torch.ones(1, potentials.shape[1]))


def test_the_result_is_float32_under_autocast() -> None:
    table, potentials = make_table(6, 3, 0).float(), make_potentials(9, 6, 1).float()
    plain = log_partition(potentials, torch.tensor([9]), table)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = log_partition(potentials, torch.tensor([9]), table)
    assert torch.equal(plain, cast)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_finds_what_a_cpu_finds() -> None:
    table, lengths = make_table(6, 3, 0).float(), torch.tensor([30, 12])
    potentials = torch.cat([make_potentials(30, 6, seed) for seed in (1, 2)]).float()
    graphs = batch_graphs([build_graph([[[1, 2], [3]], [[4]]], table.numpy())] * 2)
    found = []
    for device in (torch.device("cpu"), torch.device("cuda")):
        own = potentials.to(device).requires_grad_()
        value = log_partition(own, lengths.to(device), table.to(device))
        value = value - graph_log_likelihood(own, lengths.to(device), graphs.to(device))
        (gradient,) = torch.autograd.grad(value.sum(), own)
        found.append((value.detach().cpu(), gradient.cpu()))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-5, rtol=0)
