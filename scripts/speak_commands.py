"""Have numbers, letters, dates and commands spoken by Kokoro-82M; a folder with a table.tsv, as `asr prepare folder` reads it.

python scripts/speak_commands.py MODEL.onnx VOICES data/corpora/more/kokoro

MODEL.onnx is Kokoro-82M (Apache 2.0), VOICES the folder of its English voices (af_*.bin, am_*.bin, bf_*.bin, bm_*.bin; npm's kokoro-js
has them); needs `pip install kokoro-onnx num2words`. Every second voice speaks; the others are left for tests: `--digits-by-others` writes the ten
digits by each of those, as by telephone (8 kHz, mu-law). A script that was stopped goes on where it was.
"""

import argparse
import calendar
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import soundfile
from num2words import num2words
from tqdm import tqdm

from asr.data.audio import resample
from asr.errors import UsageError
from asr.files import write_atomically
from commands import finish

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
NUMBERS = [
    "oh",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
]
COMMANDS = [
    "yes",
    "no",
    "on",
    "off",
    "up",
    "down",
    "left",
    "right",
    "stop",
    "go",
    "start",
    "play",
    "pause",
    "next",
    "back",
    "help",
    "cancel",
    "okay",
    "hello",
    "goodbye",
    "please",
    "thanks",
    "open",
    "close",
    "repeat",
    "enter",
    "delete",
    "save",
    "send",
    "call",
    "home",
    "red",
    "blue",
    "green",
    "black",
    "white",
    "first",
    "second",
    "third",
    "last",
    "more",
    "less",
    "again",
]
DAYS, MONTHS = list(calendar.day_name), list(calendar.month_name)[1:]
ORDINALS = [num2words(number, to="ordinal") for number in range(1, 21)]
TENS = [num2words(number) for number in range(20, 100, 10)]
HOURS = [num2words(hour) for hour in range(1, 13)]
UNITS = ["dollars", "pounds", "percent", "miles", "kilometers", "degrees", "minutes", "people"]
PHRASES = (
    "turn on the lights", "turn off the radio", "play some music", "set a timer for {} minutes", "what time is it",
    "call my mother", "volume up", "volume down", "go to the next page", "send the message", "open the door", "close the window",
    "stop the music", "take me home", "what is the weather today", "read the news", "add milk to the list", "wake me up at seven",
)  # fmt: skip


class Job(NamedTuple):
    """Something to be spoken by a voice, so many times as fast as usual."""

    text: str
    voice: str
    speed: float


def main() -> None:
    """Choose, speak, list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL.onnx", type=Path)
    parser.add_argument("voices", metavar="VOICES", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument(
        "--phrases", type=int, default=1400, help="besides single words (default: %(default)s)"
    )
    parser.add_argument(
        "--take", type=int, metavar="N", help="speak the first N alone, in their random order"
    )
    parser.add_argument("--digits-by-others", action="store_true", help="write the test instead")
    parser.add_argument("--seed", type=int, default=7, help="of the choice (default: %(default)s)")
    arguments = parser.parse_args()
    voices = english_voices(arguments.voices)
    arguments.out.mkdir(parents=True, exist_ok=True)
    speaker = Speaker(arguments.model, voices)
    if arguments.digits_by_others:
        jobs = [Job(digit, voice, 1.0) for voice in sorted(voices)[::2] for digit in DIGITS]
        rows = list(speaker.write(jobs, arguments.out, split="test", rate=8000))
    else:
        jobs = choose(sorted(voices)[1::2], phrases=arguments.phrases, seed=arguments.seed)[: arguments.take]
        rows = list(speaker.write(jobs, arguments.out, split="train", rate=16000))
    with write_atomically(arguments.out / "table.tsv") as file:
        file.writelines("\t".join(row) + "\n" for row in [("audio", "text", "speaker", "split"), *rows])
    print(f"{arguments.out / 'table.tsv'}: {len(rows):,} recordings")


def english_voices(folder: Path) -> dict[str, np.ndarray]:
    """The American and British voices by name, `(510, 1, 256)` each. Raises UsageError without any."""
    files = sorted(path for path in folder.glob("*.bin") if path.stem[:3] in {"af_", "am_", "bf_", "bm_"})
    if not files:
        raise UsageError(f"{folder}: no English voices (af_*.bin ...); expected those of Kokoro-82M")
    return {path.stem: np.fromfile(path, np.float32).reshape(510, 1, 256) for path in files}


def choose(voices: list[str], *, phrases: int, seed: int) -> list[Job]:
    """Single words by every voice, slow and fast, and phrases, in random order."""
    draw = random.Random(seed)
    jobs = []
    for voice in voices:
        for speed in (0.8, 0.95, 1.1, 1.25):
            jobs += [Job(digit, voice, speed * draw.uniform(0.95, 1.05)) for digit in DIGITS]
        words = NUMBERS + draw.sample(COMMANDS, 20)
        jobs += [Job(word, voice, draw.uniform(0.8, 1.25)) for word in words]
    jobs += [Job(phrase(draw), draw.choice(voices), draw.uniform(0.85, 1.2)) for _ in range(phrases)]
    draw.shuffle(jobs)
    return jobs


def phrase(draw: random.Random) -> str:
    """Digits, dates, times, amounts, spelled letters, or a command."""

    def two() -> str:
        return draw.choice(
            [draw.choice(NUMBERS[1:11]), f"{draw.choice(TENS)} {draw.choice(DIGITS[1:])}", draw.choice(TENS)]
        )

    kind = draw.random()
    if kind < 0.35:
        return " ".join(draw.choice(DIGITS) for _ in range(draw.choice([2, 3, 4, 4, 5, 7, 10])))
    if kind < 0.45:
        day = f"{draw.choice(MONTHS)} the {draw.choice(ORDINALS)}"
        return f"{day}, {draw.choice(['nineteen', 'twenty'])} {two()}"
    if kind < 0.55:
        hour = f"{draw.choice(['at', 'it is', 'call me at'])} {draw.choice(HOURS)}"
        hour += " " + draw.choice(["thirty", "fifteen", "forty five", "o'clock"])
        return f"{hour} {draw.choice(['', 'on ' + draw.choice(DAYS)])}".strip()
    if kind < 0.65:
        return f"{two()} {draw.choice(UNITS)}"
    if kind < 0.72:
        return f"{draw.choice(DIGITS[1:])} hundred and {two()}"
    if kind < 0.78:
        return f"{draw.choice(DIGITS[1:])} thousand {draw.choice(DIGITS[1:])} hundred"
    if kind < 0.84:
        return " ".join(draw.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(draw.choice([3, 4, 5])))
    if kind < 0.92:
        minutes = two()
        return draw.choice(PHRASES).format(minutes)
    return draw.choice(DAYS + MONTHS)


class Speaker:
    """Kokoro-82M with some voices. Raises UsageError where its package is missing."""

    def __init__(self, model: Path, voices: dict[str, np.ndarray]) -> None:
        try:
            from kokoro_onnx import Kokoro
        except ImportError as error:
            raise UsageError(f"{error.name} is not installed: pip install kokoro-onnx") from None
        self._folder = TemporaryDirectory()
        together = Path(self._folder.name) / "voices.npz"
        np.savez(together, **voices)  # type: ignore[arg-type]
        self._kokoro: Any = Kokoro(str(model), str(together))

    def write(self, jobs: list[Job], out: Path, *, split: str, rate: int) -> Iterator[tuple[str, ...]]:
        """The rows of the table; what is spoken already is not spoken again."""
        for number, job in enumerate(tqdm(jobs, unit="utt", mininterval=2.0)):
            path = out / f"{job.voice}-{number:05d}.{'flac' if rate == 16000 else 'wav'}"
            if not path.exists():
                language = "en-gb" if job.voice.startswith("b") else "en-us"
                samples, own = self._kokoro.create(job.text, voice=job.voice, speed=job.speed, lang=language)
                waveform = resample(np.asarray(samples, np.float32), own, rate)
                whole = path.with_name(f".{path.name}")
                soundfile.write(
                    whole,
                    waveform,
                    rate,
                    subtype="ULAW" if rate == 8000 else "PCM_16",
                    format=path.suffix[1:].upper(),
                )
                whole.rename(path)
            yield path.name, job.text.replace(",", ""), job.voice, split


if __name__ == "__main__":
    sys.exit(finish(main))
