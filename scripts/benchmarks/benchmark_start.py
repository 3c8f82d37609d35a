#!/usr/bin/env python3
"""What `asr transcribe` of a short file takes beyond importing PyTorch: the very first time, and from then on.

    python scripts/benchmarks/benchmark_start.py speech.wav --runs 3

Both are run in turns, in processes of their own, with an empty cache folder to begin with. Printed are medians of the
differences: wall time, processor time of all threads (which other work on the machine moves less), and peak memory.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """Of a process: seconds of wall and processor time, and megabytes of memory at its peak."""

    wall: float
    processor: float
    memory: float


def cost_of(command: list[str], cache: str) -> Cost:
    """Run a command of this Python."""
    began = time.perf_counter()
    environment = {**os.environ, "ASR_CACHE_DIR": cache}
    child = subprocess.Popen([sys.executable, *command], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("audio", type=Path)
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="after the first; default: 3")
    arguments = parser.parse_args()
    torch, ours = ["-c", "import torch"], ["-m", "asr", "transcribe", str(arguments.audio)]
    with tempfile.TemporaryDirectory() as cache:
        pairs = [(cost_of(torch, cache), cost_of(ours, cache)) for _ in range(1 + arguments.runs)]
    print("                      wall, s  processor, s  peak, MB")
    for name, chosen in (("first run", pairs[:1]), ("later runs", pairs[1:])):
        for what, place in (("import torch", 0), ("asr transcribe", 1)):
            costs = [pair[place] for pair in chosen]
            columns = [statistics.median(values) for values in zip(*costs, strict=True)]
            print(f"{name:<11}{what:<15}{columns[0]:>5.1f}{columns[1]:>14.1f}{columns[2]:>10.0f}")
        more = [statistics.median(pair[1][at] - pair[0][at] for pair in chosen) for at in range(3)]
        print(f"{name:<11}{'more':<15}{more[0]:>5.1f}{more[1]:>14.1f}{more[2]:>10.0f}")


if __name__ == "__main__":
    main()
