"""Where the numbers of a training go beside metrics.csv."""

import dataclasses
import importlib.util
import logging
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import Logger

from asr.config import ExperimentConfig, load_experiment, save_experiment
from asr.errors import ConfigError, TrainingError
from asr.training import trackers
from asr.training.train import train


def tracked(config: ExperimentConfig, *names: str) -> ExperimentConfig:
    return dataclasses.replace(
        config, training=dataclasses.replace(config.training, trackers=names, epochs=1)
    )  # type: ignore[arg-type]


class Notebook(Logger):
    """Remembers what it is told, or cannot write it."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken
        self.rows: list[dict[str, float]] = []
        self.parameters: dict[str, Any] = {}

    name = version = "notebook"
    experiment = None

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        if self.broken:
            raise ValueError("the server has gone")
        self.rows.append(dict(metrics))

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        self.parameters = params


def test_rows_go_to_every_tracker_and_one_that_fails_does_not_end_the_training(
    tone_experiment: ExperimentConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    opened = {"mlflow": Notebook(broken=True), "wandb": Notebook()}
    monkeypatch.setattr(trackers, "_open", lambda name, run_dir: opened[name])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    with caplog.at_level(logging.ERROR):
        train(tracked(tone_experiment, "mlflow", "wandb"), tmp_path / "run")
    assert "Notebook: the server has gone; training goes on" in caplog.text
    [row] = opened["wandb"].rows
    assert row["epoch"] == 1
    assert row["dev_wer"] >= 0
    assert "dev_per" not in row, "there are no phones"
    assert opened["wandb"].parameters["training.seed"] == tone_experiment.training.seed
    assert not (tmp_path / "run" / "tensorboard").exists()


def test_a_tracker_that_is_not_installed_or_twice_there_is_said_before_anything_is_read(
    tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="tensorboard is named twice"):
        train(tracked(tone_experiment, "tensorboard", "tensorboard"), tmp_path / "run")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match="trackers wandb: the package is not installed; `pip install wandb`"
    ):
        train(tracked(tone_experiment, "wandb"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_cannot_be_begun_ends_the_training_before_its_first_step(
    tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Logger:
        raise OSError("no account\nsee the manual")

    monkeypatch.setattr(trackers, "_open", refuse)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    with pytest.raises(
        TrainingError, match=r"training.trackers mlflow: no account; see to its account and server"
    ):
        train(tracked(tone_experiment, "mlflow"), tmp_path / "run")


def test_trackers_are_a_list_in_yaml_and_others_are_an_error(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    save_experiment(tmp_path / "c.yaml", tracked(tone_experiment, "tensorboard", "wandb"))
    assert load_experiment(tmp_path / "c.yaml").training.trackers == ("tensorboard", "wandb")
    assert load_experiment(tmp_path / "c.yaml", ["--training.trackers", "[]"]).training.trackers == ()
    with pytest.raises(ConfigError, match="trackers"):
        load_experiment(tmp_path / "c.yaml", ["--training.trackers", "[comet]"])


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_the_real_ones_take_a_run(
    name: str, tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    train(tracked(tone_experiment, name), tmp_path / "run")
    assert list((tmp_path / "run").glob("wandb/offline-run-*" if name == "wandb" else "mlflow.db"))
