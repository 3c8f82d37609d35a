"""A training that is killed with signal 9 and goes on: are its weights those of one that was not?"""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

from asr.config import save_experiment
from asr.errors import TrainingError
from asr.model.checkpoint import load_checkpoint
from proof.experiments import experiment
from proof.section import Check, Place, Section

# cuDNN's recurrent kernels may add up in another order from run to run.
LIMIT_ON_GPU = 1e-2


def prove(place: Place) -> Section:
    """Train twice, and kill one of them in the middle."""
    config = experiment(place.manifest, 2, 16 if place.tiny else 192)
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, seconds_per_batch=4.0 if place.tiny else 60.0),
        training=dataclasses.replace(config.training, checkpoint_steps=2, ema_decay=0.9),
    )
    save_experiment(place.folder / "survival.yaml", config)
    whole, killed = place.folder / "whole", place.folder / "killed"
    _finish(_start("--config", place.folder / "survival.yaml", "--run-dir", whole))
    process = _start("--config", place.folder / "survival.yaml", "--run-dir", killed)
    while not list((killed / "checkpoints").glob("state-*.ckpt")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    in_the_middle = not (killed / "checkpoints" / "last.pt").exists()
    _finish(_start("--resume", killed))
    left, right = (_weights(run) for run in (whole, killed))
    difference = float((left - right).norm() / left.norm())
    limit = 0.0 if place.device.type == "cpu" else LIMIT_ON_GPU
    return Section(
        "Killed and gone on",
        ("weights that differ", "of", "difference, share of the norm"),
        [(int((left != right).sum()), len(left), difference)],
        [
            Check("the kill came before the end of the first epoch (0: yes)", float(not in_the_middle), 0.0),
            Check("the weights are those of a run that was not killed", difference, limit),
        ],
        ["Two epochs, a state every second step, signal 9 after the first state."],
    )


def _start(*words: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "asr", "train", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def _finish(process: "subprocess.Popen[str]") -> None:
    _, said = process.communicate()
    if process.returncode:
        raise TrainingError(f"a training ended with {process.returncode}: {said.strip().splitlines()[-1:]}")


def _weights(run: Path) -> torch.Tensor:
    """All of the last model, side by side."""
    model = load_checkpoint(run / "checkpoints" / "last.pt").model
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
