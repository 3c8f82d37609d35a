"""Recordings transcribed by the workers of a Ray cluster, each with the model in memory: one a GPU, or one for some cores.

Whole batches travel to the workers as names of files, and results come back; waveforms are read where they are transcribed. What decides
the results, the batches, is decided here and by the list of recordings alone, so that outputs are those of one process. A worker or a
machine that is lost costs what it was at, which others do again.
"""

import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asr.errors import AsrError, UsageError
from asr.extras import install_command
from asr.model.precision import Precision
from asr.transcription.batches import Batch
from asr.transcription.pipeline import Outcome
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.ray_worker import RayWorker, Report, Started
from asr.transcription.recogniser import OnProgress
from asr.transcription.schedule import Schedule
from asr.transcription.transcriber import ModelSettings

log = logging.getLogger(__name__)

LOCAL = "local"

# No counting of users; workers as eager for the processor as a process without Ray (Ray's own is 15, the last of all).
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
# Bytes of Ray's object store on one machine: results alone go through it, and the least that Ray takes is 75 MiB.
_STORE = 128 * 2**20
# Seconds: between two looks at the cluster, without any worker until it is given up, without an answer of the head.
_LOOK, _PATIENCE, _SILENCE = 5.0, 600.0, 15.0
# Workers that may be lost before one has loaded its model.
_STILLBORN = 5

_AGAIN = "what is finished stays; run the same command again, `asr transcribe` with --resume"


@dataclass(frozen=True)
class RaySettings:
    """How work is shared.

    Attributes:
        address: of the head of a cluster, HOST:PORT or "auto" for the one of this machine; "local" starts Ray here, for this command.
        cpus_per_worker: threads of a worker; None is 1 on CPUs, and beside a GPU its share of the machine's cores.
        tries: how often a batch is given to a worker before its recordings are given up.

    Raises:
        UsageError: a number below 1, or an address of Ray Client.
    """

    address: str = LOCAL
    cpus_per_worker: int | None = None
    tries: int = 3

    def __post_init__(self) -> None:
        if self.cpus_per_worker is not None and self.cpus_per_worker < 1:
            raise UsageError(f"--cpus-per-worker {self.cpus_per_worker}; expected at least 1")
        if self.tries < 1:
            raise UsageError(f"--tries {self.tries}; expected at least 1")
        if self.address.startswith("ray://"):
            raise UsageError(
                f"--ray {self.address}: an address of Ray Client; run this command on a machine of the cluster, with --ray auto"
            )


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
        UsageError: Ray is not installed, or no machine of the cluster has what a worker needs.
        AsrError: there is no cluster at the address.
    """

    def __init__(self, settings: RaySettings, model: ModelSettings, config: PipelineConfig) -> None:
        self._settings = settings
        self._connect()
        try:
            self._gpu = self._uses_gpus(model.device)
            self._cpus = settings.cpus_per_worker or self._usual_cpus()
            self._model = replace(model, device="cuda" if self._gpu else "cpu")
            self.config = replace(config, threads=self._cpus)
            if not self._capacity():
                wanted = f"{'a GPU and ' if self._gpu else ''}{self._cpus} processors"
                raise UsageError(
                    f"no machine of the cluster has {wanted} for a worker; see --cpus-per-worker and --device"
                )
        except BaseException:
            self.close()
            raise
        self._others: tuple[Any, ...] = ()
        self._identity: str | None = None
        self._workers: list[_Worker] = []
        self._looked = self._alive = self._answered = time.monotonic()
        self._stillborn = 0
        self._largest = 0

    @property
    def precision(self) -> Precision:
        """See `Recogniser`."""
        return self._model.precision

    @property
    def place(self) -> str:
        """How many workers, and what each has."""
        device = "a GPU" if self._gpu else "the CPU"
        return f"{self._largest} workers of Ray, each on {device} with {self._cpus} threads"

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
        schedule = Schedule(batches, tries=self._settings.tries, ahead=self.config.seconds_per_batch)
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
        import ray

        ray.shutdown()

    def __enter__(self) -> "RayPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self) -> None:
        try:
            import ray
        except ImportError:
            raise UsageError(f"--ray needs Ray: {install_command('ray')}") from None
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        quietly: dict[str, Any] = {
            "log_to_driver": False,
            "configure_logging": False,
            "logging_level": logging.ERROR,
        }
        address, told = (
            self._settings.address,
            "`ray start --head` begins a cluster, `ray status` tells its address",
        )
        if address == LOCAL:
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            quietly |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": _STORE}
            told = "what it says of that lies in /tmp/ray/session_latest/logs; without --ray one process does the work"
        elif address != "auto":
            trouble = _silence(address)
            if trouble:  # Ray would go on asking
                raise AsrError(f"--ray {address}: Ray does not answer ({trouble}); {told}")
        try:
            ray.init(address, **quietly)
        except Exception as error:  # Ray has no class of its own for it
            raise AsrError(f"--ray {address}: Ray does not answer ({_first_line(error)}); {told}") from None

    def _nodes(self) -> list[dict[str, float]]:
        """What each machine has."""
        import ray

        return [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def _uses_gpus(self, device: str) -> bool:
        has = any(node.get("GPU", 0) >= 1 for node in self._nodes())
        if device == "cuda" and not has:
            raise UsageError("--device cuda: no machine of the cluster has a GPU that Ray knows of")
        if device not in ("auto", "cpu", "cuda"):
            raise UsageError(f"--device {device}: Ray gives each worker its GPU; take cuda, cpu or auto")
        return has and device != "cpu"

    def _usual_cpus(self) -> int:
        if not self._gpu:
            return 1
        shares = [node.get("CPU", 0) // node["GPU"] for node in self._nodes() if node.get("GPU", 0) >= 1]
        return max(1, int(min(shares)))

    def _capacity(self) -> int:
        """How many workers there is room for."""
        room = 0
        for node in self._nodes():
            here = int(node.get("CPU", 0) // self._cpus)
            room += min(here, int(node.get("GPU", 0))) if self._gpu else here
        return room

    def _tend(self) -> None:
        """See that there is a cluster, and as many workers as there is room for."""
        now = time.monotonic()
        if now - self._looked > _LOOK or not self._workers:
            self._looked = now
            if self._sees_head(now):
                for _ in range(self._capacity() - len(self._workers)):
                    self._start_worker()
        if self.workers:
            self._alive = now
            self._largest = max(self._largest, len(self.workers))
        elif now - self._alive > _PATIENCE:
            raise AsrError(
                f"no worker for {_PATIENCE:.0f} s: the cluster has lost its machines, or others use them; {_AGAIN}"
            )

    def _sees_head(self, now: float) -> bool:
        """Ray ends this process, without a word that helps, when the head has been away for long; so look first."""
        import ray

        address = ray.get_runtime_context().gcs_address
        if trouble := _silence(address):
            if now - self._answered > _SILENCE:
                raise AsrError(f"the head of the cluster, {address}, is gone ({trouble}); {_AGAIN}")
            return False
        self._answered = now
        return True

    def _start_worker(self) -> None:
        import ray

        kind: Any = ray.remote(RayWorker)
        actor = kind.options(num_cpus=self._cpus, num_gpus=1 if self._gpu else 0, max_restarts=0).remote(
            self._model, self.config, self._cpus
        )
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
            return f"{place}: {_first_line(cause or error)}"
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


def _silence(address: str) -> str:
    """Why nobody takes a connection at HOST:PORT; "" where somebody does."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_LOOK).close()
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
