"""Optimisers, clipping, weight noise, early stopping, starting points: what recurrent networks were trained with."""

import csv
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from asr.config import ExperimentConfig, IntermediateHeadConfig, OptimizerConfig
from asr.data.manifest import read_manifest
from asr.data.tokenizer import UnitTokenizer
from asr.errors import ConfigError, TrainingError
from asr.model.checkpoint import load_checkpoint
from asr.training.module import SpeechModule
from asr.training.optimizers import build_optimizer, build_schedule
from asr.training.train import train
from asr.training.weight_noise import WeightNoise

Change = Callable[..., ExperimentConfig]


def changed(config: ExperimentConfig, **groups: dict[str, object]) -> ExperimentConfig:
    """Some fields of some groups replaced."""
    parts = {name: dataclasses.replace(getattr(config, name), **fields) for name, fields in groups.items()}
    return dataclasses.replace(config, **parts)


def rows_of(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "metrics.csv").open()))


@pytest.mark.parametrize("kind", ["adamw", "adam", "rmsprop", "sgd"])
def test_every_optimizer_descends_and_decays_matrices_alone(kind: str) -> None:
    config = OptimizerConfig(kind=kind, learning_rate=0.01, schedule="constant")  # type: ignore[arg-type]
    matrix, bias = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))
    optimizer = build_optimizer(config, [matrix, bias], matrices={matrix: 1})
    assert [group["weight_decay"] for group in optimizer.param_groups] == [config.weight_decay, 0.0]
    schedule = build_schedule(config, optimizer, progress=lambda: 0.5)
    for _ in range(5):
        optimizer.zero_grad()
        (matrix.square().sum() + bias.square().sum()).backward()
        optimizer.step()
        schedule.step()
    assert matrix.abs().max() < 1
    assert bias.abs().max() < 1
    assert optimizer.param_groups[0]["lr"] == 0.01


def test_impossible_optimizers_are_refused() -> None:
    with pytest.raises(ConfigError, match="a rate above 0"):
        build_optimizer(OptimizerConfig(learning_rate=0), [], matrices={})
    with pytest.raises(ConfigError, match="expected 0 or more"):
        build_optimizer(OptimizerConfig(gradient_clip_value=-1), [], matrices={})


def test_weight_noise_is_redrawn_and_leaves_the_weights_as_they_were(
    tone_experiment: ExperimentConfig,
) -> None:
    module = SpeechModule(tone_experiment, UnitTokenizer(["<blank>", "A", "B"]))
    before = {name: weight.clone() for name, weight in module.model.state_dict().items()}
    noise = WeightNoise(module.model, 0.075)
    drawn = []
    for _ in range(2):
        noise.add()
        drawn.append(torch.cat([(w - before[name]).flatten() for name, w in module.model.named_parameters()]))
        noise.remove()
        assert all(torch.equal(weight, before[name]) for name, weight in module.model.state_dict().items())
    assert drawn[0].std().item() == pytest.approx(0.075, rel=0.1)
    assert abs(torch.corrcoef(torch.stack(drawn))[0, 1]) < 0.2


def test_weight_noise_in_training_reaches_the_gradient_but_not_the_saved_model(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    """With a learning rate of next to nothing the weights end where they began, noise or not."""
    config = changed(
        tone_experiment,
        optimizer={"learning_rate": 1e-12, "weight_decay": 0.0},
        training={"epochs": 1, "ema_decay": 0.0},
    )
    weights, norms = [], []
    for deviation in (0.0, 0.5):
        run = tmp_path / str(deviation)
        train(changed(config, training={"weight_noise": deviation}), run)
        weights.append(load_checkpoint(run / "checkpoints" / "last.pt").model.state_dict())
        norms.append(float(rows_of(run)[0]["gradient_norm"]))
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name], atol=1e-6, rtol=0)
    assert abs(norms[0] - norms[1]) > 1e-3


def test_training_ends_when_nothing_gets_better(tone_experiment: ExperimentConfig, tmp_path: Path) -> None:
    config = changed(
        tone_experiment,
        optimizer={"learning_rate": 1e-12},
        training={"epochs": 9, "patience": 2, "best_by": "loss", "ema_decay": 0.0},
    )
    best = train(config, tmp_path / "run")
    rows = rows_of(tmp_path / "run")
    losses = [float(row["dev_loss"]) for row in rows]
    first = losses.index(min(losses))
    assert len(rows) - 1 - first <= 2
    assert len(rows) < 9
    assert load_checkpoint(best).notes["epoch"] == first + 1


def test_best_by_loss_and_best_by_errors_are_what_they_say(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    for measure in ("wer", "loss"):
        run = tmp_path / measure
        best = train(changed(tone_experiment, training={"epochs": 4, "best_by": measure}), run)
        rows = rows_of(run)
        values = [float(row[f"dev_{measure}"]) for row in rows]
        assert values[load_checkpoint(best).notes["epoch"] - 1] == min(values)


def test_a_loss_an_utterance_is_the_loss_a_token_times_the_tokens(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    """Each utterance of the fixture has one token: both must train alike; with two tokens they must not."""
    base = changed(tone_experiment, training={"epochs": 1})
    states = []
    for kind in ("token", "utterance"):
        train(changed(base, optimizer={"loss_per": kind, "kind": "sgd"}), tmp_path / kind)
        states.append(load_checkpoint(tmp_path / kind / "checkpoints" / "last.pt").model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_clipping_by_value_bounds_every_gradient(tone_experiment: ExperimentConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    config = changed(
        tone_experiment, optimizer={"gradient_clip_value": 1e-4, "gradient_clip": 0.0}, training={"epochs": 1}
    )
    train(config, run)
    count = sum(
        weight.numel() for weight in load_checkpoint(run / "checkpoints" / "last.pt").model.parameters()
    )
    assert float(rows_of(run)[0]["gradient_norm"]) <= 1e-4 * math.sqrt(count) + 1e-9


def test_features_are_normalised_by_the_training_data_and_the_checkpoint_knows(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = changed(
        tone_experiment, features={"normalisation": "global", "n_mels": 8}, training={"epochs": 1}
    )
    best = train(config, tmp_path / "run")
    features = load_checkpoint(best).model.features
    from asr.data.audio import read_audio

    frames = []
    for utterance in read_manifest(config.data.train):
        waveform = torch.from_numpy(read_audio(utterance.audio, sample_rate=16000))
        found, _ = features(waveform[None], torch.tensor([len(waveform)]))
        frames.append(found[0])
    pooled = torch.cat(frames)
    torch.testing.assert_close(pooled.mean(dim=0), torch.zeros(8), atol=1e-3, rtol=0)
    vary = features.deviation > 2e-3  # a band in which the tones do not sound has next to no variance
    assert vary.sum() >= 4
    torch.testing.assert_close(pooled.std(dim=0)[vary], torch.ones(8)[vary], atol=2e-2, rtol=0)


def test_training_starts_from_a_checkpoint_of_the_same_shape(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = changed(tone_experiment, training={"epochs": 1, "ema_decay": 0.0})
    first = train(config, tmp_path / "first").with_name("last.pt")
    still = changed(
        config, training={"start_from": str(first)}, optimizer={"learning_rate": 1e-12, "weight_decay": 0.0}
    )
    second = train(still, tmp_path / "second").with_name("last.pt")
    states = [load_checkpoint(path).model.state_dict() for path in (first, second)]
    for name in states[0]:
        torch.testing.assert_close(states[0][name], states[1][name], atol=1e-6, rtol=0)
    with pytest.raises(TrainingError, match="a model of another shape"):
        train(changed(still, model={"hidden_size": 9}), tmp_path / "third")


def test_a_head_below_the_top_of_a_pyramid_is_refused(tone_experiment: ExperimentConfig) -> None:
    heads = {"intermediate": IntermediateHeadConfig(0.3, 1)}
    config = changed(tone_experiment, model={"layers": 2, "pyramid": 1}, heads=heads)
    with pytest.raises(ConfigError, match="at the pyramid's top"):
        SpeechModule(config, UnitTokenizer(["<blank>", "A", "B"]))


@pytest.mark.parametrize("kind", ["transducer", "attention"])
def test_other_objectives_train_beside_ctc_and_are_saved(
    kind: str, tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = changed(
        tone_experiment,
        objective={"kind": kind, "embedding_size": 4, "hidden_size": 6, "joint_size": 6},
        training={"epochs": 2, "consistency": 0.2},
    )
    best = train(config, tmp_path / "run")
    first, last = (float(row["train_loss"]) for row in rows_of(tmp_path / "run"))
    assert math.isfinite(first)
    assert last < first
    model = load_checkpoint(best).model
    assert model.config.objective == config.objective
    assert model.objective is not None
