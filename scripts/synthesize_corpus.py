#!/usr/bin/env python3
"""Build the embedded speech corpus: digits and short commands, spoken by espeak-ng.

    python scripts/synthesize_corpus.py data/digits

Every utterance has its own text, speaking rate, pitch, loudness and background noise. Voices of dev and
test are not in train. Writes WAV files and corpus.csv, which `asr prepare folder` reads. The same seed
gives the same texts, voices and rates (espeak-ng draws the breath in its voices itself).
"""

import argparse
import csv
import itertools
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from asr.files import write_atomically
from synthesis import Synthesizer, Voice

SAMPLE_RATE = 16000
DIGITS = ["ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"]
VERBS = ("TURN ON", "TURN OFF", "OPEN", "CLOSE", "FIND", "SHOW ME")
OBJECTS = ("THE LIGHT", "THE DOOR", "THE RADIO", "THE WINDOW", "MY BAG", "THE MAP")
COMMANDS = ("YES", "NO", "STOP", "GO BACK", "PLAY MUSIC", "CALL HOME", "WHAT TIME IS IT", "REPEAT", "HELP")

ACCENTS = ("en-us", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc")
VOICES = {
    "train": [
        f"{accent}+{variant}"
        for accent, variant in itertools.product(
            ACCENTS, ("m1", "m2", "m3", "m5", "m7", "f1", "f2", "f4", "Andy", "Annie")
        )
    ],
    "dev": ["en-us+m6", "en-gb-scotland+f5", "en-gb-x-rp+m6"],
    "test": ["en-us+m4", "en-gb-scotland+f3", "en-us-nyc+m8", "en-gb-x-rp+f3"],
}


def choose_text(generator: np.random.Generator) -> str:
    """A digit string (half of the time), a verb with an object, or a command."""
    kind = generator.random()
    if kind < 0.5:
        return " ".join(generator.choice(DIGITS, size=int(generator.integers(1, 7))))
    if kind < 0.8:
        return f"{generator.choice(VERBS)} {generator.choice(OBJECTS)}"
    return str(generator.choice(COMMANDS))


def record(text: str, voice: Voice, synthesizer: Synthesizer, generator: np.random.Generator) -> np.ndarray:
    """The text spoken, with silence around it, at a random level, in white noise 15 to 40 dB below."""
    speech = synthesizer.speak(text.lower(), voice)
    silence = [np.zeros(int(SAMPLE_RATE * generator.uniform(0.1, 0.3)), np.float32) for _ in range(2)]
    waveform = np.concatenate([silence[0], speech, silence[1]])
    level = float(np.sqrt(np.mean(speech**2)))
    noise = generator.standard_normal(len(waveform)) * level * 10 ** (-generator.uniform(15, 40) / 20)
    waveform = (waveform + noise) * 10 ** (-generator.uniform(0, 12) / 20)
    return np.clip(waveform, -1, 1).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder for the corpus")
    parser.add_argument("--train", type=int, default=1000, help="utterances; default %(default)s")
    parser.add_argument("--dev", type=int, default=100, help="utterances; default %(default)s")
    parser.add_argument("--test", type=int, default=200, help="utterances; default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default %(default)s")
    arguments = parser.parse_args()

    synthesizer = Synthesizer(sample_rate=SAMPLE_RATE)
    generator = np.random.default_rng(arguments.seed)
    (arguments.out / "wav").mkdir(parents=True, exist_ok=True)
    jobs = [(split, number) for split in VOICES for number in range(getattr(arguments, split))]
    with write_atomically(arguments.out / "corpus.csv") as file:
        rows = csv.writer(file)
        rows.writerow(["audio", "text", "speaker", "split"])
        for split, number in tqdm(jobs, desc="synthesizing", unit="utt", mininterval=2.0):
            name = str(generator.choice(VOICES[split]))
            voice = Voice(name, rate=int(generator.integers(110, 191)), pitch=int(generator.integers(30, 71)))
            text = choose_text(generator)
            audio = f"wav/{split}-{number:04d}.wav"
            soundfile.write(
                arguments.out / audio, record(text, voice, synthesizer, generator), SAMPLE_RATE, "PCM_16"
            )
            rows.writerow([audio, text, name, split])


if __name__ == "__main__":
    main()
