#!/usr/bin/env python3
"""How fast training is, beside the same network's bare forward and backward pass, in one run.

    python scripts/benchmark_training.py --config configs/an4.yaml

Trains through the whole pipeline (files, augmentation, loader processes, Lightning, guards, logging) and,
after each epoch, runs the very same batches again as ready tensors through the same network, loss,
backward pass and optimiser, with nothing around them. Prints hours of audio per hour for both, their
ratio, the ratio of the two ways to run a bidirectional LSTM, and how far the bare pass is from the
machine's matrix-multiplication speed.
"""

import argparse
import dataclasses
import platform
import statistics
import tempfile
import time
from pathlib import Path

import lightning
import torch
from torch import Tensor

from asr.cli.console import setup_logging, table
from asr.config import load_experiment
from asr.data.batching import Batch
from asr.data.manifest import read_manifest
from asr.data.tokenizer import build_tokenizer
from asr.model.encoder import EncoderConfig
from asr.model.precision import autocast, resolve_precision
from asr.model.recurrent import FusedLayer
from asr.training.module import SpeechModule
from asr.training.train import train_loader


class BesideBare(lightning.Callback):
    """Times each epoch, keeps its batches, and runs them again bare."""

    def __init__(self, precision: str) -> None:
        self.precision = precision
        self.pipeline: list[float] = []  # seconds of audio per second
        self.bare: list[float] = []
        self.batches: list[Batch] = []

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.batches = []
        self.began = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: object,
        batch: Batch,
        index: int,
    ) -> None:
        self.batches.append(batch)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, SpeechModule)
        seconds = (
            sum(float(batch.waveform_lengths.sum()) for batch in self.batches) / module.model.sample_rate
        )
        self.pipeline.append(seconds / (time.perf_counter() - self.began))
        optimizer = torch.optim.AdamW(module.model.parameters(), lr=0.0, weight_decay=0.0)
        began = time.perf_counter()
        for batch in self.batches:
            optimizer.zero_grad()
            with autocast(module.device, self.precision):  # type: ignore[arg-type]
                loss = module._loss(batch)
            loss.backward()
            optimizer.step()
        self.bare.append(seconds / (time.perf_counter() - began))


def lstm_ratio(
    config: EncoderConfig, *, batch: int, frames: int, precision: str, rounds: int
) -> tuple[float, float]:
    """Milliseconds of a forward and backward pass of one layer: reversed, packed."""
    layer = FusedLayer("lstm", 2 * config.hidden_size, config.hidden_size)
    inputs = torch.randn(batch, frames, 2 * config.hidden_size)
    lengths = torch.randint(frames // 2, frames + 1, (batch,))
    lengths[0] = frames

    def once(run: "object") -> float:
        began = time.perf_counter()
        with autocast(inputs.device, precision):  # type: ignore[arg-type]
            outputs: Tensor = run(inputs, lengths)  # type: ignore[operator]
        outputs.float().square().sum().backward()
        return 1000 * (time.perf_counter() - began)

    times: dict[str, list[float]] = {"reversed": [], "packed": []}
    for _ in range(rounds + 1):
        times["reversed"].append(once(layer.forward_reversed))
        times["packed"].append(once(layer.forward_packed))
    return statistics.median(times["reversed"][1:]), statistics.median(times["packed"][1:])


def multiply_speed(precision: str) -> float:
    """GFLOP/s of a 2048-cubed matrix product."""
    kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
    left, right = torch.randn(2048, 2048, dtype=kind), torch.randn(2048, 2048, dtype=kind)
    left @ right
    began = time.perf_counter()
    for _ in range(5):
        left @ right
    return 5 * 2 * 2048**3 / (time.perf_counter() - began) / 1e9


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
    arguments, options = parser.parse_known_args()
    setup_logging()
    config = load_experiment(arguments.config, options)
    config = dataclasses.replace(
        config, training=dataclasses.replace(config.training, epochs=arguments.epochs)
    )
    utterances = read_manifest(config.data.train)
    tokenizer = build_tokenizer(config.tokenizer, (utterance.text or "" for utterance in utterances))
    lightning.seed_everything(config.training.seed, workers=True, verbose=False)
    module = SpeechModule(config, tokenizer)
    precision = resolve_precision(config.training.precision, torch.device("cpu"))
    beside = BesideBare(precision)
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            default_root_dir=folder,
            max_epochs=arguments.epochs,
            precision="bf16-mixed" if precision == "bfloat16" else "32-true",
            callbacks=[beside],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        trainer.fit(module, train_loader(config, module, utterances, trainer=trainer))
    pipeline, bare = beside.pipeline[1:], beside.bare[1:]
    ratios = [whole / alone for whole, alone in zip(pipeline, bare, strict=True)]
    reversed_ms, packed_ms = lstm_ratio(
        config.model, batch=config.data.utterances_per_batch, frames=150, precision=precision, rounds=7
    )
    _, packed32_ms = lstm_ratio(
        config.model, batch=config.data.utterances_per_batch, frames=150, precision="float32", rounds=7
    )
    peak = multiply_speed(precision)
    needed = lstm_gflop_per_second_of_audio(
        config.model,
        frames_per_second=1 / module.model.seconds_per_frame,
        views=2 if config.training.consistency else 1,
    )
    reached = statistics.median(bare) * needed
    print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    print(f"{arguments.config}, {precision}, consistency {config.training.consistency}")
    print(
        table(
            [
                ("hours of audio per hour", "median", "least", "most"),
                ("whole pipeline", *(f"{f(pipeline):.0f}" for f in (statistics.median, min, max))),
                ("bare forward and backward", *(f"{f(bare):.0f}" for f in (statistics.median, min, max))),
                ("ratio", *(f"{f(ratios):.3f}" for f in (statistics.median, min, max))),
            ]
        )
    )
    print(
        f"one BiLSTM layer, forward and backward: reversed {reversed_ms:.1f} ms, packed {packed_ms:.1f} ms "
        f"({packed_ms / reversed_ms:.2f} times); packed in float32 {packed32_ms:.1f} ms"
    )
    print(
        f"LSTM arithmetic of the bare pass: {reached:.0f} GFLOP/s, {reached / peak:.0%} of a large {precision} matrix "
        f"product's {peak:.0f} GFLOP/s"
    )


if __name__ == "__main__":
    main()
