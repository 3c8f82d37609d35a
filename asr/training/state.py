"""The state of a training: saved in the middle of an epoch too, and gone on from at the very next batch.

A state holds weights, their average, optimiser and learning rate, where in which epoch the sampler is,
and what the epoch has added up to so far. Dropout, masks and augmentation need no state: they follow from
the seed, the epoch, the step and the utterance. For Lightning every state looks like one saved between
two epochs; which batches are left of the epoch, the sampler knows.
"""

import dataclasses
import logging
import os
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import lightning
import torch.distributed
from lightning.pytorch.plugins.io import TorchCheckpointIO

from asr.data.bucketing import BucketBatchSampler
from asr.errors import AsrError, CheckpointError, TrainingError
from asr.files import remove_leftovers
from asr.model.checkpoint import TRAINING_STATE, read_torch, write_torch
from asr.training.module import SpeechModule
from asr.training.processes import is_first_process
from asr.training.signals import StopSignals
from asr.training.totals import Agreement, TrainTotals

log = logging.getLogger(__name__)

_PATTERN = "state-*.ckpt"


class TrainingStopped(TrainingError):
    """A signal asked for an end; the state was saved. `requeue` says that the job is to run again."""

    def __init__(self, *, requeue: bool) -> None:
        super().__init__("stopped by a signal")
        self.requeue = requeue


class StateIO(TorchCheckpointIO):
    """Lightning's states, written beside and renamed. A failure to write is said and remembered, and
    training goes on with the state before: the disk may have room again by the next time.

    Args:
        loaded: the state that `newest_state` has read already.
    """

    def __init__(self, loaded: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.loaded = loaded
        self.failure: str | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write the state whole or not at all."""
        try:
            write_torch(Path(path), checkpoint)
            self.failure = None
        except AsrError as error:
            self.failure = str(error)
            log.error("%s; training goes on, the state before is kept", error)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """The state: plain tensors and values only."""
        if self.loaded is None:
            return read_state(Path(path))
        # Whoever else holds it, holds an empty one from now on: a state is as large as three models.
        record = dict(self.loaded)
        self.loaded.clear()
        self.loaded = None
        return record


class TrainingState(lightning.Callback):
    """Saves the state after every epoch, every so many minutes or steps within it, and on signals.

    Args:
        folder: where states lie.
        sampler: of the training batches of this process; its position was loaded already.
        signals: what the process was asked to do.
        io: writes the states.
        minutes: time between two states within an epoch; 0 saves none for time.
        steps: steps of an epoch between two states; 0 saves none for steps.
        keep: states that are kept.
        loaded: the state that training goes on from.
    """

    def __init__(
        self,
        folder: Path,
        sampler: BucketBatchSampler,
        signals: StopSignals,
        io: StateIO,
        *,
        minutes: float,
        steps: int,
        keep: int,
        loaded: dict[str, Any] | None,
    ) -> None:
        self.folder = folder
        self.sampler = sampler
        self.signals = signals
        self.io = io
        self.seconds = 60 * minutes
        self.steps = steps
        self.keep = max(1, keep)
        self.loaded = loaded[TRAINING_STATE] if loaded is not None else None
        self.done = 0
        self.epoch_over = False
        self.agreed = Agreement()

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Take up the sums where they were."""
        assert isinstance(module, SpeechModule)
        self._saved = time.monotonic()
        if self.loaded is not None:
            parts = [TrainTotals(**part) for part in self.loaded["totals"]]
            if self.sampler.behind:
                module.carried = TrainTotals.shared_out(
                    parts, rank=trainer.global_rank, world_size=trainer.world_size
                )
            module.nonfinite_steps = self.loaded["nonfinite_steps"]
        self.loaded = None
        if trainer.is_global_zero:
            remove_leftovers(self.folder, _PATTERN)

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Nothing of this epoch is done yet by these processes."""
        self.done = 0
        self.epoch_over = False

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_index: int
    ) -> None:
        """Tell the step where it stands, and what this process wants after it."""
        assert isinstance(module, SpeechModule)
        module.steps_behind = self.sampler.batches_behind + self.done
        module.epoch_share = self.sampler.share(self.done + 1)
        due = self.steps > 0 and (module.steps_behind + 1) % self.steps == 0
        if trainer.is_global_zero and self.seconds > 0:
            due |= time.monotonic() - self._saved >= self.seconds
        module.wishes = Agreement(save=due, stop=self.signals.stop, requeue=self.signals.requeue)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_index: int,
    ) -> None:
        """Do what the processes agreed on, once the batches of a step are through."""
        assert isinstance(module, SpeechModule)
        self.done += 1
        module.check_unreadable()
        weight, *others = map(max, self.agreed, module.agreed)
        self.agreed = Agreement(weight, *map(int, others))
        if not module.between_steps:
            return
        agreed, self.agreed = self.agreed, Agreement()
        if agreed.save or agreed.stop:
            self._save(trainer)
        if agreed.stop:
            raise TrainingStopped(requeue=agreed.requeue > 0)

    def on_validation_batch_start(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        batch: Any,
        batch_index: int,
        dataloader_idx: int = 0,
    ) -> None:
        """A signal does not wait for the end of a validation: that is repeated when training goes on."""
        wishes = [int(self.signals.stop), int(self.signals.requeue)]
        if trainer.world_size > 1:
            counts = torch.tensor(wishes, device=module.device)
            torch.distributed.all_reduce(counts)
            wishes = counts.tolist()
        if wishes[0]:
            self._save(trainer)
            raise TrainingStopped(requeue=wishes[1] > 0)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """An epoch is over: its validation may be all that was left of it."""
        if self.done == 0:
            trainer.validating = True
            trainer.fit_loop.epoch_loop.val_loop.run()
            trainer.training = True
        self.epoch_over = True
        self._save(trainer)

    def _save(self, trainer: lightning.Trainer) -> None:
        epochs = trainer.current_epoch + self.epoch_over
        batches = 0 if self.epoch_over else self.sampler.batches_behind + self.done
        trainer.save_checkpoint(self.folder / f"state-{epochs:05d}-{batches:08d}.ckpt")
        self._saved = time.monotonic()
        if trainer.is_global_zero and self.io.failure is None:
            for path in _newest_first(self.folder)[self.keep :]:
                path.unlink(missing_ok=True)

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the position and the sums of all processes; for Lightning, the epoch has not begun."""
        assert isinstance(module, SpeechModule)
        parts: list[Any] = [dataclasses.asdict(module.train_totals)]
        if trainer.world_size > 1:
            parts = [None] * trainer.world_size
            torch.distributed.all_gather_object(parts, dataclasses.asdict(module.train_totals))
        epochs = trainer.current_epoch + self.epoch_over
        position = self.sampler.state_dict(batches_done=self.done)
        if self.epoch_over:
            position = {**position, "epoch": epochs, "behind": []}
        checkpoint[TRAINING_STATE] = {
            "sampler": position,
            "totals": parts,
            "nonfinite_steps": module.nonfinite_steps,
        }
        counts = dict.fromkeys(("ready", "started", "processed", "completed"), epochs)
        checkpoint["loops"]["fit_loop"]["epoch_progress"] = {"total": counts, "current": dict(counts)}


def sampler_position(state: dict[str, Any]) -> dict[str, Any]:
    """What `BucketBatchSampler.load_state_dict` takes of a state."""
    return state[TRAINING_STATE]["sampler"]


def read_state(path: Path) -> dict[str, Any]:
    """Read a state, after the checksum of every part of it.

    Raises:
        CheckpointError: missing, broken, or not a state of a training.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise CheckpointError(f"{path}: broken ({error})") from None
    if broken is not None:
        raise CheckpointError(f"{path}: broken ({broken} does not have its checksum)")
    record = read_torch(path)
    if not isinstance(record, dict) or TRAINING_STATE not in record:
        raise CheckpointError(f"{path}: not the state of a training of this program; start a new run")
    return record


def newest_state(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest state in a folder that is whole, or None where there has never been one. A broken one is said
    to be so, and set aside.

    Raises:
        CheckpointError: all of them are broken.
    """
    paths = _newest_first(folder)
    for path in paths:
        try:
            return path, read_state(path)
        except CheckpointError as error:
            log.warning("%s; going back to the state before", error)
            if is_first_process() and path.exists():
                path.rename(path.with_suffix(".broken"))
    if paths or list(folder.glob("*.broken")):
        raise CheckpointError(f"{folder}: every state in it is broken; start a new run in another folder")
    return None


def requeue_job() -> None:
    """Ask SLURM, where the process runs under it, to run the job again."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    name = f"{array}_{task}" if array and task else job
    try:
        done = subprocess.run(["scontrol", "requeue", name], capture_output=True, text=True, check=False)
    except OSError as error:
        log.error("scontrol requeue %s: %s; submit the job again", name, error)
        return
    if done.returncode:
        log.error("scontrol requeue %s: %s; submit the job again", name, done.stderr.strip())
    else:
        log.info("SLURM will run job %s again", name)


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob(_PATTERN), reverse=True)
