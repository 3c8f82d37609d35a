"""The mean of several trained models, weight by weight (Izmailov et al. 2018, "Averaging weights leads to wider optima")."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from asr.errors import CheckpointError, UsageError
from asr.model.acoustic import AcousticModelConfig
from asr.model.checkpoint import Checkpoint, load_checkpoint, unmeasured
from asr.model.spec_augment import SpecAugmentConfig


def average_checkpoints(paths: Sequence[str | Path]) -> Checkpoint:
    """One model whose weights are the means of those of several.

    They should have a training in common: epochs of one run, or runs that began with the same weights. Means of models that
    learned apart are of no use.

    Args:
        paths: at least two checkpoints of the same shape, features and alphabet.

    Returns:
        The model, with the first one's dropout and masks, and notes that name all of them.

    Raises:
        UsageError: fewer than two.
        CheckpointError: one that cannot be read, or that differs from the first; all that do are named.
    """
    if len(paths) < 2:
        raise UsageError(f"{len(paths)} checkpoint to average; name two or more, and then the file to write")
    checkpoints = [load_checkpoint(path) for path in paths]
    first = checkpoints[0]
    differing = [
        f"{path}: {difference}"
        for path, checkpoint in zip(paths[1:], checkpoints[1:], strict=True)
        if (difference := _difference(first, checkpoint))
    ]
    if differing:
        raise CheckpointError(
            f"models that do not fit {paths[0]} cannot be averaged with it: {'; '.join(differing)}"
        )
    states = [checkpoint.model.state_dict() for checkpoint in checkpoints]
    means: dict[str, torch.Tensor] = {}
    for name, value in states[0].items():
        all_values = torch.stack([state[name] for state in states])
        means[name] = all_values.double().mean(dim=0).to(value.dtype) if value.is_floating_point() else value
    first.model.load_state_dict(means)
    notes = {
        **first.notes,
        "averaged": [{"file": str(path), **c.notes} for path, c in zip(paths, checkpoints, strict=True)],
    }
    return Checkpoint(first.model, first.tokenizer, unmeasured(notes))


def _difference(first: Checkpoint, other: Checkpoint) -> str:
    """Where another model does not fit the first, as `what (got, expected)`; "" where it does."""
    if other.tokenizer.vocabulary != first.tokenizer.vocabulary:
        return (
            f"another alphabet ({len(other.tokenizer)} tokens, expected {len(first.tokenizer)} and the same)"
        )
    got, wanted = _flat(_that_counts(other.model.config)), _flat(_that_counts(first.model.config))
    differing = [
        f"{key} {got.get(key)}, expected {wanted.get(key)}"
        for key in sorted(got.keys() | wanted.keys())
        if got.get(key) != wanted.get(key)
    ]
    return f"another shape ({'; '.join(differing)})" if differing else ""


def _that_counts(config: AcousticModelConfig) -> dict[str, Any]:
    """The configuration without what training alone heeds."""
    encoder = replace(config.encoder, dropout=0.0, variational_dropout=False, initial_range=0.0)
    return asdict(replace(config, spec_augment=SpecAugmentConfig(), encoder=encoder))


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
