"""Several processes share a training on the CPU: started by Lightning, by torchrun, and some of them killed."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import finish, record_steps, start, start_ranks, write_noise

from asr.config import ExperimentConfig, save_experiment
from asr.data.augmentation.config import AugmentationConfig
from asr.data.bucketing import BucketBatchSampler, shared_evenly
from asr.errors import TrainingError
from asr.model.checkpoint import load_checkpoint
from asr.model.spec_augment import SpecAugmentConfig
from asr.training.processes import Launch, find_launch
from asr.training.state import newest_state, sampler_position
from asr.training.train import resume, train


@pytest.fixture
def plain_experiment(tone_experiment: ExperimentConfig, tmp_path: Path) -> ExperimentConfig:
    """Thirteen utterances of noise, three epochs, nothing random but the order."""
    manifest = write_noise(tmp_path, 13)
    return dataclasses.replace(
        tone_experiment,
        data=dataclasses.replace(
            tone_experiment.data,
            train=str(manifest),
            augmentation=AugmentationConfig(speeds=(1.0,)),
        ),
        spec_augment=SpecAugmentConfig(frequency_masks=0, time_masks=0),
        model=dataclasses.replace(tone_experiment.model, dropout=0.0),
        training=dataclasses.replace(tone_experiment.training, epochs=3, checkpoint_steps=1),
    )


def seen_in(*files: Path) -> list[tuple[int, int, list[str]]]:
    """(epoch, step, utterances) of every step of every process."""
    lines = [line.split(" ") for file in files if file.exists() for line in file.read_text().splitlines()]
    return [(int(epoch), int(step), ids.split(",")) for epoch, step, _, ids in lines]


def said_by(folder: Path, count: int) -> str:
    return "\n".join((folder / f"rank{rank}.txt").read_text() for rank in range(count))


def test_two_processes_follow_the_curve_of_one_with_their_batches_put_together(
    plain_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    def rank(number: int) -> None:
        record_steps(tmp_path / f"steps{number}.txt")
        train(plain_experiment, tmp_path / "two")

    def alone() -> None:
        def left(sampler: BucketBatchSampler) -> list[np.ndarray]:
            if not sampler.shuffle:
                return sampler.batches(0, world_size=1)
            pairs = shared_evenly(sampler.batches(sampler.epoch, world_size=2), 2)
            return [np.concatenate(pairs[first : first + 2]) for first in range(0, len(pairs), 2)]

        BucketBatchSampler.left = left  # type: ignore[method-assign]
        train(plain_experiment, tmp_path / "one")

    one = start(alone, tmp_path / "one.txt")
    codes = finish([*start_ranks(rank, 2, tmp_path / "said"), one], seconds=240)
    assert codes == [0, 0, 0], said_by(tmp_path / "said", 2) + (tmp_path / "one.txt").read_text()
    curves = [
        [
            (float(row["train_loss"]), float(row["dev_loss"]), float(row["gradient_norm"]))
            for row in csv.DictReader((tmp_path / run / "metrics.csv").open())
        ]
        for run in ("one", "two")
    ]
    assert len(curves[0]) == 3
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)
    weights = [
        load_checkpoint(tmp_path / run / "checkpoints" / "last.pt").model.state_dict()
        for run in ("one", "two")
    ]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-3, atol=1e-4)
    for epoch in range(3):
        steps = [
            step for step in seen_in(tmp_path / "steps0.txt", tmp_path / "steps1.txt") if step[0] == epoch
        ]
        assert Counter(name for *_, ids in steps for name in ids) == Counter(f"n{n}" for n in range(13))


def test_one_of_three_processes_is_killed_the_others_say_so_and_two_go_on(
    plain_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    def rank(number: int) -> None:
        record_steps(tmp_path / f"three{number}.txt", die_after=1 if number == 2 else None)
        train(plain_experiment, tmp_path / "run")

    processes = start_ranks(rank, 3, tmp_path / "three")
    processes[2].join(240)
    began = time.monotonic()
    codes = finish(processes, seconds=60)
    assert codes == [1, 1, -signal.SIGKILL], said_by(tmp_path / "three", 3)
    assert time.monotonic() - began < 60
    assert "has lost another one of this training" in said_by(tmp_path / "three", 2)

    found = newest_state(tmp_path / "run" / "checkpoints")
    assert found is not None
    position = sampler_position(found[1])
    assert position["behind"] == [[3, 1]]

    def going_on(number: int) -> None:
        record_steps(tmp_path / f"two{number}.txt")
        resume(tmp_path / "run")

    codes = finish(start_ranks(going_on, 2, tmp_path / "two"), seconds=240)
    assert codes == [0, 0], said_by(tmp_path / "two", 2)
    before = [step for step in seen_in(*tmp_path.glob("three?.txt")) if step[:2] < (0, 1)]
    after = seen_in(*tmp_path.glob("two?.txt"))
    for epoch in range(3):
        names = [name for found_epoch, _, ids in [*before, *after] if found_epoch == epoch for name in ids]
        assert sorted(names) == sorted(f"n{n}" for n in range(13)), epoch
    assert load_checkpoint(tmp_path / "run" / "checkpoints" / "last.pt").notes["epoch"] == 3


def test_sigterm_to_both_processes_ends_them_with_the_state_saved(
    plain_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = dataclasses.replace(
        plain_experiment,
        training=dataclasses.replace(plain_experiment.training, epochs=1000, checkpoint_steps=0),
    )

    def rank(number: int) -> None:
        record_steps(tmp_path / f"steps{number}.txt")
        train(config, tmp_path / "run")

    processes = start_ranks(rank, 2, tmp_path / "said")
    deadline = time.monotonic() + 240
    while len(seen_in(tmp_path / "steps0.txt")) < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        os.kill(process.pid, signal.SIGTERM)  # type: ignore[arg-type]
    assert finish(processes, seconds=30) == [1, 0], said_by(tmp_path / "said", 2)
    assert "goes on at the next batch" in said_by(tmp_path / "said", 1)
    found = newest_state(tmp_path / "run" / "checkpoints")
    assert found is not None
    epoch, step, _ = seen_in(tmp_path / "steps0.txt")[-1]
    position = sampler_position(found[1])
    assert (position["epoch"], [tuple(part) for part in position["behind"]]) == (epoch, [(2, step + 1)])


def test_more_processes_than_batches_share_a_step_in_peace(
    plain_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = dataclasses.replace(
        plain_experiment, data=dataclasses.replace(plain_experiment.data, utterances_per_batch=1)
    )
    manifest = Path(config.data.train)
    manifest.write_text(
        "".join(manifest.read_text(encoding="utf-8").splitlines(keepends=True)[:3]), encoding="utf-8"
    )

    def rank(number: int) -> None:
        record_steps(tmp_path / f"steps{number}.txt")
        train(config, tmp_path / "run")

    codes = finish(start_ranks(rank, 2, tmp_path / "said"), seconds=240)
    assert codes == [0, 0], said_by(tmp_path / "said", 2)
    names = [name for *_, ids in seen_in(*tmp_path.glob("steps?.txt")) for name in ids]
    assert Counter(names) == {"n0": 3, "n1": 3, "n2": 3}


def test_audio_unreadable_in_one_process_stops_both_when_it_is_too_much(
    plain_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = dataclasses.replace(
        plain_experiment, training=dataclasses.replace(plain_experiment.training, max_unreadable=0)
    )
    (tmp_path / "noise" / "n3.wav").unlink()
    codes = finish(start_ranks(lambda _: train(config, tmp_path / "run"), 2, tmp_path / "said"), seconds=240)
    assert codes == [1, 1]
    assert said_by(tmp_path / "said", 2).count("1 utterances of this epoch could not be read") == 2
    assert "n3.wav: no such audio file" in said_by(tmp_path / "said", 2)


@pytest.mark.parametrize("launcher", ["lightning", "torchrun"])
def test_processes_that_a_launcher_starts_report_once(
    launcher: str, tone_experiment: ExperimentConfig, tmp_path: Path, run_asr: Callable[..., object]
) -> None:
    save_experiment(tmp_path / "c.yaml", tone_experiment)
    words = ["train", "--config", tmp_path / "c.yaml", "--run-dir", tmp_path / "run"]
    if launcher == "lightning":
        done = run_asr(*words, "--training.cpu_processes", 2)
    else:
        done = subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "asr"]
            + [str(word) for word in words],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]
    assert done.stdout.strip() == str(tmp_path / "run" / "checkpoints" / "best.pt")  # type: ignore[attr-defined]
    assert done.stderr.count("epoch 2/2") == 1  # type: ignore[attr-defined]
    assert "2 processes" in done.stderr  # type: ignore[attr-defined]
    rows = list(csv.DictReader((tmp_path / "run" / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert len(json.loads((tmp_path / "run" / "run.json").read_text())) == 1
    assert load_checkpoint(tmp_path / "run" / "checkpoints" / "last.pt").notes["epoch"] == 2


def test_torchrun_and_slurm_decide_how_many_processes_there_are() -> None:
    torchrun = {"TORCHELASTIC_RUN_ID": "7", "WORLD_SIZE": "16", "LOCAL_WORLD_SIZE": "8"}
    assert find_launch(1, torchrun) == Launch(8, 2, "torchrun")
    slurm = {"SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "train"}
    assert find_launch(1, slurm) == Launch(4, 2, "SLURM")
    assert find_launch(3, {}) == Launch(3)
    assert find_launch(3, {"SLURM_NTASKS": "1"}) == Launch(3)
    with pytest.raises(TrainingError, match="SLURM started 7 processes on 2 machines; expected equally many"):
        find_launch(1, {"SLURM_NTASKS": "7", "SLURM_NNODES": "2"})
