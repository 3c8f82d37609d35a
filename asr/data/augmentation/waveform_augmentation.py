"""Varying one training waveform after the other, by what a configuration says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

from asr.data.audio import resample
from asr.data.augmentation.channel import amplify, band_pass, clip, telephone, through_codec
from asr.data.augmentation.config import AugmentationConfig, check_augmentation
from asr.data.augmentation.noise import Speech, add_noise, coloured, make_noise, repeated
from asr.data.augmentation.recordings import Recordings
from asr.data.augmentation.rooms import check_simulation, reverberate, simulate_response

_Kind = TypeVar("_Kind")


class Varied(NamedTuple):
    """A varied waveform.

    Attributes:
        waveform: `(N,)` float32.
        is_speech: False where nobody speaks in it any more.
        steps: what was done, such as "speed 0.9", "babble at 12.3 dB".
    """

    waveform: np.ndarray
    is_speech: bool = True
    steps: tuple[str, ...] = ()


class WaveformAugmentation:
    """Vary a waveform, drawing only from the generator it is given.

    Args:
        config: what may happen, and how often.

    Raises:
        ConfigError: impossible values, a place without recordings, or rooms that cannot be simulated here.
        AsrError: recordings that cannot be read.
    """

    def __init__(self, config: AugmentationConfig) -> None:
        check_augmentation(config)
        self.config = config
        self._noises: Recordings | None = None
        self._responses: Recordings | None = None
        name = "data.augmentation."
        if config.noise.recordings is not None and config.noise.probability + config.non_speech.probability:
            self._noises = Recordings(config.noise.recordings, field=name + "noise.recordings")
        if config.reverberation.probability:
            if config.reverberation.responses is None:
                check_simulation()
            else:
                self._responses = Recordings(
                    config.reverberation.responses, field=name + "reverberation.responses"
                )

    def __call__(
        self,
        waveform: np.ndarray,
        *,
        sample_rate: int,
        generator: np.random.Generator,
        speech: Speech | None = None,
    ) -> Varied:
        """Vary an utterance.

        Args:
            waveform: `(N,)` float32.
            sample_rate: in Hz.
            generator: what is drawn is drawn from it.
            speech: draws another utterance from the generator it is given, for babble; without it there is white noise instead.

        Returns:
            `(N / speed,)` float32, longer where silence was added.
        """
        draw = _Draw(self.config, sample_rate, generator, speech or _white, self._noises, self._responses)
        waveform = draw.at_speed(waveform)
        is_speech = not draw.happens(self.config.non_speech.probability)
        waveform = draw.in_place(waveform) if is_speech else draw.without_speech(len(waveform))
        waveform = draw.through_devices(waveform)
        return Varied(waveform, is_speech, tuple(draw.steps))


@dataclass(frozen=True)
class _Draw:
    """What happens to one utterance."""

    config: AugmentationConfig
    sample_rate: int
    generator: np.random.Generator
    speech: Speech
    noises: Recordings | None
    responses: Recordings | None
    steps: list[str] = field(default_factory=list)

    def happens(self, probability: float) -> bool:
        return probability > 0 and self.generator.random() < probability

    def between(self, bounds: tuple[float, float]) -> float:
        return float(self.generator.uniform(*bounds))

    def one_of(self, kinds: Sequence[_Kind]) -> _Kind:
        return kinds[int(self.generator.integers(len(kinds)))]

    def at_speed(self, waveform: np.ndarray) -> np.ndarray:
        speed = self.one_of(self.config.speeds)
        if speed != 1.0:
            self.steps.append(f"speed {speed:g}")
        return change_speed(waveform, speed, sample_rate=self.sample_rate)

    def in_place(self, waveform: np.ndarray) -> np.ndarray:
        """Silence around it, a room, noise."""
        silence, room, noise = self.config.silence, self.config.reverberation, self.config.noise
        if self.happens(silence.probability):
            before, behind = self.between((0.0, silence.longest)), self.between((0.0, silence.longest))
            waveform = np.pad(waveform, (round(before * self.sample_rate), round(behind * self.sample_rate)))
            hiss = coloured(len(waveform), exponent=1, generator=self.generator)
            waveform = add_noise(waveform, hiss, snr=self.between((45.0, 65.0)))
            self.steps.append(f"{before:.2f} s before and {behind:.2f} s behind")
        if self.happens(room.probability):
            waveform = reverberate(waveform, self.response())
        if self.happens(noise.probability):
            kind, added = self.noise(noise.kinds, len(waveform), recorded=0.5 if noise.kinds else 1.0)
            snr = self.between(noise.snr)
            waveform = add_noise(waveform, added, snr=snr)
            self.steps.append(f"{kind} at {snr:.1f} dB")
        return waveform

    def without_speech(self, samples: int) -> np.ndarray:
        kinds = self.config.non_speech.kinds
        kind, sound = self.noise(kinds, samples, recorded=1 / (1 + len(kinds)))
        self.steps.append(f"{kind} alone")
        loudest = np.abs(sound).max(initial=0.0)
        # As loud as anything.
        return sound * np.float32(10 ** (self.between((-60.0, 0.0)) / 20) / loudest) if loudest else sound

    def through_devices(self, waveform: np.ndarray) -> np.ndarray:
        """Microphone, line, file."""
        config = self.config
        if self.happens(config.clipping.probability):
            excess = self.between(config.clipping.excess)
            waveform = clip(waveform, excess=excess)
            self.steps.append(f"clipped by {excess:.0f} dB")
        if self.happens(config.telephone.probability):
            law = self.one_of(("mu-law", "A-law"))
            waveform = telephone(waveform, law, sample_rate=self.sample_rate)
            self.steps.append(f"telephone, {law}")
        elif self.happens(config.band.probability):
            low, high = self.between(config.band.low), self.between(config.band.high)
            waveform = band_pass(waveform, low, high, sample_rate=self.sample_rate)
            self.steps.append(f"{low:.0f} to {high:.0f} Hz")
        if self.happens(config.codec.probability):
            codec = self.one_of(config.codec.kinds)
            compression = self.between(config.codec.compression)
            waveform = through_codec(waveform, codec, sample_rate=self.sample_rate, compression=compression)
            self.steps.append(f"{codec} {compression:.2f}")
        if self.happens(config.gain.probability):
            peak = self.between(config.gain.peak)
            waveform = amplify(waveform, peak=peak)
            self.steps.append(f"peak {peak:.0f} dB")
        return waveform

    def noise(self, kinds: Sequence[str], samples: int, *, recorded: float) -> tuple[str, np.ndarray]:
        """Kind and sound; `recorded` of them are recordings, where there are any."""
        if self.noises is not None and self.happens(recorded):
            seconds = samples / self.sample_rate
            found = self.noises.piece(seconds, self.generator, sample_rate=self.sample_rate)
            return "recorded noise", repeated(found, 0, samples)
        kind = self.one_of(kinds)
        return kind, make_noise(
            kind, samples, sample_rate=self.sample_rate, generator=self.generator, speech=self.speech
        )

    def response(self) -> np.ndarray:
        if self.responses is not None:
            self.steps.append("recorded room")
            return self.responses.whole(self.generator, sample_rate=self.sample_rate)
        rt60 = self.between(self.config.reverberation.rt60)
        self.steps.append(f"room, RT60 {rt60:.2f} s")
        return simulate_response(rt60, sample_rate=self.sample_rate, generator=self.generator)


def _white(generator: np.random.Generator) -> np.ndarray:
    return generator.standard_normal(16000, dtype=np.float32)


def change_speed(waveform: np.ndarray, speed: float, *, sample_rate: int) -> np.ndarray:
    """Play a waveform faster (> 1) or slower (< 1); pitch moves with it. `(N,)` -> about `(N / speed,)`."""
    if speed == 1.0:
        return waveform
    return resample(waveform, sample_rate * speed, sample_rate)
