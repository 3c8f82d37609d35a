"""What a training survives: kill -9, signals, broken states, full disks, vanished files, odd clocks."""

import csv
import dataclasses
import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from forked import finish, record_steps, start, train_or_resume, write_noise

from asr.config import (
    ExperimentConfig,
    HeadsConfig,
    LettersHeadConfig,
    PhonesHeadConfig,
    UnitModelConfig,
    save_experiment,
)
from asr.data.augmentation.config import (
    AugmentationConfig,
    BandConfig,
    ClippingConfig,
    CodecConfig,
    GainConfig,
    NoiseConfig,
    NonSpeechConfig,
    ReverberationConfig,
    SilenceConfig,
    TelephoneConfig,
)
from asr.errors import CheckpointError, TrainingError, UsageError
from asr.model.checkpoint import load_checkpoint
from asr.training.state import newest_state, read_state
from asr.training.train import resume, train


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the forks: sums over more threads round differently."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def noise_experiment(tone_experiment: ExperimentConfig, tmp_path: Path) -> ExperimentConfig:
    """Seventeen utterances of noise; two epochs of nine batches, everything random switched on, Muon, CTC-CRF on two heads."""
    manifest = write_noise(tmp_path, 17)
    pronunciations = tmp_path / "phones.dict"
    pronunciations.write_text("A  EY\nA(2)  AH\nB  B IY\n")
    unit_model = UnitModelConfig(order=2)
    return dataclasses.replace(
        tone_experiment,
        data=dataclasses.replace(
            tone_experiment.data,
            train=str(manifest),
            augmentation=AugmentationConfig(
                (0.9, 1.0, 1.1),
                NonSpeechConfig(0.2),
                SilenceConfig(0.5, longest=0.1),
                ReverberationConfig(0.5),
                NoiseConfig(0.5),
                ClippingConfig(0.5),
                BandConfig(0.5),
                TelephoneConfig(0.5),
                CodecConfig(0.3),
                GainConfig(0.5),
            ),
        ),
        optimizer=dataclasses.replace(tone_experiment.optimizer, kind="muon"),
        heads=HeadsConfig(
            letters=LettersHeadConfig("ctc_crf", unit_model=unit_model),
            phones=PhonesHeadConfig(0.5, "ctc_crf", pronunciations=str(pronunciations)),
        ),
        training=dataclasses.replace(
            tone_experiment.training, consistency=0.2, ema_decay=0.9, checkpoint_steps=2, keep_checkpoints=2
        ),
    )


def with_training(config: ExperimentConfig, **changes: object) -> ExperimentConfig:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))  # type: ignore[arg-type]


def steps_of(path: Path) -> dict[tuple[str, str], str]:
    """The last thing seen of each (epoch, step)."""
    lines = [line.split(" ", 2) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(epoch, step): rest for epoch, step, rest in lines}


def metrics(run: Path, *columns: str) -> list[list[str]]:
    return [[row[column] for column in columns] for row in csv.DictReader((run / "metrics.csv").open())]


def assert_same_weights(one: Path, other: Path) -> None:
    for name in ("last.pt", "best.pt"):
        left, right = (load_checkpoint(run / "checkpoints" / name).model.state_dict() for run in (one, other))
        assert all(torch.equal(left[key], right[key]) for key in left), name


def test_killed_at_random_steps_five_times_it_ends_bit_for_bit_as_if_nothing_had_been(
    noise_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def run(folder: Path, losses: Path, die_after: int | None) -> Callable[[], None]:
        def work() -> None:
            record_steps(losses, die_after=die_after)
            train_or_resume(noise_experiment, folder)

        return work

    first = start(run(whole, tmp_path / "whole.txt", None), tmp_path / "whole.err")
    assert finish([first], seconds=240) == [0], (tmp_path / "whole.err").read_text()
    draw = random.Random(11)
    for attempt in range(5):
        process = start(
            run(killed, tmp_path / "killed.txt", draw.randint(1 if attempt else 3, 4)),
            tmp_path / "killed.err",
        )
        assert finish([process], seconds=240) == [-signal.SIGKILL], (tmp_path / "killed.err").read_text()
    last = start(run(killed, tmp_path / "killed.txt", None), tmp_path / "killed.err")
    assert finish([last], seconds=240) == [0], (tmp_path / "killed.err").read_text()

    expected = steps_of(tmp_path / "whole.txt")
    assert len(expected) == 18
    assert steps_of(tmp_path / "killed.txt") == expected
    columns = ("epoch", "train_loss", "dev_loss", "dev_wer", "gradient_norm", "learning_rate")
    assert metrics(killed, *columns) == metrics(whole, *columns)
    assert_same_weights(whole, killed)
    assert len(list((killed / "checkpoints").glob("state-*.ckpt"))) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_saves_the_state_and_the_run_goes_on_from_the_next_batch(
    noise_experiment: ExperimentConfig, tmp_path: Path, number: int
) -> None:
    config = with_training(noise_experiment, checkpoint_steps=0, checkpoint_minutes=0.0)

    def work() -> None:
        record_steps(tmp_path / "steps.txt", die_after=4, number=number)
        train(config, tmp_path / "run")

    code = finish([start(work, tmp_path / "err")], seconds=240)
    said = (tmp_path / "err").read_text()
    assert code == [1], said
    assert f"stopped by a signal; `asr train --resume {tmp_path / 'run'}` goes on at the next batch" in said
    # The signal comes during the fifth step; what a step does was settled before it.
    assert len(steps_of(tmp_path / "steps.txt")) == 6
    state = read_state(next((tmp_path / "run" / "checkpoints").glob("state-*.ckpt")))
    assert state["asr_training"]["sampler"]["behind"] == [[1, 6]]
    resume(tmp_path / "run")
    train(config, tmp_path / "whole")
    assert_same_weights(tmp_path / "run", tmp_path / "whole")


def test_a_signal_to_every_process_of_a_job_is_heeded_by_the_trainer_alone(
    noise_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = dataclasses.replace(
        with_training(noise_experiment, epochs=500),
        data=dataclasses.replace(noise_experiment.data, workers=2),
    )
    save_experiment(tmp_path / "noise.yaml", config)
    run_dir = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "asr", "train", "--config", tmp_path / "noise.yaml", "--run-dir", run_dir],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not list((run_dir / "checkpoints").glob("state-*.ckpt")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1, said
    assert f"asr: stopped by a signal; `asr train --resume {run_dir}` goes on at the next batch" in said
    assert "Traceback" not in said
    assert "died" not in said


def test_a_signal_during_validation_repeats_the_validation_and_nothing_else(
    noise_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asr.training.module import SpeechModule

    original = SpeechModule.on_validation_epoch_start

    def terminated(module: SpeechModule) -> None:
        original(module)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(SpeechModule, "on_validation_epoch_start", terminated)
    with pytest.raises(TrainingError, match="stopped by a signal"):
        train(noise_experiment, tmp_path / "run")
    monkeypatch.undo()
    resume(tmp_path / "run")
    train(noise_experiment, tmp_path / "whole")
    columns = ("epoch", "train_loss", "dev_loss", "gradient_norm")
    assert metrics(tmp_path / "run", *columns) == metrics(tmp_path / "whole", *columns)
    assert_same_weights(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_broken_newest_state_is_named_and_the_one_before_is_taken(
    noise_experiment: ExperimentConfig,
    tmp_path: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("logging.Logger.propagate", True, raising=False)
    train(with_training(noise_experiment, epochs=1), tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints"
    older, newer = sorted(folder.glob("state-*.ckpt"))
    content = bytearray(newer.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 255
    newer.write_bytes(content)
    with caplog.at_level("WARNING", logger="asr"):
        found = newest_state(folder)
    assert found is not None
    assert found[0] == older
    assert not newer.exists()
    assert newer.with_suffix(".broken").exists()
    assert f"{newer}: broken" in caplog.text
    older.write_bytes(b"")
    best = (folder / "best.pt").read_bytes()
    for _ in range(2):  # a scheduler runs a job again
        with pytest.raises(CheckpointError, match="every state in it is broken"):
            train_or_resume(with_training(noise_experiment, epochs=1), tmp_path / "run")
    assert (folder / "best.pt").read_bytes() == best


def test_a_run_goes_on_only_with_the_data_it_stopped_in_the_middle_of(
    noise_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    def work() -> None:
        record_steps(tmp_path / "steps.txt", die_after=4)
        train(noise_experiment, tmp_path / "run")

    assert finish([start(work, tmp_path / "err")], seconds=240) == [-signal.SIGKILL]
    manifest = Path(noise_experiment.data.train)
    manifest.write_text(
        "".join(manifest.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8"
    )
    with pytest.raises(
        CheckpointError, match=r"training data .* have changed .* 16 utterances .* 17 utterances"
    ):
        resume(tmp_path / "run")
    with pytest.raises(UsageError, match=r"--optimizer.learning_rate cannot change in a resumed run"):
        resume(tmp_path / "run", ["--optimizer.learning_rate", "1"])


def test_a_full_disk_is_said_and_survived(
    noise_experiment: ExperimentConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    train(noise_experiment, tmp_path / "whole")
    calls = 0
    real = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if 5 <= calls <= 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    train(noise_experiment, tmp_path / "run")
    assert calls > 12
    assert_same_weights(tmp_path / "run", tmp_path / "whole")
    assert not list((tmp_path / "run").rglob("*.part"))
    assert metrics(tmp_path / "run", "train_loss") == metrics(tmp_path / "whole", "train_loss")


def test_a_disk_that_stays_full_ends_in_an_error_and_keeps_what_was_there(
    noise_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match=r"training is over, but .* could not be saved: .*No space left"):
        train(noise_experiment, tmp_path / "run")
    monkeypatch.undo()
    assert newest_state(tmp_path / "run" / "checkpoints") is not None
    resume(tmp_path / "run")
    train(noise_experiment, tmp_path / "whole")
    assert_same_weights(tmp_path / "run", tmp_path / "whole")


def test_audio_that_vanishes_or_breaks_is_left_out_counted_and_limited(
    noise_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    (tmp_path / "noise" / "n3.wav").unlink()
    (tmp_path / "noise" / "n4.wav").write_bytes(b"RIFF, but not really")
    train(noise_experiment, tmp_path / "run")
    assert metrics(tmp_path / "run", "unreadable") == [["2"], ["2"]]
    with pytest.raises(
        TrainingError,
        match=r"2 utterances of this epoch could not be read, training.max_unreadable is 1: .*utt n[34]",
    ):
        train(with_training(noise_experiment, max_unreadable=1), tmp_path / "strict")


def test_a_clock_that_jumps_back_changes_nothing(
    noise_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() - 3600.0 * next(calls))
    train(with_training(noise_experiment, checkpoint_minutes=1e-9), tmp_path / "run")
    rows = metrics(tmp_path / "run", "seconds", "hours_per_hour", "data_wait_share")
    assert all(0 < float(seconds) < 600 and float(speed) > 0 for seconds, speed, _ in rows)
    assert all(0 <= float(share) <= 1 for *_, share in rows)
    monkeypatch.undo()
    train(noise_experiment, tmp_path / "whole")
    assert_same_weights(tmp_path / "run", tmp_path / "whole")
