"""Self-training: a model learns from what an earlier one was sure of (Yarowsky 1995; Kahn, Lee & Hannun 2020; Xu et al. 2020)."""

import subprocess
import sys
from itertools import chain
from pathlib import Path

from asr.companions import Companion
from asr.data.manifest import iterate_manifest, write_manifest
from asr.decoding.options import copy_options
from asr.errors import TrainingError


def learn_from_labels(
    labels: Path, transcribed: Path, config: Path, *, model: Path, dev: Path, run_dir: Path
) -> Path:
    """Train on transcribed speech and on pseudo-labels, from the weights of a model; a run that was stopped goes on.

    Args:
        labels: what `asr label` kept, each with its weight.
        transcribed: speech that people have transcribed.
        config: how; its training and development data, and what it starts from, are those given here.
        model: whose weights and, where it was tuned, whose search the new one begins with.
        dev: development data.
        run_dir: the run's folder; beside it the manifest of both.

    Returns:
        The new model.

    Raises:
        ManifestError: an id stands in both manifests, or one cannot be read.
        TrainingError: the training did not end well; it has said why.
    """
    both = run_dir.with_name(f"{run_dir.name}-train.jsonl")
    write_manifest(both, (one for _, one in chain(iterate_manifest(transcribed), iterate_manifest(labels))))
    # A process of its own: trainings start further processes by running their own command again.
    given = {"data.train": both, "data.dev": dev, "training.start_from": model}
    words = ["train", "--config", config, "--run-dir", run_dir, "--auto-resume"]
    words += [word for name, value in given.items() for word in (f"--{name}", value)]
    ended = subprocess.run([sys.executable, "-m", "asr", *map(str, words)], check=False)
    if ended.returncode:
        raise TrainingError(
            f"{run_dir}: the training ended with {ended.returncode}, for the reason above; run the same command again to go on"
        )
    best = run_dir / "checkpoints" / "best.pt"
    tuned, copy = Companion.DECODING.find(model), Companion.DECODING.path(best)
    if tuned is not None and not copy.exists():
        copy_options(tuned, copy)
    return best
