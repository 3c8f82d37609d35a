"""Recorded noises and impulse responses of a folder or a manifest."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from asr.data.audio import AUDIO_ENDINGS, audio_info, read_utterance
from asr.data.manifest import Utterance, read_manifest
from asr.errors import ConfigError


class Recordings:
    """Sounds that lie in files; only what is wanted of them is read.

    Args:
        place: a folder, whose audio files at any depth are taken in order of name, or a manifest.
        field: the name in the configuration, for errors.

    Raises:
        ConfigError: no such place, or no audio in it.
        AsrError: a file or a manifest that cannot be read.
    """

    def __init__(self, place: str, *, field: str) -> None:
        path = Path(place)
        if not path.exists():
            raise ConfigError(f"{field} {place}: no such file or folder")
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.suffix.lower() in AUDIO_ENDINGS)
            found = [Utterance(str(file), file, audio_info(file).duration) for file in files]
        else:
            found = read_manifest(path)
        self.utterances = [utterance for utterance in found if utterance.duration > 0]
        if not self.utterances:
            raise ConfigError(
                f"{field} {place}: no audio in it; expected a folder of audio files, or a manifest"
            )

    @cached_property
    def _chances(self) -> np.ndarray:
        durations = np.array([utterance.duration for utterance in self.utterances])
        return durations / durations.sum()

    def whole(self, generator: np.random.Generator, *, sample_rate: int) -> np.ndarray:
        """One of them, each as likely; `(n,)` float32."""
        chosen = self.utterances[int(generator.integers(len(self.utterances)))]
        return read_utterance(chosen, sample_rate=sample_rate)

    def piece(self, seconds: float, generator: np.random.Generator, *, sample_rate: int) -> np.ndarray:
        """At most so many seconds of one of them, each second as likely; `(n,)` float32, shorter where it is shorter."""
        chosen = self.utterances[int(generator.choice(len(self.utterances), p=self._chances))]
        length = min(seconds, chosen.duration)
        start = chosen.start + generator.uniform(0, chosen.duration - length)
        return read_utterance(replace(chosen, start=start, duration=length), sample_rate=sample_rate)
