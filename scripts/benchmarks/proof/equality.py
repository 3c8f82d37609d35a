"""Does the device compute what the CPU computes? Features, log-probabilities, losses and gradients."""

import copy
import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from asr.config import ExperimentConfig, HeadsConfig, LettersHeadConfig
from asr.data.batching import Batch
from asr.data.manifest import read_manifest
from asr.data.tokenizer import Tokenizer
from asr.model.features import frame_mask
from asr.model.objectives import ObjectiveConfig
from asr.model.precision import Precision, autocast
from asr.model.recurrent import CELLS
from asr.model.spec_augment import SpecAugmentConfig
from asr.training.heads import read_head_data
from asr.training.module import SpeechModule
from proof.experiments import experiment, first_batch
from proof.section import Check, Place, Section

# The most by which the device may differ from the CPU in float32: features in natural logarithms, probabilities, losses and
# gradients as shares of the CPU's. float32 sums in another order differ in the sixth digit, and recurrences carry that on; bfloat16
# has three digits.
LIMITS: dict[Precision, dict[str, float]] = {
    "float32": {"features": 1e-3, "probabilities": 1e-3, "loss": 1e-3, "gradients": 1e-2},
    "bfloat16": {"features": 1e-3, "probabilities": 0.1, "loss": 0.05, "gradients": 0.2},
}

DIRECTIONS: dict[str, dict[str, Any]] = {
    "one direction": {"bidirectional": False},
    "two": {},
    "two, added": {"join": "sum"},
}
# Layouts of the encoder beside one, two and added directions of each cell.
LAYOUTS: dict[str, dict[str, Any]] = {
    "pyramid": {"pyramid": 1},
    "residual": {"residual": True},
    "projection": {"projection": 12},
    "look-ahead": {"bidirectional": False, "look_ahead": 4},
    "truncation": {"bidirectional": False, "truncation": 20},
    "batch normalisation": {"normalisation": "batch"},
    "stacked frames": {"front_end": "stack"},
}


def cases(config: ExperimentConfig) -> Iterator[tuple[str, ExperimentConfig]]:
    """Every cell in one direction, in two and in two added; every layout; every objective."""
    for cell, (name, changes) in itertools.product(CELLS, DIRECTIONS.items()):
        yield (
            f"{cell}, {name}",
            dataclasses.replace(config, model=dataclasses.replace(config.model, cell=cell, **changes)),
        )
    for name, changes in LAYOUTS.items():
        yield name, dataclasses.replace(config, model=dataclasses.replace(config.model, **changes))
    heads = HeadsConfig(letters=LettersHeadConfig("ctc_crf"))
    yield "CTC-CRF", dataclasses.replace(config, heads=heads)
    kinds: tuple[Literal["transducer", "attention"], ...] = ("transducer", "attention")
    for kind in kinds:
        objective = ObjectiveConfig(kind, hidden_size=16, joint_size=16, embedding_size=8, dropout=0.0)
        yield kind, dataclasses.replace(config, objective=objective)
    yield (
        "consistency",
        dataclasses.replace(config, training=dataclasses.replace(config.training, consistency=0.2)),
    )


def plain(place: Place) -> ExperimentConfig:
    """A small network with nothing in it that is drawn by chance."""
    config = experiment(place.manifest, 2, 16)
    return dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, channels=8, dropout=0.0),
        spec_augment=SpecAugmentConfig(frequency_masks=0, time_masks=0),
    )


def prove(place: Place) -> Section:
    """Compare the device, in both precisions, with the CPU in float32."""
    limits = ", ".join(f"{name} {value:g}" for name, value in LIMITS["float32"].items())
    section = Section(
        "Equal to the CPU",
        ("network", "precision", "features", "probabilities", "loss", "gradients"),
        notes=[
            "Against the CPU in float32: the largest difference of a feature (natural log) and of a probability; the difference of "
            "loss and gradients (Euclidean norm) as a share of the CPU's. TF32 is off.",
            f"Limits in float32: {limits}.",
        ],
    )
    config = plain(place)
    batch, tokenizer = first_batch(config, 3 if place.tiny else 8)
    worst: dict[tuple[Precision, str], float] = {}
    tf32, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, False
    try:
        for name, case in cases(config):
            for precision, found in _differences(case, batch, tokenizer, place.device).items():
                section.rows.append((name, precision, *found.values()))
                for what, value in found.items():
                    key = (precision, what)
                    worst[key] = math.nan if math.isnan(value) else max(worst.get(key, 0.0), value)
    finally:
        torch.backends.cudnn.allow_tf32 = tf32
    section.checks = [
        Check(f"{precision}: {what} as on the CPU", value, LIMITS[precision][what])
        for (precision, what), value in worst.items()
    ]
    return section


def _differences(
    config: ExperimentConfig, batch: Batch, tokenizer: Tokenizer, device: torch.device
) -> dict[Precision, dict[str, float]]:
    torch.manual_seed(1)
    texts = [one.text or "" for one in read_manifest(config.data.train)]
    module = SpeechModule(config, tokenizer, head_data=read_head_data(config, tokenizer, lambda: texts))
    expected = _run(module, batch, torch.device("cpu"), "float32")
    found: dict[Precision, dict[str, float]] = {}
    for precision in LIMITS:
        there = _run(copy.deepcopy(module).to(device), batch, device, precision)
        found[precision] = {
            "features": float((there[0] - expected[0]).abs().max()),
            "probabilities": float((there[1] - expected[1]).abs().max()),
            "loss": abs(there[2] / expected[2] - 1),
            "gradients": float((there[3] - expected[3]).norm() / expected[3].norm()),
        }
    return found


def _run(
    module: SpeechModule, batch: Batch, device: torch.device, precision: Precision
) -> tuple[Tensor, Tensor, float, Tensor]:
    """Features and probabilities within the lengths, the loss, and all gradients side by side; on the CPU."""
    module.train()
    batch = batch.to(device)
    with autocast(device, precision):
        features, feature_lengths = module.model.features(batch.waveforms, batch.waveform_lengths)
        emission = module.model.emission(module.model.encoder(features, feature_lengths))
        loss = module._loss(batch)
    loss.backward()
    gradients = [
        torch.zeros_like(one).flatten() if one.grad is None else one.grad.flatten() for one in module.trained
    ]
    seen = features * frame_mask(feature_lengths, features.shape[1]).unsqueeze(2)
    heard = emission.log_probs.exp() * frame_mask(emission.lengths, emission.log_probs.shape[1]).unsqueeze(2)
    return (
        seen.detach().float().cpu(),
        heard.detach().cpu(),
        float(loss.detach()),
        torch.cat(gradients).float().cpu(),
    )
