"""Two processes that share the steps, one of which runs out of utterances: is their gradient that of one process?"""

import socket
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed
import torch.multiprocessing
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asr.config import ExperimentConfig
from asr.data.batching import Batch
from asr.training.module import SpeechModule
from benchmark_training import wait
from proof.equality import plain
from proof.experiments import first_batch
from proof.section import Check, Place, Section

LIMIT = 1e-4
STEPS = 5


class Job(NamedTuple):
    """What both processes are given: where they meet, by what, on how many GPUs; what they do, and where the result goes."""

    address: str
    backend: str
    gpus: int
    config: ExperimentConfig
    batch: Batch
    path: Path


class Steps(nn.Module):
    """What DDP wraps: the loss of a batch, or of none."""

    def __init__(self, module: SpeechModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch: Batch) -> Tensor:
        """As `SpeechModule.training_step` takes its losses."""
        return self.module._loss(batch) if batch.ids else self.module._no_loss()


def prove(place: Place) -> Section:
    """Two processes on two GPUs (NCCL), on one GPU or on the CPU (gloo)."""
    config = plain(place)
    batch, _ = first_batch(config, 5)
    gpus = torch.cuda.device_count() if place.device.type == "cuda" else 0
    backend = "nccl" if gpus > 1 else "gloo"
    alone = _module(config).to(place.device)
    expected, seconds = _gradient(Steps(alone), [batch] * STEPS, place.device)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = place.folder / "ranks.pt"
    job = Job(f"tcp://127.0.0.1:{port}", backend, gpus, config, batch, path)
    torch.multiprocessing.spawn(_rank, (job,), nprocs=2)
    found, shared = torch.load(path, weights_only=True)
    difference = float((found - expected.cpu()).norm() / expected.norm())
    where = "two GPUs" if gpus > 1 else "one GPU" if gpus else "the CPU"
    return Section(
        "Two processes",
        ("where", "backend", "one process, ms a step", "two, ms a step", "gradients"),
        [(where, backend, 1000 * seconds / STEPS, 1000 * shared / STEPS, difference)],
        [Check("the gradient is that of one process with all utterances", difference, LIMIT)],
        [
            "Five utterances: three to the first process and two to the second; in every second step all five to the first, and an empty "
            "batch to the second. NCCL does not take two processes on one GPU."
        ],
    )


def _module(config: ExperimentConfig) -> SpeechModule:
    torch.manual_seed(1)
    return SpeechModule(config, first_batch(config, 1)[1]).train()


def _gradient(steps: nn.Module, batches: list[Batch], device: torch.device) -> tuple[Tensor, float]:
    """The sum of the gradients of all batches, side by side, and the seconds it took."""
    wait(device)
    began = time.perf_counter()
    for batch in batches:
        steps(batch.to(device)).backward()
    wait(device)
    seconds = time.perf_counter() - began
    parameters = [one for one in steps.parameters() if one.requires_grad]
    return torch.cat([one.grad.flatten() for one in parameters if one.grad is not None]), seconds


def _part(batch: Batch, first: int, end: int) -> Batch:
    some = slice(first, end)
    return Batch(
        batch.waveforms[some],
        batch.waveform_lengths[some],
        batch.tokens[some],
        batch.token_lengths[some],
        batch.ids[some],
    )


def _rank(rank: int, job: Job) -> None:
    torch.set_num_threads(1)
    device = torch.device(f"cuda:{rank % job.gpus}" if job.gpus else "cpu")
    torch.distributed.init_process_group(job.backend, init_method=job.address, rank=rank, world_size=2)
    steps = DistributedDataParallel(
        Steps(_module(job.config)).to(device),
        device_ids=[device] if job.gpus else None,
        broadcast_buffers=False,
    )
    batch = job.batch
    parts = ([_part(batch, 0, 3), batch], [_part(batch, 3, 5), _part(batch, 0, 0)])[rank]
    gradient, seconds = _gradient(steps, [parts[step % 2] for step in range(STEPS)], device)
    if rank == 0:
        # DDP averages over the processes.
        torch.save((2 * gradient.cpu(), seconds), job.path)
    torch.distributed.destroy_process_group()
