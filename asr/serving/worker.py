"""One thread owns the network; what waits for it at the same time goes through it together."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from asr.data.padded_budget import PaddedBudget
from asr.errors import AsrError

T = TypeVar("T")


class WorkerStopped(AsrError):
    """The server is shutting down: nothing more goes through the network."""


@dataclass(eq=False)
class _Request:
    """A waveform for a batch, or a call that has the thread to itself."""

    future: "Future[Any]"
    waveform: np.ndarray | None = None
    call: Callable[[], Any] | None = None
    since: float = field(default_factory=time.monotonic)
    patience: float = 0.0

    @property
    def due(self) -> float:
        """When its turn is: what is patient lets those before it that come within that time."""
        return self.since + self.patience


class ModelWorker:
    """Runs a network in a thread of its own, in batches.

    Args:
        emit: waveforms `(N,)` -> an emission each.
        samples_per_batch: longest waveform times number of waveforms, at most; a longer one goes alone.
        wait: seconds that the first waveform of a batch waits for others.
        on_batch: told of every batch: its size, and the seconds that it took.
    """

    def __init__(
        self,
        emit: Callable[[Sequence[np.ndarray]], Sequence[Any]],
        *,
        samples_per_batch: int,
        wait: float = 0.005,
        on_batch: Callable[[int, float], None] = lambda size, seconds: None,
    ) -> None:
        self._emit = emit
        self._samples_per_batch = samples_per_batch
        self._wait = wait
        self._on_batch = on_batch
        self._requests: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._requests)

    def submit(self, waveform: np.ndarray, *, patience: float = 0.0) -> "Future[Any]":
        """Queue a waveform. A future that is cancelled while it waits costs nothing. Raises WorkerStopped.

        Args:
            waveform: `(N,)` at the network's rate.
            patience: seconds; whatever is less patient and comes within them goes first, and in no batch with it.
        """
        return self._queue(_Request(Future(), waveform=waveform, patience=patience))

    def call(self, function: Callable[[], T], *, patience: float = 0.0) -> "Future[T]":
        """Queue a call that uses the network itself; `patience` as of `submit`. Raises WorkerStopped."""
        return self._queue(_Request(Future(), call=function, patience=patience))

    def stop(self) -> None:
        """Finish what is queued, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _queue(self, request: _Request) -> "Future[Any]":
        with self._changed:
            if self._stopping:
                raise WorkerStopped("the server is shutting down; ask again in a while")
            self._requests.append(request)
            self._changed.notify_all()
        return request.future

    def _run(self) -> None:
        while True:
            batch = self._gather()
            if not batch:
                return
            batch = [request for request in batch if request.future.set_running_or_notify_cancel()]
            if batch:
                self._work(batch)

    def _gather(self) -> list[_Request]:
        """The next call, or the next waveforms that fit together; nothing once the worker is stopped."""
        with self._changed:
            while not self._requests:
                if self._stopping:
                    return []
                self._changed.wait()
            first = min(self._requests, key=lambda request: request.due)
            if first.call is not None:
                self._requests.remove(first)
                return [first]
            while not self._stopping and (left := first.since + self._wait - time.monotonic()) > 0:
                self._changed.wait(left)
            batch: list[_Request] = []
            kept, budget = deque[_Request](), PaddedBudget(self._samples_per_batch)
            for request in self._requests:
                fits = (
                    request.waveform is not None
                    and request.patience == first.patience
                    and budget.take(len(request.waveform))
                )
                (batch if fits else kept).append(request)
            self._requests = kept
            return batch

    def _work(self, batch: Sequence[_Request]) -> None:
        begin = time.monotonic()
        try:
            if batch[0].call is not None:
                results = [batch[0].call()]
            else:
                results = list(
                    self._emit([request.waveform for request in batch if request.waveform is not None])
                )
        except BaseException as error:
            # Whoever waits for a result raises it.
            for request in batch:
                request.future.set_exception(error)
            return
        for request, result in zip(batch, results, strict=True):
            request.future.set_result(result)
        if batch[0].call is None:
            self._on_batch(len(batch), time.monotonic() - begin)
