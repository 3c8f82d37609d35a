"""How large a batch fits this machine, and which is fastest: the experiment's own steps, on its longest batches."""

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from asr.config import ExperimentConfig, HeadsConfig
from asr.data.batching import Batch, Sample, collate
from asr.data.bucketing import BucketBatchSampler
from asr.data.tokenizer import Tokenizer
from asr.errors import ConfigError
from asr.model.device import choose_device
from asr.model.precision import autocast, resolve_precision
from asr.training.epoch_log import peak_memory
from asr.training.module import SpeechModule

# Share of the largest budget that fits which is recommended: fragmentation and other programs need room.
_MARGIN = 0.9


@dataclass(frozen=True)
class Trial:
    """A budget that was tried.

    Attributes:
        seconds_per_batch: the budget.
        utterances: in its most costly batch.
        hours_per_hour: hours of audio in an hour, on that batch.
        memory_gib: most memory used so far; NaN where the budget did not fit, or the system does not tell.
        fits: False when memory ran out.
    """

    seconds_per_batch: float
    utterances: int
    hours_per_hour: float
    memory_gib: float
    fits: bool


def try_budgets(
    config: ExperimentConfig,
    tokenizer: Tokenizer,
    durations: np.ndarray,
    *,
    most_seconds: float = 0.0,
    steps: int = 3,
) -> Iterator[Trial]:
    """Train on ever larger batches: doubled until memory runs out, then halved in between.

    The batches are the most costly ones that training would form of these durations, with noise for sound
    and transcripts of ten letters a second, or what CTC can fit.

    Args:
        config: the experiment; its budget is where trials begin when that fits an utterance.
        tokenizer: for the size of the vocabulary.
        durations: seconds of the training utterances.
        most_seconds: no budget above this; 0 goes on until memory runs out, or until a batch holds
            `data.utterances_per_batch`. Without a GPU, memory running out would end the program: there it
            stops at four times the configured budget.
        steps: of each trial; the first is not timed.
    """
    device = choose_device(config.training.device)
    longest = config.data.augmentation.longest(float(durations.max()))
    if device.type == "cpu" and most_seconds <= 0:
        most_seconds = 4 * config.data.seconds_per_batch
    # Noise has no words that could be pronounced, and no sequences that a unit model could be estimated from.
    heads = HeadsConfig(intermediate=config.heads.intermediate)
    config = dataclasses.replace(config, heads=heads)
    module = SpeechModule(config, tokenizer).to(device).train()
    optimizer = module.build_optimizer()
    if steps < 2:
        raise ConfigError(f"{steps} steps of each batch; expected 2 or more: the first is not timed")
    fitting, too_large = 0.0, float("inf")
    budget = max(longest, config.data.seconds_per_batch / 4)
    while not most_seconds or budget <= most_seconds * 1.0001:
        trial = _try(config, module, optimizer, durations, budget, device=device, steps=steps)
        yield trial
        if trial.fits:
            fitting = budget
            if trial.utterances >= config.data.utterances_per_batch:
                return
        else:
            too_large = budget
        if too_large == float("inf"):
            budget *= 2
        elif too_large - fitting > max(longest, 0.05 * too_large):
            budget = (fitting + too_large) / 2
        else:
            break


def recommended(trials: list[Trial]) -> float:
    """The budget to train with: the fastest that fits on a CPU; nine tenths of the largest on a GPU.

    Raises:
        ConfigError: not even the longest utterance alone fits.
    """
    fitting = [trial for trial in trials if trial.fits]
    if not fitting:
        raise ConfigError(
            "not even the longest utterance fits: make the model smaller, or leave long utterances out"
        )
    if all(trial.fits for trial in trials):
        return max(fitting, key=lambda trial: trial.hours_per_hour).seconds_per_batch
    return _MARGIN * max(trial.seconds_per_batch for trial in fitting)


def _try(
    config: ExperimentConfig,
    module: SpeechModule,
    optimizer: torch.optim.Optimizer,
    durations: np.ndarray,
    budget: float,
    *,
    device: torch.device,
    steps: int,
) -> Trial:
    batch = _most_costly_batch(config, module, durations, budget)
    seconds = float(batch.waveform_lengths.sum()) / module.model.sample_rate
    precision = resolve_precision(config.training.precision, device)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        batch = batch.to(device)
        for step in range(steps):
            if step == 1:
                _wait(device)
                began = time.perf_counter()
            optimizer.zero_grad()
            with autocast(device, precision):
                loss = module._loss(batch)
            (loss / batch.token_lengths.sum()).backward()
            optimizer.step()
        _wait(device)
        speed = seconds * (steps - 1) / (time.perf_counter() - began)
        return Trial(budget, len(batch.ids), speed, peak_memory() / 2**30, True)
    except torch.OutOfMemoryError:
        optimizer.zero_grad(set_to_none=True)
        return Trial(budget, len(batch.ids), 0.0, float("nan"), False)


def _most_costly_batch(
    config: ExperimentConfig, module: SpeechModule, durations: np.ndarray, budget: float
) -> Batch:
    sampler = BucketBatchSampler(
        durations,
        seconds_per_batch=max(budget, float(durations.max())),
        utterances_per_batch=config.data.utterances_per_batch,
        shuffle=False,
    )
    numbers = max(sampler.batches(0, world_size=1), key=sampler.cost)
    generator = np.random.default_rng(0)
    samples = []
    for number in numbers:
        length = round(config.data.augmentation.longest(float(durations[number])) * module.model.sample_rate)
        frames = int(module.model.emission_lengths(torch.tensor([length])))
        letters = max(1, min(round(10 * durations[number]), frames // 2))
        tokens = generator.integers(1, len(module.tokenizer), letters).tolist()
        waveform = generator.uniform(-0.1, 0.1, length).astype(np.float32)
        samples.append(Sample(waveform, tokens, str(number)))
    return collate(samples)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
