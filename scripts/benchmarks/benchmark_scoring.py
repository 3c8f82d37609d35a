"""Time and memory of `asr score` on a large synthetic set.

    python scripts/benchmarks/benchmark_scoring.py --utterances 100000 --out OUT

Writes a manifest of references (with speaker, duration, a signal-to-noise ratio and an accent) and JSON
lines of hypotheses (with confidences) into OUT, scores them with every part of the report, and prints wall
time, processor time and peak resident memory of the scoring process. The words are drawn from a Zipf distribution over
20,000 made-up ones; about one in ten is wrong.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SPEAKERS, WORDS = 400, 20_000
SYLLABLES = [
    "ba",
    "de",
    "ki",
    "lo",
    "mu",
    "na",
    "per",
    "ra",
    "sto",
    "ti",
    "va",
    "zen",
    "or",
    "al",
    "in",
    "est",
]


def main() -> None:
    """Make the set, score it, print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--utterances", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for the set and the report")
    parser.add_argument("--normaliser", default="english")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    references, hypotheses = arguments.out / "ref.jsonl", arguments.out / "hyp.jsonl"
    words = write_set(references, hypotheses, utterances=arguments.utterances, seed=arguments.seed)
    command = [
        sys.executable, "-m", "asr", "score", str(references), str(hypotheses),
        "--out", str(arguments.out / "report"), "--normaliser", arguments.normaliser,
        "--vocabulary", str(references),
    ]  # fmt: skip
    began = time.perf_counter()
    subprocess.run(command, check=True)
    spent = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = usage.ru_maxrss / 2**20  # KiB on Linux
    page = os.path.getsize(arguments.out / "report" / "report.html") / 2**20
    print(
        f"{arguments.utterances} utterances, {words} words: {spent:.1f} s "
        f"({usage.ru_utime + usage.ru_stime:.1f} s of one core), peak {peak:.2f} GiB, "
        f"report.html {page:.1f} MiB"
    )


def write_set(references: Path, hypotheses: Path, *, utterances: int, seed: int) -> int:
    """Write both files; return the number of reference words."""
    generator = np.random.default_rng(seed)
    vocabulary = ["".join(generator.choice(SYLLABLES, size=2 + number % 3)) for number in range(WORDS)]
    vocabulary[:6] = ["the", "colour", "twenty", "one", "don't", "Mr."]
    total = 0
    with references.open("w", encoding="utf-8") as left, hypotheses.open("w", encoding="utf-8") as right:
        for number in range(utterances):
            length = int(generator.integers(0, 31)) if number % 100 else 0
            said = [vocabulary[index] for index in np.minimum(generator.zipf(1.3, length) - 1, WORDS - 1)]
            heard = []
            for word, draw in zip(said, generator.random(length), strict=True):
                if draw >= 0.02:
                    heard.append(vocabulary[int(draw * 1e6) % WORDS] if draw < 0.08 else word)
                if draw > 0.98:
                    heard.append("uh")
            total += length
            reference = {
                "id": f"utt-{number:06d}", "duration": 0.5 + 0.35 * length,
                "text": " ".join(said), "speaker": f"spk{number % SPEAKERS:03d}",
                "snr": round(float(generator.normal(25, 8)), 1), "accent": ["north", "south", "west"][number % 3],
            }  # fmt: skip
            hypothesis = {
                "id": reference["id"],
                "text": " ".join(heard),
                "words": [
                    {"text": word, "confidence": round(float(generator.beta(8, 1)), 3)} for word in heard
                ],
            }
            left.write(json.dumps(reference) + "\n")
            right.write(json.dumps(hypothesis) + "\n")
    return total


if __name__ == "__main__":
    main()
