"""A Ray cluster as a client sees it: how it is reached, what its machines have for workers, whether its head is there."""

import logging
import os
import socket
import time
from dataclasses import dataclass
from typing import Any

from asr.errors import AsrError, UsageError
from asr.extras import install_command
from asr.processors import count_cores

LOCAL = "local"
AGAIN = "what is finished stays; run the same command again, `asr transcribe` with --resume"
LOOK = 5.0  # seconds between two looks at the cluster, and for its head to take a connection

# No counting of users; workers as eager for the processor as a process without Ray (Ray's own is 15, the last of all).
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
# Bytes of Ray's object store on one machine: results alone go through it, and the least that Ray takes is 75 MiB.
_STORE = 128 * 2**20
_SILENCE = 15.0  # seconds without an answer of the head


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


class RayCluster:
    """The machines of a cluster, and how they are parted among workers.

    Args:
        settings: which cluster, and how it is used.
        device: that workers compute on; "auto" and "cuda" take the cluster's GPUs.

    Attributes:
        gpu: whether a worker has a GPU.
        cpus: processors of a worker.

    Raises:
        UsageError: Ray is not installed, or no machine of the cluster has what a worker needs.
        AsrError: there is no cluster at the address.
    """

    def __init__(self, settings: RaySettings, device: str) -> None:
        _connect(settings.address)
        try:
            self.gpu = _uses_gpus(device)
            self.cpus = settings.cpus_per_worker or (_processors_beside_a_gpu() if self.gpu else 1)
            if not self.capacity():
                wanted = f"{'a GPU and ' if self.gpu else ''}{self.cpus} processors"
                raise UsageError(
                    f"no machine of the cluster has {wanted} for a worker; see --cpus-per-worker and --device"
                )
        except BaseException:
            self.close()
            raise
        self._answered = time.monotonic()

    def capacity(self) -> int:
        """How many workers there is room for."""
        room = 0
        for node in _nodes():
            here = int(node.get("CPU", 0) // self.cpus)
            room += min(here, int(node.get("GPU", 0))) if self.gpu else here
        return room

    def sees_head(self) -> bool:
        """Whether the head answers. Raises AsrError once it has been silent for long.

        Ray ends this process then, without a word that helps; so look first.
        """
        import ray

        now = time.monotonic()
        address = ray.get_runtime_context().gcs_address
        if trouble := _silence(address):
            if now - self._answered > _SILENCE:
                raise AsrError(f"the head of the cluster, {address}, is gone ({trouble}); {AGAIN}")
            return False
        self._answered = now
        return True

    def close(self) -> None:
        """End the workers, and Ray where it was started here."""
        import ray

        ray.shutdown()


def first_line(error: BaseException) -> str:
    """What an error of Ray is called, and the first of the many lines that it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _connect(address: str) -> None:
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
    told = "`ray start --head` begins a cluster, `ray status` tells its address"
    if address == LOCAL:
        quietly |= {"num_cpus": count_cores(), "include_dashboard": False, "object_store_memory": _STORE}
        told = "what it says of that lies in /tmp/ray/session_latest/logs; without --ray one process does the work"
    elif address != "auto":
        trouble = _silence(address)
        if trouble:  # Ray would go on asking
            raise AsrError(f"--ray {address}: Ray does not answer ({trouble}); {told}")
    try:
        ray.init(address, **quietly)
    except Exception as error:  # Ray has no class of its own for it
        raise AsrError(f"--ray {address}: Ray does not answer ({first_line(error)}); {told}") from None


def _nodes() -> list[dict[str, float]]:
    """What each machine has."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _uses_gpus(device: str) -> bool:
    has = any(node.get("GPU", 0) >= 1 for node in _nodes())
    if device == "cuda" and not has:
        raise UsageError("--device cuda: no machine of the cluster has a GPU that Ray knows of")
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {device}: Ray gives each worker its GPU; take cuda, cpu or auto")
    return has and device != "cpu"


def _processors_beside_a_gpu() -> int:
    shares = [node.get("CPU", 0) // node["GPU"] for node in _nodes() if node.get("GPU", 0) >= 1]
    return max(1, int(min(shares)))


def _silence(address: str) -> str:
    """Why nobody takes a connection at HOST:PORT; "" where somebody does."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=LOOK).close()
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""
