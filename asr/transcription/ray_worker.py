"""What a worker of a Ray cluster does: it holds the model, and transcribes the batches that it is given."""

import logging
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from asr.transcription.batches import Batch
from asr.transcription.loading import ModelSettings
from asr.transcription.pipeline import Outcome
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.recogniser import LocalRecogniser

# Seconds after which a worker that has finished nothing says how far it is.
_INTERVAL = 1.0


class Report(NamedTuple):
    """What has happened since the last one.

    Attributes:
        seconds: of audio that have gone through the network and the decoder.
        outcomes: that are ready.
        messages: level and text of what was logged.
    """

    seconds: float
    outcomes: list[Outcome]
    messages: list[tuple[int, str]]


class Started(NamedTuple):
    """A worker that has loaded its model.

    Attributes:
        identity: of its recogniser.
        node: the address of its machine.
        process: its number there.
    """

    identity: str
    node: str
    process: int


class _Messages(logging.Handler):
    """Keeps what is logged until it is taken."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._kept: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.put((record.levelno, record.getMessage()))

    def take(self) -> list[tuple[int, str]]:
        """All of it, once."""
        return [self._kept.get() for _ in range(self._kept.qsize())]


class RayWorker:
    """Reading, the network and decoding run on in threads of their own between two calls; a call brings work and takes results.

    Args:
        model: what to load.
        config: how recordings go through the network.
        cpus: threads of the network, and of the search.
    """

    def __init__(self, model: ModelSettings, config: PipelineConfig, cpus: int) -> None:
        self._model = replace(model, threads=cpus)
        self._config = replace(config, threads=cpus)
        self._given: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._messages = _Messages()

    def start(self, *others: Any) -> Started:
        """Load the model. Raises AsrError as `ModelSettings.load`; `others` are those of `recogniser_identity`."""
        import ray

        logger = logging.getLogger("asr")
        logger.addHandler(self._messages)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        recogniser = LocalRecogniser(self._model.load(), self._config)
        identity = recogniser.identity(*others)
        threading.Thread(target=self._work, args=(recogniser,), name="transcribe", daemon=True).start()
        return Started(identity, ray.util.get_node_ip_address(), os.getpid())

    def exchange(self, batches: Sequence[Batch]) -> Report:
        """Take more work; wait until something is finished, a second at most. Raises what went wrong in the pipeline."""
        for batch in batches:
            self._given.put(batch)
        outcomes: list[Outcome] = []
        try:
            item = self._ready.get(timeout=_INTERVAL)
            while True:
                if isinstance(item, BaseException):
                    raise item
                outcomes.append(item)
                item = self._ready.get_nowait()
        except queue.Empty:
            pass
        with self._lock:
            seconds, self._seconds = self._seconds, 0.0
        return Report(seconds, outcomes, self._messages.take())

    def _work(self, recogniser: LocalRecogniser) -> None:
        try:
            for outcome in recogniser.transcribe(self._batches(), progress=self._progress):
                self._ready.put(outcome)
        except BaseException as error:
            self._ready.put(error)

    def _batches(self) -> Iterator[Batch]:
        while True:
            yield self._given.get()

    def _progress(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds
