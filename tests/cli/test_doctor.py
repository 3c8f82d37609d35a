"""`asr doctor` and `asr tune-batch` as people call them."""

import os
from pathlib import Path

import pytest

from asr.cli import main
from asr.config import ExperimentConfig, save_experiment
from asr.training import doctor


def test_doctor_names_what_the_machine_has(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main(["doctor", "--folder", str(tmp_path / "runs" / "new")])
    printed = capsys.readouterr().out
    for subject in ("Python", "processor", "memory", "GPU", "libraries", "audio", "disk", "open files"):
        assert subject in printed
    assert code == (1 if "\n!" in printed else 0)


def test_doctor_says_what_clashes_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        doctor, "requires", lambda _: ["torch<1.0,>=0.4; python_version > '3'", "nowhere-found>=2"]
    )
    libraries = next(finding for finding in doctor.examine(tmp_path) if finding.subject == "libraries")
    assert libraries.verdict == "broken"
    assert "torch" in libraries.found
    assert "nowhere-found is missing" in libraries.found
    assert libraries.change.startswith("pip install")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    disk = next(finding for finding in doctor.examine(tmp_path) if finding.subject == "disk")
    assert disk.verdict == "broken"
    assert "No space left" in disk.found


def test_tune_batch_tries_budgets_and_ends_with_the_option(
    tone_experiment: ExperimentConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_experiment(tmp_path / "c.yaml", tone_experiment)
    assert (
        main(["tune-batch", "--config", str(tmp_path / "c.yaml"), "--data.utterances_per_batch", "64"]) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    option, value = lines[-1].split()
    assert option == "--data.seconds_per_batch"
    budgets = [float(line.split()[0]) for line in lines[1:-1]]
    assert budgets == sorted(budgets)
    assert int(value) in {int(budget) for budget in budgets}


def test_what_does_not_fit_bounds_what_is_recommended() -> None:
    from asr.errors import ConfigError
    from asr.training.batch_tuning import Trial, recommended

    trials = [Trial(100.0, 8, 50.0, 3.0, True), Trial(200.0, 16, 40.0, 6.0, True)]
    assert recommended(trials) == 100.0, "on a CPU: the fastest"
    assert recommended([*trials, Trial(400.0, 32, 0.0, float("nan"), False)]) == pytest.approx(180.0)
    with pytest.raises(ConfigError, match="not even the longest utterance fits"):
        recommended([Trial(30.0, 1, 0.0, float("nan"), False)])
