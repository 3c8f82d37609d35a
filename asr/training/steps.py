"""Training of a small network on text, step by step: stopped by a signal or a power cut it goes on where it was, bit for bit."""

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from asr.errors import TrainingError
from asr.model.checkpoint import read_torch, write_torch
from asr.training.signals import StopSignals

log = logging.getLogger(__name__)

_STATE_SECONDS = 300.0

_Batch = TypeVar("_Batch")


class Progress(NamedTuple):
    """Where a training is: words learned from, of how many in all, and the loss of the last steps in nats."""

    words: int
    total: int
    loss: float


@dataclass(frozen=True)
class Steps(Generic[_Batch]):
    """A training.

    Attributes:
        network: what learns; it is on its device.
        optimizer: of its parameters.
        batches: of an epoch, by its number.
        loss: of a batch, and how many words it has.
        total: words after which it ends.
        learning_rate: the highest; it falls to zero in a straight line.
        seed: of what is drawn in a step.
        state: file of the state, written every five minutes and when a signal asks for an end; removed at the end.
        key: what tells this training from others.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    batches: Callable[[int], Iterator[_Batch]]
    loss: Callable[[_Batch], tuple[Tensor, int]]
    total: int
    learning_rate: float
    seed: int
    state: Path
    key: str

    def run(self, progress: Callable[[Progress], None] = lambda _: None) -> None:
        """Train, calling `progress` after each step; go on where the state is, if it is there.

        Raises:
            TrainingError: the state is another training's, the loss is not finite, or a signal asked for an end, and
                the state was saved.
        """
        behind, learned, epoch = self._resume()
        saved = time.monotonic()
        self.network.train()
        with StopSignals() as signals:
            while learned < self.total:
                for number, batch in enumerate(self.batches(epoch)):
                    if learned >= self.total:
                        break
                    if number < behind:
                        continue
                    loss, words = self._step(epoch, number, batch, share=learned / self.total)
                    learned += words
                    progress(Progress(min(learned, self.total), self.total, loss))
                    if signals.stop or time.monotonic() - saved > _STATE_SECONDS:
                        self._save(step=number + 1, learned=learned, epoch=epoch)
                        saved = time.monotonic()
                    if signals.stop:
                        raise TrainingError(
                            f"stopped by a signal; the same command goes on from {self.state}"
                        )
                epoch, behind = epoch + 1, 0
        self.state.unlink(missing_ok=True)

    def _step(self, epoch: int, number: int, batch: _Batch, *, share: float) -> tuple[float, int]:
        torch.manual_seed(int(np.random.SeedSequence((self.seed, epoch, number)).generate_state(1)[0]))
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * min(1.0, 0.02 + 50 * share) * (1 - share)
        loss, words = self.loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(f"the loss is {value}; take a lower learning rate (--learning-rate)")
        self.optimizer.step()
        return value, words

    def _save(self, **place: int) -> None:
        weights = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        write_torch(self.state, {"key": self.key, **place, **weights})

    def _resume(self) -> tuple[int, int, int]:
        """Steps of the epoch and words behind, and the epoch."""
        if not self.state.exists():
            return 0, 0, 0
        record: dict[str, Any] = read_torch(self.state)
        if record.get("key") != self.key:
            raise TrainingError(
                f"{self.state}: left by a training with another text or other settings; go on with those, or remove the file"
            )
        self.network.load_state_dict(record["network"])
        self.optimizer.load_state_dict(record["optimizer"])
        log.info("going on after %d words, from %s", record["learned"], self.state)
        return record["step"], record["learned"], record["epoch"]


def training_key(config: Any, parts: Iterable[bytes]) -> str:
    """What tells one training from another: its configuration, a dataclass, and its text."""
    digest = hashlib.sha256(repr(sorted(asdict(config).items())).encode())
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
