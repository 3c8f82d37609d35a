"""The models that a run leaves on disk: the best and the last."""

import logging
import math
import time
from pathlib import Path

import lightning

from asr.errors import AsrError, TrainingError
from asr.files import write_atomically
from asr.model.checkpoint import Checkpoint, checkpoint_bytes
from asr.training.curves import draw_curves
from asr.training.epoch_log import EpochLog, best_row
from asr.training.module import SpeechModule

log = logging.getLogger(__name__)

BEST, LAST = "best.pt", "last.pt"


class ModelFiles(lightning.Callback):
    """After each validation: last.pt, best.pt when it is the best by `training.best_by`, curves.png.

    Curves are drawn when that takes a twentieth of the time since they were last drawn, at most, and at the end. A model that cannot be written (the disk is full) is kept in memory and tried again after the next
    epoch; training goes on.

    Args:
        run_dir: the run folder.
        epoch_log: has the numbers of the epoch; it must stand before this callback.
        title: of the curves.
    """

    def __init__(self, run_dir: Path, epoch_log: EpochLog, *, title: str) -> None:
        self.run_dir = run_dir
        self.folder = run_dir / "checkpoints"
        self.epoch_log = epoch_log
        self.title = title
        self.unwritten: dict[str, bytes] = {}
        self._drawn_epochs, self._drawn_at, self._drawing_took = 0, -math.inf, 0.0

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Write the files."""
        assert isinstance(module, SpeechModule)
        if not trainer.is_global_zero:
            return
        rows = self.epoch_log.rows
        row = rows[-1]
        notes = {"epoch": row.epoch, "dev_wer": row.dev_wer, "dev_cer": row.dev_cer, "title": self.title}
        model = checkpoint_bytes(Checkpoint(module.best_weights, module.tokenizer, notes))
        self.unwritten[LAST] = model
        if row is best_row(rows, module.config.training.best_by):
            self.unwritten[BEST] = model
        self.write()
        if time.monotonic() - self._drawn_at >= 20 * self._drawing_took:
            self._draw()

    def _draw(self) -> None:
        rows = self.epoch_log.rows
        began = time.monotonic()
        try:
            draw_curves(self.run_dir / "curves.png", rows, title=self.title)
        except AsrError as error:
            log.error("%s; training goes on", error)
        self._drawn_epochs, self._drawn_at = len(rows), time.monotonic()
        self._drawing_took = self._drawn_at - began

    def write(self) -> str:
        """Write the models that are not on the disk yet; what went wrong, if something did."""
        trouble = ""
        for name, model in list(self.unwritten.items()):
            try:
                with write_atomically(self.folder / name, mode="wb") as file:
                    file.write(model)
                del self.unwritten[name]
            except AsrError as error:
                trouble = trouble or str(error)
                log.error("%s; training goes on, and tries again after the next epoch", error)
        return trouble

    def finish(self) -> None:
        """Draw what is not drawn yet, and try to write for the last time.

        Raises:
            TrainingError: a model is still not on the disk.
        """
        if self._drawn_epochs < len(self.epoch_log.rows):
            self._draw()
        if self.unwritten and (trouble := self.write()):
            raise TrainingError(f"training is over, but its model could not be saved: {trouble}")
