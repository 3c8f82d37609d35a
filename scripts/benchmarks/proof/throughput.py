"""How fast training is: the whole pipeline beside the bare passes, what it waits for, and where the time goes."""

import dataclasses
import os
import statistics

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from asr.config import ExperimentConfig
from asr.data.batching import Batch
from asr.data.tokenizer import build_tokenizer
from asr.decoding.greedy import greedy_path
from asr.model.precision import autocast, resolve_precision
from asr.training.batch_tuning import recommended, try_budgets
from asr.training.data import open_training_data
from asr.training.epoch_log import peak_memory
from asr.training.module import SpeechModule
from benchmark_training import BARE, PIPELINE, train_beside, wait
from proof.experiments import SIZES, TINY_SIZES, experiment
from proof.section import Place, Section

PARTS = ("features", "encoder", "loss", "backward", "decoding")


def prove(place: Place) -> Section:
    """Train each size for some epochs with the batch that fits."""
    section = Section(
        "Training",
        (
            "layers x hidden", "seconds a batch", "pipeline, h/h", "bare, h/h", "ratio", "data wait", "peak, GiB",
            *(f"{part}, ms" for part in PARTS),
        ),
        notes=[
            "h/h: hours of audio an hour. Bare: forward and backward pass and optimiser on the same batches, as ready tensors. "
            "Parts of one batch by the profiler, each until the device has done it; decoding is greedy and not part of training.",
        ],
    )  # fmt: skip
    for layers, hidden in TINY_SIZES if place.tiny else SIZES:
        workers = 0 if place.tiny else min(8, os.cpu_count() or 1)
        config = experiment(place.manifest, layers, hidden, workers=workers)
        if place.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        budget = _budget(config, place)
        config = dataclasses.replace(
            config, data=dataclasses.replace(config.data, seconds_per_batch=budget, utterances_per_batch=256)
        )
        beside, module = train_beside(config, epochs=2 if place.tiny else 4, ways=(BARE,))
        pipeline, bare = (statistics.median(beside.speeds[name][1:]) for name in (PIPELINE, BARE))
        longest = max(beside.batches, key=lambda batch: batch.waveforms.numel())
        parts = _parts(module.to(place.device), longest.to(place.device), config)
        section.rows.append(
            (
                f"{layers} x {hidden}", budget, pipeline, bare, pipeline / bare, statistics.median(beside.waits[1:]),
                peak_memory() / 2**30, *(parts[name] for name in PARTS),
            )
        )  # fmt: skip
    return section


def _budget(config: ExperimentConfig, place: Place) -> float:
    """As `asr tune-batch` recommends."""
    data = open_training_data(config)
    tokenizer = build_tokenizer(config.tokenizer, data.transcripts())
    first, most = (4.0, 8.0) if place.tiny else (config.data.seconds_per_batch, 0.0)
    roomy = dataclasses.replace(
        config, data=dataclasses.replace(config.data, seconds_per_batch=first, utterances_per_batch=256)
    )
    return recommended(list(try_budgets(roomy, tokenizer, data.durations, most_seconds=most)))


def _parts(module: SpeechModule, batch: Batch, config: ExperimentConfig) -> dict[str, float]:
    """Milliseconds of each part of a batch, the second time."""
    device = batch.waveforms.device
    precision = resolve_precision(config.training.precision, device)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    for _ in range(2):
        module.zero_grad(set_to_none=True)
        with profile(activities=activities) as profiler:
            with autocast(device, precision):
                with record_function("features"):
                    features, lengths = module.model.features(batch.waveforms, batch.waveform_lengths)
                    wait(device)
                with record_function("encoder"):
                    encoding = module.model.encoder(module.model.spec_augment(features, lengths), lengths)
                    wait(device)
                with record_function("loss"):
                    emission = module.model.emission(encoding)
                    loss = module.heads.letters_losses(emission, batch.tokens, batch.token_lengths).sum()
                    wait(device)
            with record_function("backward"):
                loss.backward()
                wait(device)
            with record_function("decoding"):
                log_probs = emission.log_probs.detach().cpu().numpy()
                for row, length in enumerate(emission.lengths.tolist()):
                    greedy_path(log_probs[row, :length])
    # Each part ends when the device has done it, so that the CPU's clock holds for both.
    return {event.key: event.cpu_time_total / 1000 for event in profiler.key_averages() if event.key in PARTS}
