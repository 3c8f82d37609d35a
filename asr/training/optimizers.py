"""The optimiser and learning rate schedule that a configuration asks for."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR

from asr.config import OptimizerConfig
from asr.errors import ConfigError
from asr.training.muon import Muon

_BETAS = (0.9, 0.98)


def build_optimizer(
    config: OptimizerConfig,
    parameters: Sequence[torch.nn.Parameter],
    *,
    matrices: Mapping[torch.nn.Parameter, int],
    new: Sequence[torch.nn.Parameter] = (),
) -> torch.optim.Optimizer:
    """The optimiser of some parameters; weights of matrices decay, biases and norms do not.

    Args:
        config: which one, and its rates.
        parameters: all that are to be moved.
        matrices: those of them that "muon" moves as matrices (`muon.stacked_matrices`).
        new: those of them that move at `new_parts` times the learning rate.

    Raises:
        ConfigError: a learning rate, momentum or clipping limit that makes no sense.
    """
    if config.learning_rate <= 0 or not 0 <= config.momentum < 1:
        raise ConfigError(
            f"optimizer.learning_rate {config.learning_rate}, optimizer.momentum {config.momentum}; "
            "expected a rate above 0 and a momentum from 0 to below 1"
        )
    if min(config.gradient_clip, config.gradient_clip_value, config.weight_decay) < 0:
        raise ConfigError("optimizer.gradient_clip, gradient_clip_value and weight_decay; expected 0 or more")
    if config.new_parts <= 0:
        raise ConfigError(f"optimizer.new_parts {config.new_parts}; expected a factor above 0")
    rate = config.learning_rate
    groups = parameter_groups(config, parameters, matrices if config.kind == "muon" else {}, new)
    if config.kind == "muon":
        return Muon(groups, lr=rate, betas=_BETAS)
    if config.kind == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=_BETAS, fused=True)
    if config.kind == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=_BETAS, fused=True)
    if config.kind == "rmsprop":
        return torch.optim.RMSprop(groups, lr=rate, momentum=config.momentum)
    return torch.optim.SGD(groups, lr=rate, momentum=config.momentum, fused=True)


def parameter_groups(
    config: OptimizerConfig,
    parameters: Sequence[torch.nn.Parameter],
    matrices: Mapping[torch.nn.Parameter, int],
    new: Sequence[torch.nn.Parameter],
) -> list[dict[str, Any]]:
    """Parameters that move alike, as torch's optimisers take them: those that are not new come first."""
    anew = set(new)
    groups: dict[tuple[bool, float, bool], list[torch.nn.Parameter]] = defaultdict(list)
    for parameter in parameters:
        # Stacks of few matrices, then of many, then what is no matrix, and vectors last.
        stack = matrices.get(parameter, math.inf)
        groups[parameter in anew, stack, parameter not in matrices and parameter.ndim <= 1].append(parameter)
    found = []
    for (is_new, stack, is_vector), members in sorted(groups.items(), key=lambda item: item[0]):
        group: dict[str, Any] = {
            "params": members,
            "lr": config.learning_rate * (config.new_parts if is_new else 1.0),
            "weight_decay": 0.0 if is_vector else config.weight_decay,
        }
        if stack < math.inf:
            group["stack"] = int(stack)
        found.append(group)
    return found


def build_schedule(
    config: OptimizerConfig, optimizer: torch.optim.Optimizer, *, progress: Callable[[], float]
) -> LambdaLR:
    """The learning rate of each step, as a share of the highest; `progress` tells the share of training done."""
    if config.schedule == "constant":
        return LambdaLR(optimizer, lambda _: 1.0)
    return LambdaLR(optimizer, lambda _: one_cycle(progress(), warmup=config.warmup))


def one_cycle(progress: float, *, warmup: float) -> float:
    """Share of the highest learning rate: cosine from 1/25 up to 1 over `warmup`, then down to 1e-4.

    Args:
        progress: share of the training that is done.
        warmup: share of the training on which the learning rate rises.
    """
    if progress < warmup:
        low, high, part = 1 / 25, 1.0, progress / warmup
    else:
        low, high, part = 1.0, 1e-4, min(1.0, (progress - warmup) / max(1e-9, 1 - warmup))
    return low + (high - low) * (1 - math.cos(math.pi * part)) / 2
