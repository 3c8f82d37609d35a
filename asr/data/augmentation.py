"""Changing the waveforms of training utterances, reproducibly."""

from dataclasses import dataclass

import numpy as np

from asr.data.audio import resample


@dataclass(frozen=True)
class AugmentationConfig:
    """How training waveforms vary. Validation and test data are never touched.

    Attributes:
        speeds: each utterance is played at one of these speeds, chosen at random each epoch (Ko et al.
            2015); 1.0 alone leaves it as it is.
    """

    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)


class WaveformAugmentation:
    """Vary a waveform, drawing only from the generator it is given."""

    def __init__(self, config: AugmentationConfig) -> None:
        self.config = config

    def __call__(
        self, waveform: np.ndarray, *, sample_rate: int, generator: np.random.Generator
    ) -> np.ndarray:
        """`(N,)` float32 -> `(N / speed,)` float32."""
        speed = self.config.speeds[int(generator.integers(len(self.config.speeds)))]
        return change_speed(waveform, speed, sample_rate=sample_rate)


def change_speed(waveform: np.ndarray, speed: float, *, sample_rate: int) -> np.ndarray:
    """Play a waveform faster (> 1) or slower (< 1); pitch moves with it. `(N,)` -> about `(N / speed,)`."""
    if speed == 1.0:
        return waveform
    return resample(waveform, sample_rate * speed, sample_rate)
