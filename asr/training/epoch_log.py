"""One row of numbers an epoch: to metrics.csv, trackers such as TensorBoard, the log, and the curves."""

import csv
import dataclasses
import logging
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch

from asr.config import BestBy
from asr.errors import AsrError
from asr.files import write_atomically
from asr.training.module import SpeechModule
from asr.training.report_times import ReportTimes

log = logging.getLogger(__name__)

SAMPLES = 3

# Time until the first line about an epoch that takes long; to each next one it is twice as long, up to the longest.
FIRST_REPORT_SECONDS, LONGEST_REPORT_SECONDS = 60.0, 600.0

# Columns that runs of earlier versions lack.
_LATER = {"unreadable", "memory_gib", "dev_per", "dev_decoded_wer", "decoding_seconds"}


@dataclass(frozen=True)
class EpochRow:
    """What an epoch showed.

    Attributes:
        epoch: from 1.
        train_loss, dev_loss: nats a token.
        dev_wer, dev_cer: greedy, pooled, as fractions.
        blank_share: of the dev frames, those whose best token is the blank.
        gradient_norm: mean over steps, before clipping.
        clipped_share: steps whose gradient was scaled down.
        learning_rate: at the epoch's end.
        hours_per_hour: hours of audio trained on in an hour of training (validation not counted).
        data_wait_share: share of the training time spent waiting for batches.
        nonfinite_steps: steps skipped for a NaN or infinity.
        unreadable: utterances left out because their audio could not be read.
        memory_gib: most memory used so far, in GiB: of the GPU where there is one, else of the process; NaN where it is not known.
        seconds: the epoch, validation included.
        dev_per: phone error rate of the best phones of each frame, with CTC-CRF given its unit model; NaN without phones.
        dev_decoded_wer: of the utterances of `dev_decoding`, through the whole of decoding; NaN without any.
        decoding_seconds: what that took.
    """

    epoch: int
    train_loss: float
    dev_loss: float
    dev_wer: float
    dev_cer: float
    blank_share: float
    gradient_norm: float
    clipped_share: float
    learning_rate: float
    hours_per_hour: float
    data_wait_share: float
    nonfinite_steps: int
    seconds: float
    unreadable: int = 0
    memory_gib: float = 0.0
    dev_per: float = math.nan
    dev_decoded_wer: float = math.nan
    decoding_seconds: float = 0.0


class EpochLog(lightning.Callback):
    """Collects timings around steps and writes a row after each validation.

    Args:
        run_dir: where metrics.csv lies; rows of epochs that a resume repeats are dropped.
        epochs: how many there will be, for the time left.
    """

    def __init__(self, run_dir: Path, *, epochs: int) -> None:
        self.path = run_dir / "metrics.csv"
        self.epochs = epochs
        self.rows: list[EpochRow] = []

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Keep the rows of the epochs that a resumed run has behind it."""
        done = trainer.current_epoch
        self.rows = (
            [row for row in read_metrics(self.path) if row.epoch <= done] if self.path.exists() else []
        )

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Start the clock."""
        self._idle_since = time.monotonic()
        self._reports = ReportTimes(
            self._idle_since, first=FIRST_REPORT_SECONDS, longest=LONGEST_REPORT_SECONDS
        )

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_index: int) -> None:
        """A batch has come: the waiting is over."""
        self._busy_since = time.monotonic()
        module.train_totals.waiting_seconds += self._busy_since - self._idle_since

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_index: int
    ) -> None:
        """The step is done: waiting begins. Long epochs report from time to time."""
        self._idle_since = time.monotonic()
        module.train_totals.busy_seconds += self._idle_since - self._busy_since
        if self._reports.due(self._idle_since) is not None:
            self._report(trainer.current_epoch + 1, module)

    def on_validation_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Start the clock of the validation."""
        self._validating_since = time.monotonic()

    def _report(self, epoch: int, module: SpeechModule) -> None:
        totals, share = module.train_totals, module.epoch_share
        spent = max(1e-9, totals.busy_seconds + totals.waiting_seconds)
        left = spent / max(share, 1e-9) * (1 - share + self.epochs - epoch)
        log.info(
            "epoch %d/%d, %.0f%%  loss %.3f  %.0f h/h in this process  data wait %.1f%%  %s left",
            epoch,
            self.epochs,
            100 * share,
            totals.loss / max(1, totals.tokens),
            totals.audio_seconds / spent,
            100 * totals.waiting_seconds / spent,
            _clock(left),
        )

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Write the row."""
        assert isinstance(module, SpeechModule)
        train, dev = module.train_totals, module.dev_totals
        spent = max(1e-9, train.busy_seconds + train.waiting_seconds)
        row = EpochRow(
            epoch=trainer.current_epoch + 1,
            train_loss=train.loss / max(1, train.tokens),
            dev_loss=dev.loss / max(1, dev.tokens),
            dev_wer=dev.score.wer,
            dev_cer=dev.score.cer,
            blank_share=dev.blanks / max(1, dev.frames),
            gradient_norm=train.gradient_norm / max(1, train.steps),
            clipped_share=train.clipped / max(1, train.steps),
            learning_rate=trainer.optimizers[0].param_groups[0]["lr"],
            hours_per_hour=train.audio_seconds / spent,
            data_wait_share=train.waiting_seconds / spent,
            nonfinite_steps=train.nonfinite,
            seconds=spent + time.monotonic() - self._validating_since,
            unreadable=train.unreadable,
            memory_gib=peak_memory() / 2**30,
            dev_per=dev.phone_errors.rate,
            dev_decoded_wer=dev.decoded_wer,
            decoding_seconds=dev.decoding_seconds,
        )
        self.rows.append(row)
        training = module.config.training
        since = row.epoch - best_row(self.rows, training.best_by).epoch
        if 0 < training.patience <= since:
            trainer.should_stop = True
            log.info("no better model for %d epochs: training ends", since)
        if not trainer.is_global_zero:
            return
        try:
            write_metrics(self.path, self.rows)
        except AsrError as error:
            log.error("%s; training goes on, and writes all rows after the next epoch", error)
        for logger in trainer.loggers:
            try:
                known = {
                    key: value for key, value in dataclasses.asdict(row).items() if not math.isnan(value)
                }
                logger.log_metrics(known, step=row.epoch)
            except (
                Exception
            ) as error:  # a full disk, a server that has gone: each library has errors of its own
                log.error("%s: %s; training goes on", type(logger).__name__, error)
        log.info("%s", self._line(row))
        for name in train.unreadable_named:
            log.warning("left out of epoch %d: %s", row.epoch, name)
        for utterance in dev.score.utterances[:: max(1, len(dev.utterances) // SAMPLES)][:SAMPLES]:
            log.info("    %s", utterance.id)
            log.info("      reference   %s", utterance.reference)
            log.info("      hypothesis  %s", utterance.hypothesis)

    def _line(self, row: EpochRow) -> str:
        recent = [other.seconds for other in self.rows[-5:]]
        left = (self.epochs - row.epoch) * sum(recent) / len(recent)
        skipped = f"  {row.nonfinite_steps} steps skipped" if row.nonfinite_steps else ""
        skipped += f"  {row.unreadable} utterances unreadable" if row.unreadable else ""
        others = "" if math.isnan(row.dev_per) else f"PER {row.dev_per:.1%}  "
        if not math.isnan(row.dev_decoded_wer):
            others += f"decoded WER {row.dev_decoded_wer:.1%} ({row.decoding_seconds:.0f} s)  "
        return (
            f"epoch {row.epoch}/{self.epochs}  loss {row.train_loss:.3f}  dev {row.dev_loss:.3f}  "
            f"WER {row.dev_wer:.1%}  CER {row.dev_cer:.1%}  {others}blanks {row.blank_share:.0%}  "
            f"gradient {row.gradient_norm:.2f}  {row.hours_per_hour:.0f} h/h  "
            f"data wait {row.data_wait_share:.1%}{skipped}  {_clock(left)} left"
        )


def best_row(rows: Sequence[EpochRow], by: BestBy) -> EpochRow:
    """The first of the best epochs by a dev measure; ties go to the lower dev loss."""
    measures: dict[BestBy, Callable[[EpochRow], float]] = {
        "wer": lambda row: row.dev_wer,
        "loss": lambda row: row.dev_loss,
        "per": lambda row: row.dev_per,
        "decoded_wer": lambda row: row.dev_decoded_wer,
    }
    return min(rows, key=lambda row: (measures[by](row), row.dev_loss))


def write_metrics(path: Path, rows: list[EpochRow]) -> None:
    """Write all rows as CSV, atomically."""
    with write_atomically(path) as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(EpochRow)])
        writer.writeheader()
        writer.writerows(
            {key: _rounded(value) for key, value in dataclasses.asdict(row).items()} for row in rows
        )


def read_metrics(path: Path) -> list[EpochRow]:
    """Read metrics.csv.

    Raises:
        AsrError: the file does not have our columns.
    """
    kinds = {field.name: field.type for field in dataclasses.fields(EpochRow)}
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return [
                EpochRow(
                    **{
                        name: kind(record[name])  # type: ignore[operator]
                        for name, kind in kinds.items()
                        if name in record or name not in _LATER
                    }
                )
                for record in csv.DictReader(file)
            ]
        except (KeyError, ValueError, TypeError) as error:
            raise AsrError(f"{path}: not the metrics of a run ({error}); move it away") from None


def peak_memory() -> float:
    """Bytes: the most that the GPU has allocated where there is one, else the process's largest size; NaN on Windows, whose Python
    does not know it."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:
        return math.nan
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _rounded(value: float) -> float:
    return float(f"{value:.6g}") if isinstance(value, float) else value
