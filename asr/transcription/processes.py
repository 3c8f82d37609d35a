"""Several processes on one list of recordings, started by `torchrun`: who does what, and one report at the end."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

T = TypeVar("T")

# A process may be at a long recording when the others have finished; torchrun ends all when one dies.
_PATIENCE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that share the work.

    Attributes:
        rank: its number, from 0.
        count: how many there are.
        local_rank: its number on this machine.
        local_count: how many there are on this machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @classmethod
    def of_environment(cls) -> "Processes":
        """What torchrun has written into the environment; a process of its own without it."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        if not all(os.environ.get(name, "").isdigit() for name in names):
            return cls()
        return cls(*(int(os.environ[name]) for name in names))

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's items: every `count`-th."""
        return items[self.rank :: self.count]

    def device(self, wanted: str) -> str:
        """The device for this process: GPUs of a machine are given out in turn."""
        import torch

        if wanted in ("auto", "cuda") and self.count > 1 and torch.cuda.is_available():
            return f"cuda:{self.local_rank % torch.cuda.device_count()}"
        return wanted

    def threads(self) -> int:
        """Processor cores for this process."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // self.local_count)

    def gather(self, value: Any) -> list[Any]:
        """The value of every process, once all have come here; in order of their ranks."""
        if self.count == 1:
            return [value]
        from torch import distributed

        if not distributed.is_initialized():
            distributed.init_process_group("gloo", timeout=_PATIENCE)
        values: list[Any] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values
