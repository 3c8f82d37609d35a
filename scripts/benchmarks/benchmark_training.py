#!/usr/bin/env python3
"""How fast training is, beside other ways to train the same network on the same batches, in one run.

    python scripts/benchmarks/benchmark_training.py --config configs/an4.yaml

After each epoch of the whole pipeline (files, augmentation, loader processes, Lightning, guards, logging),
the very same batches are trained on again

- bare: as ready tensors through network, loss, backward pass and optimiser, with nothing around them;
- by SpeechBrain's loop: `Brain.fit` around the same network, with files read by the same loader. Where
  SpeechBrain is not installed, a rewrite of its loop stands in and says so;
- as deepspeech.pytorch does: a plain, packed, bidirectional `nn.LSTM` of the same sizes in a plain loop,
  with files read by the same loader.

Prints hours of audio per hour for each, and ratios within each epoch, so that a machine that slows down
slows all of them; then how far the bare pass is from the machine's matrix-multiplication speed (of a GPU:
beside its own large matrix product in the same precision).

    python scripts/benchmarks/benchmark_training.py --config configs/an4_crf.yaml --losses [--processes 2]

instead trains on each of some batches twice, once with the configuration's losses and once with plain CTC in place of CTC-CRF,
in one process with all threads or in several at once with their share; prints the ratio of the two, and the memory of each.
"""

import argparse
import dataclasses
import itertools
import multiprocessing
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import lightning
import torch
from torch import Tensor, nn

from asr.allocator import keep_freed_memory
from asr.cli.console import setup_logging, table
from asr.config import ExperimentConfig, load_experiment
from asr.data.batching import Batch, collate
from asr.data.tokenizer import build_tokenizer
from asr.model.encoder import ConvolutionalSubsampling, EncoderConfig
from asr.model.features import Features
from asr.model.precision import autocast, resolve_precision
from asr.model.recurrent import FusedLayer
from asr.model.spec_augment import SpecAugment
from asr.training.data import TrainingData, open_training_data
from asr.training.epoch_log import peak_memory
from asr.training.heads import read_head_data
from asr.training.loading import EpochLoader, train_loader
from asr.training.module import SpeechModule

PIPELINE, BARE, BRAIN, PACKED = (
    "whole pipeline",
    "bare forward and backward",
    "SpeechBrain's loop",
    "packed nn.LSTM",
)


class PackedNetwork(nn.Module):
    """Convolutions, a packed multi-layer `nn.LSTM` and a linear layer: deepspeech.pytorch's shape, our sizes."""

    def __init__(self, config: ExperimentConfig, vocabulary_size: int) -> None:
        super().__init__()
        model = config.model
        self.features = Features(config.features)
        self.spec_augment = SpecAugment(config.spec_augment, features=config.features)
        size = 2 * model.hidden_size
        self.subsampling = ConvolutionalSubsampling(
            self.features.size, model.channels, subsampling=model.subsampling, size=size
        )
        self.lstm = nn.LSTM(
            size,
            model.hidden_size,
            num_layers=model.layers,
            batch_first=True,
            bidirectional=True,
            dropout=model.dropout if model.layers > 1 else 0.0,
        )
        self.head = nn.Linear(size, vocabulary_size)

    def forward(self, batch: Batch, views: int) -> Tensor:
        """Summed CTC loss of a batch, of so many masked views of it."""
        features, lengths = self.features(batch.waveforms, batch.waveform_lengths)
        features, lengths = features.repeat(views, 1, 1), lengths.repeat(views)
        hidden, lengths = self.subsampling(self.spec_augment(features, lengths), lengths)
        packed = nn.utils.rnn.pack_padded_sequence(
            hidden, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        hidden, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        log_probs = torch.log_softmax(self.head(hidden).float(), dim=2).transpose(0, 1)
        return nn.functional.ctc_loss(
            log_probs,
            batch.tokens.repeat(views, 1),
            lengths,
            batch.token_lengths.repeat(views),
            reduction="sum",
        )


def brain_epoch(
    module: SpeechModule, precision: str
) -> tuple[Callable[[EpochLoader, torch.device], None], str]:
    """An epoch by SpeechBrain's `Brain.fit` around the same network, and what that really is."""
    try:
        import speechbrain
        from speechbrain.core import Brain
    except ImportError:
        return _rewritten_brain_epoch(module, precision), "a rewrite of SpeechBrain's Brain.fit"

    class CTC(Brain):
        def compute_forward(self, batch: Batch, stage: object) -> Tensor:
            return module._loss(batch.to(module.device))

        def compute_objectives(self, predictions: Tensor, batch: Batch, stage: object) -> Tensor:
            return predictions / batch.token_lengths.sum()

    def epoch(loader: EpochLoader, device: torch.device) -> None:
        brain = CTC(
            modules={"model": module.model},
            opt_class=lambda parameters: torch.optim.AdamW(parameters, lr=1e-9, weight_decay=0.0),
            run_opts={
                "device": str(device),
                "precision": "bf16" if precision == "bfloat16" else "fp32",
                "noprogressbar": True,
            },
        )
        brain.fit(range(1), loader.batches)

    return epoch, f"SpeechBrain {speechbrain.__version__}, Brain.fit"


def _rewritten_brain_epoch(
    module: SpeechModule, precision: str
) -> Callable[[EpochLoader, torch.device], None]:
    """speechbrain.core.Brain._fit_train and fit_batch, step by step."""

    def epoch(loader: EpochLoader, device: torch.device) -> None:
        module.model.train()
        optimizer = torch.optim.AdamW(module.model.parameters(), lr=1e-9, weight_decay=0.0)
        average = 0.0
        for step, batch in enumerate(loader, 1):
            with autocast(device, precision):  # type: ignore[arg-type]
                loss = module._loss(batch.to(device)) / batch.token_lengths.sum()
            loss.backward()
            if torch.isfinite(loss):
                nn.utils.clip_grad_norm_(module.model.parameters(), 5.0)
                optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            average -= average / step
            average += float(loss.detach().cpu()) / step

    return epoch


class Beside(lightning.Callback):
    """Times each epoch, and trains on its batches again in the other ways.

    Attributes:
        speeds: seconds of audio a second, of each epoch, by the way.
        waits: share of each epoch between the end of a step and the beginning of the next: what the loader is waited for.
        batches: of the last epoch.
        brain: what stands for SpeechBrain's loop.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        data: TrainingData,
        precision: str,
        ways: Sequence[str] = (BARE, BRAIN, PACKED),
    ) -> None:
        self.config, self.data, self.precision, self.ways = config, data, precision, ways
        self.speeds: dict[str, list[float]] = {name: [] for name in (PIPELINE, *ways)}
        self.waits: list[float] = []
        self.batches: list[Batch] = []
        self.brain = ""

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, SpeechModule)
        if BRAIN in self.ways:
            self.brain_epoch, self.brain = brain_epoch(module, self.precision)
        if PACKED in self.ways:
            self.packed = PackedNetwork(self.config, len(module.tokenizer)).to(module.device)
        # One loader for the others, with its own processes; kept from epoch to epoch as ours is.
        sampler = self.data.sampler(rank=0, world_size=1)
        self.loader = train_loader(self.config, self.data.dataset(module.tokenizer), sampler, trainer=trainer)

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.batches = []
        self.waited = 0.0
        self.began = self.left = time.perf_counter()

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Batch, index: int
    ) -> None:
        self.waited += time.perf_counter() - self.left

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: object,
        batch: Batch,
        index: int,
    ) -> None:
        self.batches.append(batch.to(torch.device("cpu")))
        self.left = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, SpeechModule)
        device = module.device
        wait(device)
        seconds = (
            sum(float(batch.waveform_lengths.sum()) for batch in self.batches) / module.model.sample_rate
        )
        spent = time.perf_counter() - self.began
        self.speeds[PIPELINE].append(seconds / spent)
        self.waits.append(self.waited / spent)
        views = 2 if self.config.training.consistency else 1
        ready = [batch.to(device) for batch in self.batches]
        self.loader.sampler.set_epoch(trainer.current_epoch)
        runs: dict[str, Callable[[], None]] = {
            BARE: lambda: self._plain(ready, module._loss, module.trained, device),
            BRAIN: lambda: self.brain_epoch(self.loader, device),
            PACKED: lambda: self._plain(
                self.loader, lambda batch: self.packed(batch, views), list(self.packed.parameters()), device
            ),
        }
        for name in self.ways:
            wait(device)
            began = time.perf_counter()
            runs[name]()
            wait(device)
            self.speeds[name].append(seconds / (time.perf_counter() - began))
        module.train()

    def _plain(
        self,
        batches: object,
        loss_of: Callable[[Batch], Tensor],
        parameters: list[nn.Parameter],
        device: torch.device,
    ) -> None:
        optimizer = torch.optim.AdamW(parameters, lr=1e-9, weight_decay=0.0)
        for batch in batches:  # type: ignore[attr-defined]
            optimizer.zero_grad()
            with autocast(device, self.precision):  # type: ignore[arg-type]
                loss = loss_of(batch.to(device))
            (loss / batch.token_lengths.sum()).backward()
            optimizer.step()


def train_beside(
    config: ExperimentConfig, *, epochs: int, ways: Sequence[str] = (BARE, BRAIN, PACKED)
) -> tuple[Beside, SpeechModule]:
    """Train for some epochs, each followed by the same batches in the other ways."""
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=epochs))
    data = open_training_data(config)
    tokenizer = build_tokenizer(config.tokenizer, data.transcripts())
    lightning.seed_everything(config.training.seed, workers=True, verbose=False)
    module = SpeechModule(config, tokenizer, head_data=read_head_data(config, tokenizer, data.transcripts))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = resolve_precision(config.training.precision, device)
    beside = Beside(config, data, precision, ways)
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            default_root_dir=folder,
            accelerator=device.type,
            devices=1,
            max_epochs=epochs,
            precision="bf16-mixed" if precision == "bfloat16" else "32-true",
            callbacks=[beside],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        sampler = data.sampler(rank=0, world_size=1)
        trainer.fit(module, train_loader(config, data.dataset(tokenizer), sampler, trainer=trainer))
    return beside, module


class LossTimes(NamedTuple):
    """Seconds of the steps of one process, batch by batch, and its peak memory in GiB, with plain CTC first."""

    ctc: list[float]
    ctc_crf: list[float]
    ctc_memory: float
    ctc_crf_memory: float


def time_losses(config: ExperimentConfig, rank: int, processes: int, threads: int, count: int) -> LossTimes:
    """Forward and backward pass of `count` batches with plain CTC and with the configuration's losses, in turns."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = resolve_precision(config.training.precision, device)
    data = open_training_data(config)
    tokenizer = build_tokenizer(config.tokenizer, data.transcripts())
    heads = config.heads
    plain = dataclasses.replace(
        config,
        heads=dataclasses.replace(
            heads,
            letters=dataclasses.replace(heads.letters, loss="ctc"),
            phones=dataclasses.replace(heads.phones, loss="ctc"),
        ),
    )
    modules = [
        SpeechModule(one, tokenizer, head_data=read_head_data(one, tokenizer, data.transcripts))
        .to(device)
        .train()
        for one in (plain, config)
    ]
    sampler, dataset = data.sampler(rank=rank, world_size=processes), data.dataset(tokenizer)
    batches = [
        collate([dataset[key] for key in keys]).to(device) for keys in itertools.islice(iter(sampler), count)
    ]

    def step(module: SpeechModule, batch: Batch) -> float:
        wait(device)
        began = time.perf_counter()
        with autocast(device, precision):
            loss = module._loss(batch)
        (loss / batch.token_lengths.sum()).backward()
        wait(device)
        seconds = time.perf_counter() - began
        module.zero_grad(set_to_none=True)
        return seconds

    longest = max(batches, key=lambda batch: batch.waveforms.numel())
    memory = []
    for module in modules:
        step(module, longest)
        memory.append(peak_memory() / 2**30)
    ctc, ctc_crf = [], []
    for batch in batches:
        ctc.append(step(modules[0], batch))
        ctc_crf.append(step(modules[1], batch))
    return LossTimes(ctc, ctc_crf, *memory)


def compare_losses(config: ExperimentConfig, *, processes: int, count: int) -> None:
    """Print how much longer a step with CTC-CRF takes, and how much more memory."""
    threads = max(1, torch.get_num_threads() // processes)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        jobs = [
            pool.submit(time_losses, config, rank, processes, threads, count) for rank in range(processes)
        ]
        results = [job.result() for job in jobs]
    print(f"{processes} processes of {threads} threads, {count} batches each, forward and backward pass")
    ratios = [crf / ctc for found in results for ctc, crf in zip(found.ctc, found.ctc_crf, strict=True)]
    rows: list[tuple[str, ...]] = [("", "plain CTC", "with CTC-CRF", "ratio")]
    sums = [
        sum(times) for times in zip(*((sum(found.ctc), sum(found.ctc_crf)) for found in results), strict=True)
    ]
    rows.append(("all steps, s", *(f"{value / processes:.2f}" for value in sums), f"{sums[1] / sums[0]:.3f}"))
    quartiles = statistics.quantiles(ratios, n=4)
    rows.append(
        (
            "median of steps (quartiles)",
            "",
            "",
            f"{quartiles[1]:.3f} ({quartiles[0]:.3f} to {quartiles[2]:.3f})",
        )
    )
    most = [max(values) for values in zip(*(found[2:] for found in results), strict=True)]
    rows.append(("peak memory, GiB", *(f"{value:.2f}" for value in most), f"{most[1] / most[0]:.3f}"))
    print(table(rows))


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def lstm_ratio(
    config: EncoderConfig, *, batch: int, frames: int, precision: str, rounds: int, device: torch.device
) -> tuple[float, float]:
    """Milliseconds of a forward and backward pass of one layer: reversed, packed."""
    layer = FusedLayer("lstm", 2 * config.hidden_size, config.hidden_size).to(device)
    inputs = torch.randn(batch, frames, 2 * config.hidden_size, device=device)
    lengths = torch.randint(frames // 2, frames + 1, (batch,), device=device)
    lengths[0] = frames

    def once(run: "object") -> float:
        began = time.perf_counter()
        with autocast(inputs.device, precision):  # type: ignore[arg-type]
            outputs: Tensor = run(inputs, lengths)  # type: ignore[operator]
        outputs.float().square().sum().backward()
        wait(device)
        return 1000 * (time.perf_counter() - began)

    times: dict[str, list[float]] = {"reversed": [], "packed": []}
    for _ in range(rounds + 1):
        times["reversed"].append(once(layer.forward_reversed))
        times["packed"].append(once(layer.forward_packed))
    return statistics.median(times["reversed"][1:]), statistics.median(times["packed"][1:])


def multiply_speed(precision: str, device: torch.device) -> float:
    """GFLOP/s of a large matrix product: 2048 cubed, on a GPU 8192 cubed."""
    size = 8192 if device.type == "cuda" else 2048
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left = torch.randn(size, size, device=device).to(kind)
    right = torch.randn(size, size, device=device).to(kind)
    left @ right
    wait(device)
    began = time.perf_counter()
    for _ in range(5):
        left @ right
    wait(device)
    return 5 * 2 * size**3 / (time.perf_counter() - began) / 1e9


def lstm_gflop_per_second_of_audio(config: EncoderConfig, *, frames_per_second: float, views: int) -> float:
    """Multiplications and additions of the LSTM layers, forward and backward (three times forward)."""
    inputs, hidden = 2 * config.hidden_size, config.hidden_size
    a_frame = config.layers * 2 * 4 * hidden * (inputs + hidden) * 2
    return 3 * views * a_frame * frames_per_second / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=Path("configs/an4.yaml"))
    parser.add_argument(
        "--epochs", type=int, default=4, help="the first warms up and is not counted; default 4"
    )
    parser.add_argument("--losses", action="store_true", help="compare CTC-CRF with plain CTC instead")
    parser.add_argument("--processes", type=int, default=1, help="of --losses, at once; default 1")
    parser.add_argument("--batches", type=int, default=30, help="of --losses, for each process; default 30")
    arguments, options = parser.parse_known_args()
    setup_logging()
    config = load_experiment(arguments.config, options)
    if arguments.losses:
        compare_losses(config, processes=arguments.processes, count=arguments.batches)
        return
    beside, module = train_beside(config, epochs=arguments.epochs)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = resolve_precision(config.training.precision, device)
    speeds = {name: values[1:] for name, values in beside.speeds.items()}
    reversed_ms, packed_ms = lstm_ratio(
        config.model,
        batch=config.data.utterances_per_batch,
        frames=150,
        precision=precision,
        rounds=7,
        device=device,
    )
    peak = multiply_speed(precision, device)
    needed = lstm_gflop_per_second_of_audio(
        config.model,
        frames_per_second=1 / module.model.seconds_per_frame,
        views=2 if config.training.consistency else 1,
    )
    reached = statistics.median(speeds[BARE]) * needed
    machine = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor()
    print(
        f"{machine or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}; {beside.brain}"
    )
    print(
        f"{arguments.config}, {precision}, consistency {config.training.consistency}, {len(speeds[BARE])} epochs counted"
    )
    rows: list[tuple[str, ...]] = [("hours of audio per hour", "median", "least", "most")]
    rows += [
        (name, *(f"{f(values):.0f}" for f in (statistics.median, min, max)))
        for name, values in speeds.items()
    ]
    rows.append(("ratio, within an epoch", "", "", ""))
    for name in (BARE, BRAIN, PACKED):
        ratios = [ours / other for ours, other in zip(speeds[PIPELINE], speeds[name], strict=True)]
        rows.append((f"pipeline to {name}", *(f"{f(ratios):.3f}" for f in (statistics.median, min, max))))
    print(table(rows))
    print(
        f"one BiLSTM layer, forward and backward: reversed {reversed_ms:.1f} ms, packed {packed_ms:.1f} ms "
        f"({packed_ms / reversed_ms:.2f} times)"
    )
    print(
        f"LSTM arithmetic of the bare pass: {reached:.0f} GFLOP/s, {reached / peak:.0%} of a large {precision} matrix "
        f"product's {peak:.0f} GFLOP/s"
    )


if __name__ == "__main__":
    main()
