"""Test sets made harder: utterances as they would have been heard elsewhere, by what varies training utterances."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import soundfile

from asr.data.audio import read_utterance
from asr.data.augmentation.config import (
    AugmentationConfig,
    BandConfig,
    ClippingConfig,
    Codec,
    CodecConfig,
    GainConfig,
    NoiseConfig,
    NoiseKind,
    ReverberationConfig,
    TelephoneConfig,
    check_augmentation,
)
from asr.data.augmentation.waveform_augmentation import WaveformAugmentation
from asr.data.manifest import Utterance
from asr.errors import AudioError, ConfigError, UsageError
from asr.files import write_atomically

GRAMMAR = (
    f"noise={'|'.join(get_args(NoiseKind))}|PLACE (and snr=DB, 10), room=SECONDS|PLACE (RT60, or impulse responses), "
    f"clipping=DB, telephone, band=LOW-HIGH, codec={'|'.join(get_args(Codec))} (and compression=0..1, 0.75), gain=DB"
)
_WITH = {"snr": "noise", "compression": "codec"}
_KNOWN = {"noise", "room", "clipping", "telephone", "band", "codec", "gain", *_WITH}


def read_corruption(text: str) -> AugmentationConfig:
    """What `noise=babble,snr=10` says, as a configuration in which it happens to every utterance.

    Raises:
        UsageError: a word that means nothing here, or a value that cannot be.
    """
    given: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in _KNOWN or name in given or (name != "telephone") != bool(value):
            raise UsageError(f"--corrupt {text}: {part.strip()!r}; expected {GRAMMAR}")
        given[name] = value
    for name, needs in _WITH.items():
        if name in given and needs not in given:
            raise UsageError(f"--corrupt {text}: {name} without {needs}; expected {GRAMMAR}")
    try:
        config = AugmentationConfig(speeds=(1.0,), **_groups(given))
        check_augmentation(config)
    except (ValueError, ConfigError) as error:
        raise UsageError(f"--corrupt {text}: {error}; expected {GRAMMAR}") from None
    return config


def _groups(given: dict[str, str]) -> dict[str, Any]:
    """The groups of the configuration; raises ValueError for what is no number, or no noise."""
    groups: dict[str, Any] = {}
    if noise := given.get("noise"):
        of_kind = noise in get_args(NoiseKind)
        if not of_kind and not Path(noise).exists():
            raise ValueError(f"noise {noise!r} is no kind of noise, and no file or folder either")
        groups["noise"] = NoiseConfig(
            1.0,
            snr=_exactly(given.get("snr", "10")),
            kinds=(noise,) if of_kind else (),  # type: ignore[arg-type]
            recordings=None if of_kind else noise,
        )
    if room := given.get("room"):
        if Path(room).exists():
            groups["reverberation"] = ReverberationConfig(1.0, responses=room)
        else:
            groups["reverberation"] = ReverberationConfig(1.0, rt60=_exactly(room))
    if clipping := given.get("clipping"):
        groups["clipping"] = ClippingConfig(1.0, excess=_exactly(clipping))
    if "telephone" in given:
        groups["telephone"] = TelephoneConfig(1.0)
    if band := given.get("band"):
        low, _, high = band.partition("-")
        groups["band"] = BandConfig(1.0, low=_exactly(low), high=_exactly(high))
    if codec := given.get("codec"):
        compression = _exactly(given.get("compression", "0.75"))
        groups["codec"] = CodecConfig(1.0, kinds=(codec,), compression=compression)  # type: ignore[arg-type]
    if gain := given.get("gain"):
        groups["gain"] = GainConfig(1.0, peak=_exactly(gain))
    return groups


def _exactly(number: str) -> tuple[float, float]:
    return float(number), float(number)


def corrupt_utterances(
    utterances: Sequence[Utterance],
    config: AugmentationConfig,
    folder: Path,
    *,
    sample_rate: int,
    seed: int = 0,
) -> Iterator[Utterance]:
    """Write every utterance as it would have been heard, as a 16-bit FLAC file, and give it with that file.

    What happens to an utterance depends on the seed and its number alone. One that cannot be read is given as it was, for
    whoever reads it next to say so.

    Args:
        utterances: babble is made of them.
        config: what happens to them, such as `read_corruption` gives.
        folder: of the files; made where it is missing.
        sample_rate: of the files, in Hz.
        seed: of what is drawn.

    Raises:
        ConfigError: a place without recordings, or rooms that cannot be simulated here.
        AsrError: noises that cannot be read, or a file that cannot be written.
    """
    augmentation = WaveformAugmentation(config)
    for number, utterance in enumerate(utterances):
        try:
            waveform = read_utterance(utterance, sample_rate=sample_rate)
        except AudioError:
            yield utterance
            continue
        heard = augmentation(
            waveform,
            sample_rate=sample_rate,
            generator=np.random.default_rng((seed, number)),
            speech=partial(_other_speech, utterances, number, sample_rate),
        ).waveform
        heard = heard / max(1.0, float(np.abs(heard).max(initial=0.0)))
        path = folder / f"{number:06d}.flac"
        with write_atomically(path, mode="wb") as file:
            soundfile.write(file, heard, sample_rate, format="FLAC", subtype="PCM_16")
        yield replace(utterance, audio=path, start=0.0, duration=len(heard) / sample_rate, channel=None)


def _other_speech(
    utterances: Sequence[Utterance], own: int, sample_rate: int, generator: np.random.Generator
) -> np.ndarray:
    """Another utterance than the `own`th, where another can be read."""
    others = len(utterances) - 1
    first = int(generator.integers(others)) if others else 0
    for number in range(others):
        chosen = utterances[(own + 1 + (first + number) % others) % len(utterances)]
        with suppress(AudioError):
            return read_utterance(chosen, sample_rate=sample_rate)
    return read_utterance(utterances[own], sample_rate=sample_rate)
