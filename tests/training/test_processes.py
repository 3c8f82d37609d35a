"""Several processes share a training on the CPU, through the real command line."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

from asr.config import ExperimentConfig, save_experiment
from asr.model.checkpoint import load_checkpoint


def test_two_processes_train_on_uneven_data_and_report_once(
    tone_experiment: ExperimentConfig, tmp_path: Path, run_asr: Callable[..., object]
) -> None:
    save_experiment(tmp_path / "c.yaml", tone_experiment)
    manifest = Path(tone_experiment.data.train)
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(lines[:3]) + "\n")  # three utterances for two processes
    done = run_asr(
        "train", "--config", tmp_path / "c.yaml", "--run-dir", tmp_path / "run", "--training.cpu_processes", 2
    )
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]
    assert done.stdout.strip() == str(tmp_path / "run" / "checkpoints" / "best.pt")  # type: ignore[attr-defined]
    assert done.stderr.count("epoch 2/2") == 1  # type: ignore[attr-defined]
    rows = list(csv.DictReader((tmp_path / "run" / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert len(json.loads((tmp_path / "run" / "run.json").read_text())) == 1
    assert load_checkpoint(tmp_path / "run" / "checkpoints" / "last.pt").notes["epoch"] == 2
