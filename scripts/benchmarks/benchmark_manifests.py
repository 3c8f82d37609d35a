"""Time and memory of the commands that read manifests, on one of many utterances.

python scripts/benchmarks/benchmark_manifests.py FOLDER --utterances 1000000

Makes FOLDER: 100 recordings of a minute each, and a NeMo manifest of segments of them (1 to 3 s, sentences of
made-up words, 10,000 speakers); then runs every command in a process of its own and prints a Markdown table of
wall time, processor time and peak resident memory (of which this script's own, about 45 MB, is the least that
can be seen). Everything follows from a fixed seed.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

_RECORDINGS = 100
_SECONDS = 60
_RATE = 16000


def main() -> None:
    """Make the data, run the commands, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--utterances", type=int, default=1_000_000)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    source = make_manifest(folder, arguments.utterances)
    manifest = folder / "out" / "all.jsonl"
    parts = folder / "parts"
    commands: dict[str, list[str | Path]] = {
        "prepare": ["prepare", "nemo", source, folder / "out"],
        "stats": ["stats", manifest],
        "stats --against": ["stats", manifest, "--against", manifest],
        "filter": ["manifest", "filter", manifest, folder / "filtered.jsonl", "--max-duration", "2.5"],
        "split": ["manifest", "split", manifest, parts, "train=0.9", "dev=0.1"],
        "merge": ["manifest", "merge", parts / "train.jsonl", parts / "dev.jsonl", folder / "merged.jsonl"],
        "sample": ["manifest", "sample", manifest, folder / "sample.jsonl", "--hours", "100"],
        "shuffle": ["manifest", "shuffle", manifest, folder / "shuffled.jsonl"],
        "validate": ["validate", manifest],
    }
    print(f"{arguments.utterances:,} utterances; manifest of {source.stat().st_size / 1e6:.0f} MB")
    print("| asr command | wall | processor | peak memory |\n|---|---|---|---|")
    for name, words in commands.items():
        wall, processor, peak = measure([sys.executable, "-m", "asr", *map(str, words)])
        print(f"| `{name}` | {wall:.0f} s | {processor:.0f} s | {peak:.0f} MB |", flush=True)


def make_manifest(folder: Path, utterances: int) -> Path:
    """`folder/all_manifest.json` and the recordings that it cuts up."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(_RECORDINGS):
        noise = generator.integers(-3000, 3000, _SECONDS * _RATE, dtype=np.int16)
        soundfile.write(folder / f"{number:03d}.wav", noise, _RATE)
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    words = ["".join(generator.choice(letters, size)) for size in generator.integers(1, 10, 50_000)]
    path = folder / "all_manifest.json"
    with path.open("w", encoding="utf-8") as file:
        for number in range(utterances):
            start, length = generator.uniform(0, _SECONDS - 3), generator.uniform(1, 3)
            # Words as frequent as in language: the rank is Zipf's.
            ranks = np.minimum(generator.zipf(1.3, 5), len(words)) - 1
            record = {
                "id": f"utterance-{number:07d}",
                "audio_filepath": f"{number * _RECORDINGS // utterances:03d}.wav",
                "offset": round(float(start), 3),
                "duration": round(float(length), 3),
                "text": " ".join(words[rank] for rank in ranks),
                "speaker": f"speaker-{number % 10_000:05d}",
            }
            file.write(json.dumps(record) + "\n")
    return path


def measure(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak resident megabytes of a command; exits when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
