"""Loaders: batches read, augmented and padded ahead of the network, in processes of their own."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.context import BaseContext
from typing import Any

import lightning
from lightning.pytorch.callbacks import TQDMProgressBar
from torch.utils.data import DataLoader, Dataset

from asr.config import ExperimentConfig
from asr.data.batching import Batch, SpeechDataset, collate
from asr.data.bucketing import BucketBatchSampler
from asr.training.signals import STOP_SIGNALS


class EpochLoader:
    """The training batches of one process, epoch after epoch, from wherever its sampler stands.

    It has no length on purpose: Lightning would hold every epoch to the number of batches of the first
    one, and leave out the rest of the longer ones.
    """

    def __init__(self, batches: "DataLoader[Any]", sampler: BucketBatchSampler) -> None:
        self.batches = batches
        self.sampler = sampler  # Lightning tells it the epoch

    def __iter__(self) -> Iterator[Batch]:
        # A generator: workers begin to read when the first batch is wanted.
        yield from self.batches


class ProgressBar(TQDMProgressBar):
    """Lightning's, which knows how many batches are left without the loader having a length."""

    def __init__(self, sampler: BucketBatchSampler) -> None:
        super().__init__(leave=False)
        self.sampler = sampler

    @property
    def total_train_batches(self) -> int:
        """Of this process in this epoch."""
        return len(self.sampler)


def train_loader(
    config: ExperimentConfig,
    dataset: Dataset[Any],
    sampler: BucketBatchSampler,
    *,
    trainer: lightning.Trainer,
) -> EpochLoader:
    """Shuffled, augmented batches within the budget of padded seconds."""
    return EpochLoader(_loader(config, dataset, sampler, trainer=trainer), sampler)


def dev_loader(
    config: ExperimentConfig, dataset: SpeechDataset, *, trainer: lightning.Trainer
) -> "DataLoader[Any]":
    """Batches of untouched utterances, longest first, each utterance once."""
    sampler = BucketBatchSampler(
        [utterance.duration for utterance in dataset.utterances],
        seconds_per_batch=config.data.seconds_per_batch,
        utterances_per_batch=config.data.utterances_per_batch,
        shuffle=False,
        rank=trainer.global_rank,
        world_size=trainer.world_size,
    )
    return _loader(config, dataset, sampler, trainer=trainer)


def _loader(
    config: ExperimentConfig,
    dataset: Dataset[Any],
    sampler: BucketBatchSampler,
    *,
    trainer: lightning.Trainer,
) -> "DataLoader[Any]":
    workers = config.data.workers
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_leave_signals_to_the_trainer,
        multiprocessing_context=_clean_processes() if workers else None,
        pin_memory=trainer.strategy.root_device.type == "cuda",
    )


def _clean_processes() -> BaseContext:
    """How loader processes begin: as forks of a server that has no threads, on every Python.

    A fork of the trainer itself has the locks and memory of threads (torch's, ONNX Runtime's, a server's beside it in a notebook) that
    are not in it: it may hang or die. Windows has no forks, and begins anew.
    """
    if not hasattr(os, "fork"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["asr.training.loader_server"])  # heeded when the server begins
    return context


def stop_workers(loader: "EpochLoader | DataLoader[Any]") -> None:
    """End the processes of a loader that is no longer needed.

    They live for as long as something refers to the loader, and heed no SIGTERM: Python, which ends such
    processes with it before it exits, would wait for them for ever.
    """
    batches = loader.batches if isinstance(loader, EpochLoader) else loader
    iterator, batches._iterator = batches._iterator, None
    shut_down = getattr(iterator, "_shutdown_workers", None)  # there is none without workers
    if shut_down is not None:
        shut_down()


def _leave_signals_to_the_trainer(worker: int) -> None:
    """Schedulers signal every process of a job. The trainer still wants its next batch then; workers end
    when it does."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
