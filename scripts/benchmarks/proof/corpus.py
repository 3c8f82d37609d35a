"""A corpus that needs nothing: letters as chords of two tones, spelled one after the other."""

from pathlib import Path

import numpy as np
import soundfile

from asr.data.manifest import Utterance, write_manifest

RATE = 16000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def write_chords(folder: Path, count: int, *, longest: float, seed: int = 1) -> Path:
    """Write so many utterances of 1 s to `longest` seconds, words of one to six letters at ten letters a second; their manifest."""
    draw = np.random.default_rng(seed)
    (folder / "chords").mkdir(parents=True, exist_ok=True)
    utterances = []
    for number in range(count):
        letters = round(10 * draw.uniform(1.0, longest))
        text = ""
        while len(text) < letters:
            text += "".join(draw.choice(list(LETTERS), int(draw.integers(1, 7)))) + " "
        text = text[:letters].strip() or "A"
        waveform = np.concatenate([_chord(letter) for letter in text])
        waveform = 0.2 * waveform + 0.01 * draw.standard_normal(len(waveform))
        path = folder / "chords" / f"{number:05d}.flac"
        soundfile.write(path, waveform, RATE)
        utterances.append(
            Utterance(path.stem, path, len(waveform) / RATE, text=text, speaker=str(number % 10))
        )
    write_manifest(folder / "chords.jsonl", utterances)
    return folder / "chords.jsonl"


def _chord(letter: str) -> np.ndarray:
    """`(1600,)`: a tenth of a second, silence for a space."""
    time = np.arange(RATE // 10) / RATE
    if letter == " ":
        return np.zeros_like(time)
    number = LETTERS.index(letter)
    low, high = 250 + 150 * (number % 6), 1400 + 350 * (number // 6)
    fade = np.minimum(1, 20 * np.minimum(time, time[::-1]) + 0.1)
    return fade * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)) / 2
