"""Speech from text with flite, the small synthesiser of Carnegie Mellon University (https://github.com/festvox/flite).

A program of its own (Debian, Ubuntu: `apt install flite`; macOS: `brew install flite`), some eighty times
as quick as speech. Its voices are made of recordings of speakers: what a network that learned from people makes of them
is much what it makes of people.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import soundfile

from asr.errors import AsrError
from asr.files import write_atomically

# Voices that come with the program, with 16,000 samples a second: Scottish, two American, and one of diphones.
VOICES = ("awb", "rms", "slt", "kal16")
PAUSE = "pau"


def speak(text: str, path: Path, *, voice: str, stretch: float = 1.0) -> float:
    """Write `text` as spoken by a voice into a FLAC file, whole or not at all; returns its seconds.

    Args:
        text: in lower case; capitals may be spelled out.
        path: of the file, in a folder that exists.
        voice: one of `VOICES`.
        stretch: how many times as long as usual each sound is.

    Raises:
        AsrError: flite is not there, or says nothing.
    """
    program = shutil.which("flite")
    if program is None:
        raise AsrError("flite is not installed; `apt install flite` or `brew install flite`")
    spoken = path.with_suffix(".wav.part")
    options = ["-voice", voice, "--setf", f"duration_stretch={stretch:.3f}", "-t", text, "-o", str(spoken)]
    try:
        done = subprocess.run([program, *options], capture_output=True, check=False)
        if done.returncode or not spoken.exists():
            said = done.stderr.decode(errors="replace").strip() or f"ended with {done.returncode}"
            raise AsrError(f"flite spoke nothing for {text!r} with voice {voice!r}: {said}")
        samples, rate = soundfile.read(spoken, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise AsrError(f"flite: {spoken}: {error}") from None
    finally:
        spoken.unlink(missing_ok=True)
    if not len(samples):
        raise AsrError(f"flite spoke nothing for {text!r} with voice {voice!r}")
    with write_atomically(path, mode="wb", durable=False) as file:
        soundfile.write(file, samples, rate, format="FLAC")
    return float(len(samples) / rate)


class Segment(NamedTuple):
    """A phone as flite writes it, `pau` for a pause, and when it speaks it, in seconds."""

    phone: str
    start: float
    end: float


def speak_segments(text: str, path: Path, *, voice: str) -> list[Segment]:
    """Write `text` as spoken by a voice into a WAV file; returns when each phone is spoken.

    Args:
        text: in lower case.
        path: of the file, in a folder that exists.
        voice: one of `VOICES`.

    Raises:
        AsrError: flite is not there, or says nothing.
    """
    segments, at = [], 0.0
    for item in _run(["-voice", voice, "-psdur", "-t", text, "-o", str(path)]).split():
        phone, _, end = item.rpartition(":")
        segments.append(Segment(phone, at, float(end)))
        at = float(end)
    if not any(segment.phone != PAUSE for segment in segments):
        raise AsrError(f"flite spoke nothing for {text!r} with voice {voice!r}")
    return segments


def phones_of(text: str) -> list[str]:
    """The phones of a text as flite writes them, without pauses. Raises AsrError: flite is not there."""
    return [
        phone for phone in _run(["-voice", "slt", "-ps", "-t", text, "-o", "none"]).split() if phone != PAUSE
    ]


def _run(options: Sequence[str]) -> str:
    program = shutil.which("flite")
    if program is None:
        raise AsrError("flite is not installed; `apt install flite` or `brew install flite`")
    done = subprocess.run([program, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AsrError(f"flite: {done.stderr.strip() or f'ended with {done.returncode}'}")
    return done.stdout
