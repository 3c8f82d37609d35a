"""What a run leaves on disk: the best and the last model to use, and the state to resume from."""

from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.plugins.io import TorchCheckpointIO

from asr.model.checkpoint import Checkpoint, read_torch, save_checkpoint, write_torch
from asr.training.curves import draw_curves
from asr.training.epoch_log import EpochLog, best_row
from asr.training.module import SpeechModule

BEST, LAST, STATE = "best.pt", "last.pt", "training_state.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's training state, written beside and renamed; a full disk is one plain error."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write the state whole or not at all."""
        write_torch(Path(path), checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read the state: plain tensors and values only."""
        return read_torch(Path(path))


class ModelFiles(lightning.Callback):
    """After each validation: last.pt, best.pt when it is the best by `training.best_by`, curves.png.

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

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Write the files."""
        assert isinstance(module, SpeechModule)
        if not trainer.is_global_zero:
            return
        rows = self.epoch_log.rows
        row = rows[-1]
        notes = {"epoch": row.epoch, "dev_wer": row.dev_wer, "dev_cer": row.dev_cer, "title": self.title}
        checkpoint = Checkpoint(module.best_weights, module.tokenizer, notes)
        save_checkpoint(self.folder / LAST, checkpoint)
        if row is best_row(rows, module.config.training.best_by):
            save_checkpoint(self.folder / BEST, checkpoint)
        draw_curves(self.run_dir / "curves.png", rows, title=self.title)
