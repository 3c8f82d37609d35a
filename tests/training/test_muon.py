"""Muon against torch's, against the singular value decomposition, and shared by processes."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import finish, start_ranks
from torch import nn

from asr.model.encoder import Encoder, EncoderConfig
from asr.training.muon import Muon, orthogonalise, stacked_matrices

BETAS = (0.9, 0.98)


def matrices(stack: int, *parameters: nn.Parameter, decay: float) -> dict[str, Any]:
    """A group of stacks of so many matrices."""
    return {"params": list(parameters), "stack": stack, "weight_decay": decay}


def vectors(*parameters: nn.Parameter) -> dict[str, Any]:
    """A group that AdamW moves."""
    return {"params": list(parameters), "weight_decay": 0.0}


@pytest.mark.parametrize("shape", [(24, 40), (40, 24)])
def test_a_matrix_moves_as_with_torchs_own(shape: tuple[int, int]) -> None:
    ours = nn.Parameter(torch.randn(shape))
    theirs = nn.Parameter(ours.detach().clone())
    muon = Muon([matrices(1, ours, decay=0.1)], lr=0.01, betas=BETAS)
    oracle = torch.optim.Muon([theirs], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(6):
        before = theirs.detach().clone()
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        muon.step()
        oracle.step()
        # Both iterate in bfloat16, or ours in float32: three digits of the step.
        moved = (theirs - before).norm()
        assert (ours - theirs).norm() < 0.05 * moved
        with torch.no_grad():
            ours.copy_(theirs)


@pytest.mark.parametrize("size", [(3, 16, 16), (2, 8, 50), (1, 1, 5)])
def test_orthogonalising_keeps_singular_vectors_and_evens_values_out(size: tuple[int, int, int]) -> None:
    matrices = torch.randn(size)
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    turned = left.transpose(1, 2) @ orthogonalise(matrices).float() @ right.transpose(1, 2)
    found = turned.diagonal(dim1=1, dim2=2)
    # Values far below the largest are not brought up all the way.
    assert found[values > 0.02 * values.norm(dim=1, keepdim=True)].min() > 0.6
    assert found.max() < 1.3
    assert (turned - torch.diag_embed(found)).abs().max() < 0.05


def test_zeros_stay_zeros() -> None:
    assert not orthogonalise(torch.zeros(1, 4, 6)).any()


def test_each_gate_is_a_matrix_of_its_own() -> None:
    """A gate whose gradient is a thousand times smaller moves as far as the others."""
    weight = nn.Parameter(torch.zeros(4 * 16, 24))
    weight.grad = torch.randn(4 * 16, 24)
    weight.grad[16:32] *= 1e-3
    Muon([matrices(4, weight, decay=0.0)], lr=1.0, betas=BETAS).step()
    lengths = weight.detach().unflatten(0, (4, 16)).norm(dim=(1, 2))
    assert lengths.max() / lengths.min() < 1.2


def test_what_is_no_matrix_moves_with_adamw() -> None:
    matrix, bias, kernel = (nn.Parameter(torch.randn(size)) for size in [(8, 8), (8,), (4, 1, 3, 3)])
    copies = [nn.Parameter(parameter.detach().clone()) for parameter in (kernel, bias)]
    muon = Muon(
        [matrices(1, matrix, decay=0.1), {"params": [kernel], "weight_decay": 0.1}, vectors(bias)],
        lr=0.01,
        betas=BETAS,
    )
    oracle = torch.optim.AdamW(
        [{"params": copies[:1]}, {"params": copies[1:], "weight_decay": 0.0}],
        lr=0.01,
        betas=BETAS,
        weight_decay=0.1,
    )
    for _ in range(3):
        for parameter in (matrix, bias, kernel):
            parameter.grad = torch.randn_like(parameter)
        gradient = matrix.grad
        for twin, parameter in zip(copies, (kernel, bias), strict=True):
            twin.grad = parameter.grad
        muon.step()
        oracle.step()
        assert matrix.grad is gradient
    torch.testing.assert_close(kernel, copies[0])
    torch.testing.assert_close(bias, copies[1])


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3), ("rnn_tanh", 1), ("lstm_peephole", 4)])
def test_the_matrices_of_an_encoder_are_its_gates_and_its_projection(cell: str, gates: int) -> None:
    config = EncoderConfig(cell=cell, layers=2, hidden_size=8, channels=4)  # type: ignore[arg-type]
    encoder = Encoder(config, features=80)
    found = stacked_matrices(encoder)
    shapes = sorted((tuple(parameter.shape), count) for parameter, count in found.items())
    recurrent = [((gates * 8, columns), gates) for columns in (8, 16)] * 4  # 2 layers, 2 directions
    assert shapes == sorted([*recurrent, (tuple(encoder.subsampling.project.weight.shape), 1)])


def test_processes_that_share_the_work_make_the_same_step_as_one(tmp_path: Path) -> None:
    def stepped() -> nn.Parameter:
        generator = torch.Generator().manual_seed(1)
        weight = nn.Parameter(torch.zeros(3 * 8, 12))  # three matrices, two processes
        muon = Muon([matrices(3, weight, decay=0.0)], lr=0.1, betas=BETAS)
        for _ in range(3):
            weight.grad = torch.randn(weight.shape, generator=generator)
            muon.step()
        return weight

    def rank(number: int) -> None:
        torch.distributed.init_process_group("gloo")
        torch.save(stepped(), tmp_path / f"{number}.pt")
        torch.distributed.destroy_process_group()

    codes = finish(start_ranks(rank, 2, tmp_path / "said"), seconds=60)
    assert codes == [0, 0], (tmp_path / "said" / "rank0.txt").read_text()
    first, second = (torch.load(tmp_path / f"{number}.pt") for number in range(2))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, stepped(), rtol=0.02, atol=0.002)


def test_a_state_that_was_saved_goes_on_as_if_nothing_had_been() -> None:
    def built() -> tuple[nn.Parameter, nn.Parameter, Muon]:
        generator = torch.Generator().manual_seed(2)
        matrix, bias = (nn.Parameter(torch.randn(size, generator=generator)) for size in [(8, 6), (8,)])
        return matrix, bias, Muon([matrices(1, matrix, decay=0.1), vectors(bias)], lr=0.1, betas=BETAS)

    def steps(parameters: tuple[nn.Parameter, nn.Parameter], muon: Muon, gradients: range) -> None:
        for seed in gradients:
            generator = torch.Generator().manual_seed(seed)
            for parameter in parameters:
                parameter.grad = torch.randn(parameter.shape, generator=generator)
            muon.step()

    matrix, bias, muon = built()
    steps((matrix, bias), muon, range(2))
    saved = copy.deepcopy(muon.state_dict())
    other_matrix, other_bias, other = built()
    other_matrix.data.copy_(matrix.data)
    other_bias.data.copy_(bias.data)
    other.load_state_dict(saved)
    steps((matrix, bias), muon, range(2, 4))
    steps((other_matrix, other_bias), other, range(2, 4))
    assert torch.equal(matrix, other_matrix)
    assert torch.equal(bias, other_bias)
