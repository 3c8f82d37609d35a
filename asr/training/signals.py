"""Signals that ask a training to end."""

import signal
import threading
from types import FrameType
from typing import Any

# What this system has of them: SIGUSR1 comes from schedulers and is unknown to Windows, whose Ctrl-Break no other system has.
STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGUSR1", "SIGINT", "SIGBREAK") if hasattr(signal, name)
)


class StopSignals:
    """A context in which SIGTERM, SIGUSR1 and Ctrl-C are wishes that each step looks at; a second Ctrl-C ends at once.

    Lightning's own handlers talk to the other processes from inside the handler, in the midst of whatever
    they were talking about: that hangs as soon as two processes share a training.
    """

    def __init__(self) -> None:
        self.stop = False
        self.requeue = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.stop:
            raise KeyboardInterrupt  # who asks twice cannot wait for the end of the batch
        self.stop = True
        self.requeue |= number == getattr(signal, "SIGUSR1", None)
