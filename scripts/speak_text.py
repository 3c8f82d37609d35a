"""Have stretches of a text spoken, those with words that recordings lack; a manifest of synthetic speech.

python scripts/speak_text.py data/english/text.txt data/english/pieces.jsonl data/english/synthetic --count 9500

TEXT has a sentence a line, in the letter case of the transcripts; RECORDED is a manifest of what is there already. OUT
gets FLAC files, and `synthetic.jsonl` at the end. Needs flite (`apt install flite`). A script that was stopped
goes on where it was.
"""

import argparse
import hashlib
import os
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import soundfile
from tqdm import tqdm

from asr.data.manifest import Utterance, read_manifest, write_manifest
from commands import finish
from flite import VOICES, speak
from text_coverage import stretches_to_speak

# Shares of the voices, and how much longer than usual their sounds are: flite reads slowly.
_SHARES = (0.26, 0.32, 0.32, 0.10)
_STRETCHES = (0.75, 1.1)
# Faster than this, a network with 33 frames a second has too few for the letters once speed is perturbed.
_LETTERS_PER_SECOND = 24.0


class Job(NamedTuple):
    """Something to be spoken."""

    text: str
    path: Path
    voice: str
    stretch: float


def main() -> None:
    """Choose, speak, list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", metavar="TEXT", type=Path)
    parser.add_argument("recorded", metavar="RECORDED", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("--count", type=int, default=9500, help="stretches of speech (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=1, help="of choice, voices and rates (default: %(default)s)"
    )
    arguments = parser.parse_args()
    heard = [utterance.text or "" for utterance in read_manifest(arguments.recorded)]
    with arguments.text.open(encoding="utf-8") as lines:
        texts = list(stretches_to_speak(lines, heard, arguments.count, seed=arguments.seed))
    arguments.out.mkdir(parents=True, exist_ok=True)
    utterances = list(spoken(list(jobs(texts, arguments.out, arguments.seed))))
    good = [
        utterance
        for utterance in utterances
        if len(utterance.text or "") <= _LETTERS_PER_SECOND * utterance.duration
    ]
    write_manifest(arguments.out / "synthetic.jsonl", good)
    hours = sum(utterance.duration for utterance in good) / 3600
    print(
        f"{arguments.out / 'synthetic.jsonl'}: {len(good):,} utterances, {hours:.2f} h; "
        f"{len(utterances) - len(good)} spoken too fast left out"
    )


def jobs(texts: list[str], out: Path, seed: int) -> Iterator[Job]:
    """Every text with a voice and a rate of its own."""
    generator = random.Random(seed)
    for text in texts:
        voice, stretch = generator.choices(VOICES, _SHARES)[0], round(generator.uniform(*_STRETCHES), 3)
        # Named after what it holds: what an earlier choice left in the folder is not taken for it.
        name = hashlib.sha256(f"{text} {voice} {stretch}".encode()).hexdigest()[:16]
        yield Job(text, out / f"{name}.flac", voice, stretch)


def spoken(jobs: list[Job]) -> Iterator[Utterance]:
    """The utterances, in order, spoken where they are not there yet."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        durations = pool.map(_speak, jobs)
        for job, seconds in zip(tqdm(jobs, unit="utt", mininterval=2.0), durations, strict=True):
            yield Utterance(
                f"synthetic-{job.path.stem}", job.path, seconds, text=job.text, speaker=f"flite-{job.voice}"
            )


def _speak(job: Job) -> float:
    if job.path.exists():
        return float(soundfile.info(job.path).duration)
    return speak(job.text.lower(), job.path, voice=job.voice, stretch=job.stretch)


if __name__ == "__main__":
    sys.exit(finish(main))
