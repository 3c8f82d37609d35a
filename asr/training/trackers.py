"""Where the numbers of a training go beside metrics.csv: Lightning's own loggers, each imported where the configuration names it."""

import dataclasses
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from asr.cache import settings_digest
from asr.config import ExperimentConfig, Tracker
from asr.errors import ConfigError, TrainingError

_PROJECT = "asr"


def check_trackers(names: Sequence[Tracker]) -> None:
    """Raise ConfigError for a tracker whose package is not installed, or that is named twice."""
    for number, name in enumerate(names):
        if importlib.util.find_spec(name) is None:
            raise ConfigError(
                f"training.trackers {name}: the package is not installed; `pip install {name}`, or leave it out"
            )
        if name in names[:number]:
            raise ConfigError(f"training.trackers: {name} is named twice")


def open_trackers(config: ExperimentConfig, run_dir: Path) -> list[Logger]:
    """The loggers of a training. Weights & Biases and MLflow get the configuration, too, and are asked whether they answer.

    A resumed run goes on with its run in Weights & Biases; in MLflow it begins another one of the same name.

    Args:
        config: names them in `training.trackers`.
        run_dir: with its run.json.

    Raises:
        TrainingError: one cannot be begun: no such server, no account.
    """
    loggers: list[Logger] = []
    for name in config.training.trackers:
        try:
            logger = _open(name, run_dir)
            if name != "tensorboard":
                _ = getattr(logger, "experiment")  # noqa: B009  what begins the run there
                logger.log_hyperparams(dict(_flat(dataclasses.asdict(config))))
        except Exception as error:  # each library has errors of its own
            reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise TrainingError(
                f"training.trackers {name}: {reason[0]}; see to its account and server, or leave it out"
            ) from error
        loggers.append(logger)
    return loggers


def _open(name: Tracker, run_dir: Path) -> Logger:
    if name == "wandb":
        return WandbLogger(
            name=run_dir.name,
            id=_digest(run_dir / "run.json"),
            save_dir=run_dir,
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
        )
    if name == "mlflow":
        return MLFlowLogger(
            experiment_name=os.environ.get("MLFLOW_EXPERIMENT_NAME", _PROJECT),
            run_name=run_dir.name,
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI")
            or f"sqlite:///{run_dir.resolve() / 'mlflow.db'}",
        )
    return TensorBoardLogger(run_dir, name="tensorboard", version="", default_hp_metric=False)


def _digest(record: Path) -> str | None:
    """A name of a run that a resumed one has, too: of the first entry of its record. The first process writes that, and only it tracks."""
    if not record.exists():
        return None
    first = json.loads(record.read_text(encoding="utf-8"))[0]
    return settings_digest(first)[:12]


def _flat(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """`{"data": {"workers": 2}}` -> ("data.workers", 2)."""
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value if isinstance(value, str | int | float) else str(value)
