"""Muon: steps along the nearest orthogonal matrix to the momentum, for the matrices of the encoder.

K. Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", with the step size of
J. Liu et al. 2025, "Muon is scalable for LLM training" (arXiv 2502.16982), so that learning rates are those
of AdamW. A recurrent layer's weight is a stack of matrices, one a gate, and each is orthogonalised alone.
Everything else (biases, norms, convolutions, output layers) goes with AdamW.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, distributed, nn

from asr.model.precision import resolve_precision
from asr.model.recurrent.layer import RecurrentLayer

MOMENTUM = 0.95
_ITERATIONS = 5
# A quintic of the singular values whose iteration brings all of them near 1 (Jordan et al. 2024).
_LINEAR, _CUBIC, _QUINTIC = 3.4445, -4.7750, 2.0315
# Root mean square of AdamW's steps, as a share of the learning rate (Liu et al. 2025).
_STEP_SIZE = 0.2


def stacked_matrices(encoder: nn.Module) -> dict[nn.Parameter, int]:
    """The matrices of an encoder, and of how many, one below the other, each is a stack.

    The weights of recurrent layers are stacks of one a gate; those of linear layers are one.
    """
    matrices: dict[nn.Parameter, int] = {}
    for module in encoder.modules():
        if isinstance(module, RecurrentLayer):
            for parameter in module.parameters():
                if parameter.ndim == 2 and len(parameter) % module.hidden_size == 0:
                    matrices[parameter] = len(parameter) // module.hidden_size
        elif isinstance(module, nn.Linear):
            for parameter in module.parameters():
                if parameter.ndim == 2:
                    matrices.setdefault(parameter, 1)
    return matrices


class Muon(torch.optim.AdamW):
    """Muon for groups of matrices, AdamW for all others.

    Where several processes train together, each orthogonalises its share of the matrices and gets the
    others' shares: all make the same step.

    Args:
        groups: of parameters; those with a "stack" hold matrices, each a stack of so many (`stacked_matrices`).
        lr: learning rate; a matrix moves by 0.2 times as much (root mean square of its elements).
        betas: of AdamW.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], *, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, lr=lr, betas=betas, fused=True)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        gradients: list[tuple[nn.Parameter, Tensor]] = []
        by_shape: dict[torch.Size, list[_Move]] = {}
        for group in self.param_groups:
            if "stack" not in group:
                continue
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradients.append((parameter, parameter.grad))
                move = _Move(parameter, self._direction(parameter), group)
                by_shape.setdefault(move.matrices.shape[1:], []).append(move)
        for moves in by_shape.values():
            orthogonal = orthogonalise_together(torch.cat([move.matrices for move in moves]))
            for move, matrices in zip(
                moves, orthogonal.split([len(move.matrices) for move in moves]), strict=True
            ):
                move.make(matrices)
        for parameter, _ in gradients:
            parameter.grad = None  # AdamW leaves a parameter without a gradient alone
        super().step()
        for parameter, gradient in gradients:
            parameter.grad = gradient
        return loss

    def _direction(self, parameter: nn.Parameter) -> Tensor:
        """Nesterov's momentum of a gradient."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if "momentum" not in state:
            state["step"] = torch.tensor(0.0)  # AdamW looks for it when a state is loaded
            state["momentum"] = torch.zeros_like(parameter)
        state["step"] += 1
        momentum = state["momentum"].lerp_(parameter.grad, 1 - MOMENTUM)
        return parameter.grad.lerp(momentum, MOMENTUM)


class _Move:
    """A stack of matrices that is to be moved.

    Attributes:
        matrices: `(stack, rows, columns)` of its momentum, transposed where there are more rows than columns.
    """

    def __init__(self, parameter: nn.Parameter, direction: Tensor, group: dict[str, Any]) -> None:
        self.parameter, self.group = parameter, group
        self.matrices = direction.unflatten(0, (group["stack"], -1))
        self.tall = self.matrices.shape[1] > self.matrices.shape[2]
        if self.tall:
            self.matrices = self.matrices.transpose(1, 2)

    def make(self, orthogonal: Tensor) -> None:
        """Move the parameter against these `(stack, rows, columns)`."""
        rate = self.group["lr"]
        size = _STEP_SIZE * orthogonal.shape[2] ** 0.5  # the longer side
        if self.tall:
            orthogonal = orthogonal.transpose(1, 2)
        self.parameter.mul_(1 - rate * self.group["weight_decay"])
        self.parameter.sub_(orthogonal.reshape(self.parameter.shape), alpha=rate * size)


def orthogonalise_together(matrices: Tensor) -> Tensor:
    """`orthogonalise`, the matrices shared out among the processes that train together."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return orthogonalise(matrices)
    processes, rank = distributed.get_world_size(), distributed.get_rank()
    share = -(-len(matrices) // processes)
    mine = orthogonalise(matrices[rank * share : (rank + 1) * share])
    part = mine.new_zeros(share, *matrices.shape[1:])
    part[: len(mine)] = mine
    parts = [torch.empty_like(part) for _ in range(processes)]
    distributed.all_gather(parts, part)
    return torch.cat(parts)[: len(matrices)]


def orthogonalise(matrices: Tensor) -> Tensor:
    """Matrices with the same singular vectors, and singular values near 1 (0.7 to 1.2).

    Five steps of a Newton-Schulz iteration.

    Args:
        matrices: `(n, rows, columns)` float32, rows <= columns; a matrix of zeros stays one.

    Returns:
        As many in bfloat16 where the device multiplies it, which is exact enough for a direction and half
        as much to send to other processes; else in float32.
    """
    fast = resolve_precision("auto", matrices.device) == "bfloat16"
    turned = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-12)
    turned = turned.to(torch.bfloat16 if fast else torch.float32)
    for _ in range(_ITERATIONS):
        square = turned @ turned.transpose(1, 2)
        polynomial = torch.baddbmm(square, square, square, beta=_CUBIC, alpha=_QUINTIC)
        turned = torch.baddbmm(turned, polynomial, turned, beta=_LINEAR)
    return turned
