#!/usr/bin/env python3
"""How time and memory grow: against batch, length and hidden size, and against utterances in a manifest.

    python scripts/benchmarks/benchmark_growth.py --out docs/growth.png

Every point is measured in a process of its own, so that its largest memory is its own: a training step
(forward, backward, optimiser; median of several) of `--layers` BiLSTM layers on noise, with two of batch,
length and hidden size held at their middle; and reading a manifest, forming the batches of an epoch, and
the memory both take. On a GPU the memory is what torch allocated. Prints a table, and draws the plot.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from asr.cli.console import table

BATCHES = (1, 2, 4, 8, 16, 32, 64)
SECONDS = (1, 2, 4, 8, 16, 32)
HIDDEN = (64, 128, 256, 512, 1024)
UTTERANCES = (1_000, 10_000, 100_000, 1_000_000)
MIDDLE = {"batch": 8, "seconds": 8, "hidden": 256}


def step(batch: int, seconds: float, hidden: int, layers: int, rounds: int) -> dict[str, float]:
    """Time and memory of a training step."""
    import torch

    from asr.model.acoustic import AcousticModel, AcousticModelConfig
    from asr.model.encoder import EncoderConfig
    from asr.model.losses import ctc_loss
    from asr.training.epoch_log import peak_memory

    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    before = peak_memory()
    config = AcousticModelConfig(encoder=EncoderConfig(layers=layers, hidden_size=hidden))
    model = AcousticModel(config, vocabulary_size=30).to(device)
    optimizer = torch.optim.AdamW(model.parameters())
    waveforms = torch.rand(batch, round(16000 * seconds), device=device) - 0.5
    lengths = torch.full((batch,), waveforms.shape[1], device=device)
    letters = max(1, round(8 * seconds))
    tokens = torch.randint(1, 30, (batch, letters), device=device)
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        optimizer.zero_grad()
        emission = model(waveforms, lengths)
        ctc_loss(emission, tokens, torch.full((batch,), letters, device=device)).mean().backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return {"seconds": statistics.median(times[1:]), "bytes": peak_memory() - before}


def manifest(count: int, path: str) -> dict[str, float]:
    """Time and memory of reading a manifest and of forming the batches of two epochs."""
    import numpy as np

    from asr.data.bucketing import BucketBatchSampler
    from asr.data.manifest import read_manifest
    from asr.training.epoch_log import peak_memory

    generator = np.random.default_rng(0)
    with open(path, "w", encoding="utf-8") as file:
        for number, seconds in enumerate(np.clip(generator.normal(12.3, 3.8, count), 1.3, 24.5).tolist()):
            text = "CHAPTER ONE MISSUS RACHEL LYNDE IS SURPRISED " * round(seconds / 3)
            record = {
                "id": f"{number:09d}",
                "audio": f"train/{number % 1000}/{number:09d}.flac",
                "duration": round(seconds, 3),
                "text": text,
                "speaker": f"{number % 1000}",
            }
            file.write(json.dumps(record) + "\n")
    before = peak_memory()
    began = time.perf_counter()
    utterances = read_manifest(path)
    read = time.perf_counter() - began
    read_bytes = peak_memory() - before
    sampler = BucketBatchSampler(
        [utterance.duration for utterance in utterances],
        seconds_per_batch=600.0,
        utterances_per_batch=64,
        world_size=8,
    )
    times = []
    for epoch in (1, 2):
        sampler.set_epoch(epoch)
        began = time.perf_counter()
        len(sampler)
        times.append(time.perf_counter() - began)
    return {
        "read_seconds": read,
        "read_bytes": read_bytes,
        "epoch_seconds": min(times),
        "sampler_bytes": peak_memory() - before - read_bytes,
    }


def measured(*words: object) -> dict[str, float]:
    """One point, in a process of its own."""
    command = [sys.executable, __file__, "--point", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def draw(path: Path, series: dict[str, list[tuple[float, dict[str, float]]]], title: str) -> None:
    """One column a quantity: time above, memory below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 7), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, 4)
    labels = {"batch": "utterances a batch", "seconds": "seconds an utterance", "hidden": "hidden size"}
    for column, (name, points) in enumerate(series.items()):
        sizes = [size for size, _ in points]
        upper, lower = grid[0][column], grid[1][column]
        if name == "utterances":
            upper.plot(sizes, [point["read_seconds"] for _, point in points], "o-", label="read")
            upper.plot(
                sizes, [point["epoch_seconds"] for _, point in points], "s-", label="batches of an epoch"
            )
            lower.plot(sizes, [point["read_bytes"] / 2**20 for _, point in points], "o-", label="manifest")
            lower.plot(sizes, [point["sampler_bytes"] / 2**20 for _, point in points], "s-", label="batches")
        else:
            upper.plot(sizes, [1000 * point["seconds"] for _, point in points], "o-", label="measured")
            lower.plot(sizes, [point["bytes"] / 2**20 for _, point in points], "o-", label="measured")
        upper.set_ylabel("seconds" if name == "utterances" else "ms a step")
        lower.set_ylabel("MiB")
        for axes in (upper, lower):
            axes.set_xlabel(labels.get(name, "utterances in a manifest"))
            axes.set_xscale("log", base=10 if name == "utterances" else 2)
            axes.set_yscale("log")
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.yaxis.set_major_formatter("{x:,g}")
            axes.yaxis.set_minor_formatter("")
            low, high = axes.get_ylim()
            # From the largest point down: growth in proportion.
            top = max(line.get_ydata()[-1] for line in axes.get_lines())
            axes.plot(
                sizes, [top * size / sizes[-1] for size in sizes], ":", color="gray", label="in proportion"
            )
            axes.set_ylim(low, high)
            axes.grid(alpha=0.3, which="both")
            axes.legend()
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/growth.png"), help="the plot")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5, help="steps that are timed at each point")
    parser.add_argument(
        "--most", type=int, default=max(UTTERANCES), help="utterances of the largest manifest"
    )
    parser.add_argument("--quick", action="store_true", help="the two smallest points of each quantity only")
    parser.add_argument("--point", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.point:
        kind, *numbers = arguments.point
        if kind == "manifest":
            result = manifest(int(numbers[0]), numbers[1])
        else:
            batch, seconds, hidden, layers, rounds = map(int, numbers)
            result = step(batch, seconds, hidden, layers, rounds)
        print(json.dumps(result))
        return
    import torch

    most = 2 if arguments.quick else None
    series: dict[str, list[tuple[float, dict[str, float]]]] = {}
    rows: list[tuple[object, ...]] = [("quantity", "size", "ms a step", "MiB")]
    for name, sizes in (("batch", BATCHES), ("seconds", SECONDS), ("hidden", HIDDEN)):
        series[name] = []
        for size in sizes[:most]:
            values = {**MIDDLE, name: size}
            point = measured(
                "step",
                values["batch"],
                values["seconds"],
                values["hidden"],
                arguments.layers,
                arguments.rounds,
            )
            series[name].append((size, point))
            rows.append((name, size, f"{1000 * point['seconds']:.1f}", f"{point['bytes'] / 2**20:.0f}"))
    print(table(rows))
    rows = [("utterances", "read, s", "MiB", "epoch, s", "MiB")]
    series["utterances"] = []
    for count in [count for count in UTTERANCES if count <= arguments.most][:most]:
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
            point = measured("manifest", count, file.name)
        series["utterances"].append((count, point))
        rows.append(
            (
                f"{count:,}",
                f"{point['read_seconds']:.2f}",
                f"{point['read_bytes'] / 2**20:.0f}",
                f"{point['epoch_seconds']:.2f}",
                f"{point['sampler_bytes'] / 2**20:.0f}",
            )
        )
    print(table(rows))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    title = (
        f"{device}, {torch.get_num_threads()} threads, {arguments.layers} layers, float32; where not varied: batch "
        f"{MIDDLE['batch']}, {MIDDLE['seconds']} s, hidden size {MIDDLE['hidden']}"
    )
    draw(arguments.out, series, title)
    print(arguments.out)


if __name__ == "__main__":
    main()
