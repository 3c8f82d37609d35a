#!/usr/bin/env python3
"""What a step of each recurrent cell costs, beside torch's own layers, in one run.

    python scripts/benchmarks/benchmark_cells.py
    python scripts/benchmarks/benchmark_cells.py --hidden 250 --batch 1 --threads 2 --device cuda

Each cell runs one layer, both directions, forward and backward (training) and forward alone (in use), over the
same random batch; cells take turns, round by round, so that whatever else the machine does meets them alike.
A step is one frame of one direction for the whole batch.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from asr.cli.console import table
from asr.model.precision import autocast
from asr.model.recurrent import CELLS, build_layer

# Ours take utterances of unequal length; torch's take the padded tensor and no lengths.
TORCH = {
    "nn.RNN": torch.nn.RNN,
    "nn.GRU": torch.nn.GRU,
    "nn.LSTM": torch.nn.LSTM,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=384, help="I; default %(default)s")
    parser.add_argument("--hidden", type=int, default=192, help="H; default %(default)s")
    parser.add_argument("--batch", type=int, default=8, help="B; default %(default)s")
    parser.add_argument("--frames", type=int, default=150, help="T; default %(default)s")
    parser.add_argument(
        "--rounds", type=int, default=15, help="default %(default)s, and one that is not counted"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    device = torch.device(arguments.device)
    modules: dict[str, torch.nn.Module] = {
        cell: build_layer(cell, arguments.inputs, arguments.hidden) for cell in CELLS
    }
    for name, kind in TORCH.items():
        modules[name] = kind(arguments.inputs, arguments.hidden, batch_first=True, bidirectional=True)
    for module in modules.values():
        module.to(device)
    inputs = torch.randn(arguments.batch, arguments.frames, arguments.inputs, device=device)
    lengths = torch.full((arguments.batch,), arguments.frames, device=device)

    def outputs_of(name: str) -> torch.Tensor:
        module = modules[name]
        with autocast(device, arguments.precision):
            outputs: torch.Tensor = module(inputs)[0] if name in TORCH else module(inputs, lengths)
        return outputs

    def train(name: str) -> None:
        outputs_of(name).float().square().mean().backward()

    def use(name: str) -> None:
        with torch.inference_mode():
            outputs_of(name)

    def milliseconds(run: Callable[[str], None], name: str) -> float:
        began = time.perf_counter()
        run(name)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - began)

    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(arguments.rounds + 1):
        for cell in modules:
            for name, run in (("train", train), ("use", use)):
                times.setdefault((cell, name), []).append(milliseconds(run, cell))
    steps = 2 * arguments.frames

    def median(cell: str, name: str) -> float:
        return statistics.median(times[cell, name][1:])

    rows = [
        (
            cell,
            *(
                text
                for name in ("train", "use")
                for text in (
                    f"{median(cell, name):.2f}",
                    f"{1000 * median(cell, name) / steps:.1f}",
                    f"{median(cell, name) / median('lstm', name):.2f}",
                )
            ),
        )
        for cell in modules
    ]
    print(
        f"I {arguments.inputs}, H {arguments.hidden}, B {arguments.batch}, T {arguments.frames}, both directions; "
        f"{arguments.device}, {arguments.threads} threads, {arguments.precision}; medians of {arguments.rounds}"
    )
    header = ("cell", "train, ms", "us a step", "x LSTM", "use, ms", "us a step", "x LSTM")
    print(table([header, *rows]))


if __name__ == "__main__":
    main()
