"""Recordings transcribed by the workers of a Ray cluster, each with the model in memory: one a GPU, or one for some cores.

Whole batches travel to the workers as names of files, and results come back; waveforms are read where they are transcribed. What decides
the results, the batches, is decided here and by the list of recordings alone, so that outputs are those of one process. A worker or a
machine that is lost costs what it was at, which others do again.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asr.errors import AsrError
from asr.transcription.batches import Batch
from asr.transcription.loading import ModelSettings
from asr.transcription.pipeline import Outcome
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.ray_cluster import AGAIN, LOOK, RayCluster, RaySettings, first_line
from asr.transcription.ray_worker import RayWorker, Report, Started
from asr.transcription.recogniser import OnProgress
from asr.transcription.schedule import Schedule

log = logging.getLogger(__name__)

_PATIENCE = 600.0  # seconds without any worker until the cluster is given up
# Workers that may be lost before one has loaded its model.
_STILLBORN = 5


@dataclass(slots=True, eq=False)
class _Worker:
    """An actor.

    Attributes:
        actor: its handle.
        call: the answer that is awaited: of its start, then of each exchange.
        started: what it is, once it has loaded the model.
    """

    actor: Any
    call: Any
    started: Started | None = field(default=None)


class RayPool:
    """Workers on all machines of a cluster; a context manager, and a `Recogniser`.

    Machines that join later get workers, too.

    Args:
        settings: which cluster, and how it is used.
        model: what the workers load; "auto" and "cuda" take the cluster's GPUs.
        config: how recordings go through the network.

    Raises:
        UsageError, AsrError: as of `RayCluster`.
    """

    def __init__(self, settings: RaySettings, model: ModelSettings, config: PipelineConfig) -> None:
        self._tries = settings.tries
        self._cluster = RayCluster(settings, model.device)
        self._model = replace(model, device="cuda" if self._cluster.gpu else "cpu")
        self.config = replace(config, threads=self._cluster.cpus)
        self._others: tuple[Any, ...] = ()
        self._identity: str | None = None
        self._workers: list[_Worker] = []
        self._looked = self._alive = time.monotonic()
        self._stillborn = 0
        self._largest = 0

    @property
    def precision(self) -> str:
        """See `Recogniser`."""
        return self._model.precision

    @property
    def place(self) -> str:
        """How many workers, and what each has."""
        device = "a GPU" if self._cluster.gpu else "the CPU"
        return f"{self._largest} workers of Ray, each on {device} with {self._cluster.cpus} threads"

    @property
    def workers(self) -> list[Started]:
        """Those that have the model."""
        return [worker.started for worker in self._workers if worker.started is not None]

    def identity(self, *others: Any) -> str:
        """As the first worker that is ready has it; those that follow must have the same."""
        self._others = others
        while self._identity is None:
            self._tend()
            for worker in self._finished_calls():
                self._begin(worker)
        return self._identity

    def transcribe(self, batches: Sequence[Batch], *, progress: OnProgress) -> Iterator[Outcome]:
        """See `Recogniser`.

        Raises:
            AsrError: the head of the cluster is gone, there are no workers for ten minutes, or two of them differ.
        """
        schedule = Schedule(batches, tries=self._tries, ahead=self.config.seconds_per_batch)
        idle = [worker for worker in self._workers if worker.call is None]
        while not schedule.is_done:
            for worker in idle:
                given = schedule.hand_out(worker, workers=len(self._workers))
                worker.call = worker.actor.exchange.remote(given)
            idle = []
            self._tend()
            for worker in self._finished_calls():
                if worker.started is None:
                    if self._begin(worker):
                        idle.append(worker)
                    continue
                report = self._answer(worker)
                if isinstance(report, str):
                    outcomes, seconds = schedule.lose(worker, report)
                    log.warning("a worker was lost (%s); what it was at is done again", report)
                else:
                    assert isinstance(report, Report)
                    for level, message in report.messages:
                        log.log(level, "%s", message)
                    outcomes, seconds = schedule.tell(worker, report.seconds, report.outcomes)
                    idle.append(worker)
                progress(seconds)
                yield from outcomes
        for worker in idle:
            worker.call = None

    def close(self) -> None:
        """End the workers, and Ray where it was started here."""
        self._cluster.close()

    def __enter__(self) -> "RayPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tend(self) -> None:
        """See that there is a cluster, and as many workers as there is room for."""
        now = time.monotonic()
        if now - self._looked > LOOK or not self._workers:
            self._looked = now
            if self._cluster.sees_head():
                for _ in range(self._cluster.capacity() - len(self._workers)):
                    self._start_worker()
        if self.workers:
            self._alive = now
            self._largest = max(self._largest, len(self.workers))
        elif now - self._alive > _PATIENCE:
            raise AsrError(
                f"no worker for {_PATIENCE:.0f} s: the cluster has lost its machines, or others use them; {AGAIN}"
            )

    def _start_worker(self) -> None:
        import ray

        kind: Any = ray.remote(RayWorker)
        actor = kind.options(
            num_cpus=self._cluster.cpus, num_gpus=1 if self._cluster.gpu else 0, max_restarts=0
        ).remote(self._model, self.config, self._cluster.cpus)
        self._workers.append(_Worker(actor, actor.start.remote(*self._others)))

    def _finished_calls(self) -> list[_Worker]:
        """Those that have answered, or will not any more; waits a second at most."""
        import ray

        waiting = {worker.call: worker for worker in self._workers if worker.call is not None}
        if not waiting:
            time.sleep(1.0)  # until a machine joins
            return []
        done, _ = ray.wait(list(waiting), num_returns=1, timeout=1.0)
        more, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        return [waiting[call] for call in {*done, *more}]

    def _answer(self, worker: _Worker) -> "Started | Report | str":
        """What a call has returned; in words why it has not, where the worker is lost. Raises the worker's AsrError."""
        import ray

        try:
            answer: Started | Report = ray.get(worker.call)
        except ray.exceptions.RayError as error:
            self._workers.remove(worker)
            if isinstance(error, ray.exceptions.RayTaskError):  # it lives, but its pipeline does not
                ray.kill(worker.actor)
            cause = getattr(error, "cause", None)
            if isinstance(cause, AsrError):
                raise cause from None
            place = f"on {worker.started.node}" if worker.started else "before it had the model"
            return f"{place}: {first_line(cause or error)}"
        worker.call = None
        return answer

    def _begin(self, worker: _Worker) -> bool:
        """Whether a worker that was to load the model has it."""
        started = self._answer(worker)
        if isinstance(started, str):
            self._stillborn += 1
            log.warning("a worker was lost %s", started)
            if self._stillborn >= _STILLBORN:
                raise AsrError(
                    f"{self._stillborn} workers were lost before they had the model; the last one {started}"
                )
            return False
        assert isinstance(started, Started)
        self._stillborn = 0
        worker.started = started
        self._identity = self._identity or started.identity
        if started.identity != self._identity:
            raise AsrError(
                f"the worker on {started.node} would transcribe with other settings ({started.identity}) than the first one "
                f"({self._identity}); machines must have the same files, and --precision float32 or bfloat16 where processors differ"
            )
        return True
