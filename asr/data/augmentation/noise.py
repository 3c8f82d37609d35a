"""Sounds that are no speech, and adding one sound to another."""

from collections.abc import Callable

import numpy as np

# Power falls with frequency to the power of this.
_COLOURS = {"white": 0, "pink": 1, "brown": 2}

Speech = Callable[[np.random.Generator], np.ndarray]


def make_noise(
    kind: str, samples: int, *, sample_rate: int, generator: np.random.Generator, speech: Speech
) -> np.ndarray:
    """Noise of a kind of `NoiseConfig` or `NonSpeechConfig`, `(samples,)` float32 of any level.

    Args:
        kind: which.
        samples: how many.
        sample_rate: in Hz.
        generator: what is drawn is drawn from it.
        speech: draws another utterance, for babble.
    """
    if kind in _COLOURS:
        return coloured(samples, exponent=_COLOURS[kind], generator=generator)
    if kind == "hum":
        return hum(samples, sample_rate=sample_rate, generator=generator)
    if kind == "babble":
        talkers = int(generator.integers(3, 9))
        return babble([speech(generator) for _ in range(talkers)], samples, generator=generator)
    if kind == "tones":
        return tones(samples, sample_rate=sample_rate, generator=generator)
    if kind == "music":
        return music(samples, sample_rate=sample_rate, generator=generator)
    assert kind == "silence", kind
    return np.zeros(samples, np.float32)


def coloured(samples: int, *, exponent: float, generator: np.random.Generator) -> np.ndarray:
    """Gaussian noise whose power falls with frequency to the power of `exponent`: 0 white, 1 pink, 2 brown; `(samples,)`."""
    if exponent == 0:
        return generator.standard_normal(samples, dtype=np.float32)
    from scipy.fft import irfft, next_fast_len, rfft

    longer = next_fast_len(samples, real=True)
    spectrum = rfft(generator.standard_normal(longer, dtype=np.float32))
    frequencies = np.arange(len(spectrum), dtype=np.float32)
    frequencies[0] = np.inf  # no constant
    return irfft(spectrum * frequencies ** np.float32(-exponent / 2), longer)[:samples].astype(np.float32)


def hum(samples: int, *, sample_rate: int, generator: np.random.Generator) -> np.ndarray:
    """Mains hum: 50 or 60 Hz and its harmonics, each fainter than the one below; `(samples,)`."""
    mains = (50.0, 60.0)[int(generator.integers(2))] * generator.uniform(0.99, 1.01)
    harmonics = np.arange(1, 1 + int(generator.integers(3, 21)))
    harmonics = harmonics[harmonics * mains < sample_rate / 2]
    levels = generator.uniform(0.2, 1.0, len(harmonics)) / harmonics
    return _sinusoids(harmonics * mains, levels, samples, sample_rate, generator)


def tones(samples: int, *, sample_rate: int, generator: np.random.Generator) -> np.ndarray:
    """One to three steady tones, as of a dial or a test; `(samples,)`."""
    count = int(generator.integers(1, 4))
    top = min(4000.0, 0.45 * sample_rate)
    frequencies = np.exp(generator.uniform(np.log(100.0), np.log(top), count))
    return _sinusoids(frequencies, generator.uniform(0.3, 1.0, count), samples, sample_rate, generator)


def music(samples: int, *, sample_rate: int, generator: np.random.Generator) -> np.ndarray:
    """Chords of plucked notes, one after the other at a steady beat; `(samples,)`."""
    beat = int(sample_rate * generator.uniform(0.15, 0.8))
    root = 110.0 * 2 ** (generator.integers(0, 12) / 12)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 17, 19])
    decay = generator.uniform(1.0, 6.0)
    partials = np.arange(1, 1 + int(generator.integers(2, 9)))
    found = np.zeros(samples + 4 * beat, np.float32)
    seconds = np.arange(4 * beat) / sample_rate
    for start in range(0, samples, beat):
        notes = root * 2 ** (generator.choice(scale, int(generator.integers(1, 5)), replace=False) / 12)
        frequencies = np.outer(notes, partials).ravel()
        levels = np.tile(1.0 / partials, len(notes))
        chord = _sinusoids(
            frequencies[frequencies < sample_rate / 2], levels[frequencies < sample_rate / 2],
            4 * beat, sample_rate, generator,
        )  # fmt: skip
        found[start : start + 4 * beat] += chord * np.exp(-decay * seconds).astype(np.float32)
    return found[:samples]


def babble(utterances: list[np.ndarray], samples: int, *, generator: np.random.Generator) -> np.ndarray:
    """Several utterances at once, each as loud as the others, from anywhere within, over and over; `(samples,)`."""
    found = np.zeros(samples, np.float32)
    for utterance in utterances:
        start = int(generator.integers(len(utterance)))
        found += repeated(utterance, start, samples) / max(np.sqrt(power(utterance)), 1e-9)
    return found


def repeated(waveform: np.ndarray, start: int, samples: int) -> np.ndarray:
    """`(samples,)` of a waveform from a sample on, over and over."""
    return np.take(waveform, np.arange(start, start + samples), mode="wrap")


def power(waveform: np.ndarray) -> float:
    """Mean square."""
    return float(np.mean(np.square(waveform, dtype=np.float64))) if len(waveform) else 0.0


def add_noise(waveform: np.ndarray, noise: np.ndarray, *, snr: float) -> np.ndarray:
    """Two waveforms `(N,)` together, the mean power of the first `snr` decibels above the second's; `(N,)` float32.

    Where either of them is silent, the first alone.
    """
    loud, faint = power(waveform), power(noise)
    if loud == 0 or faint == 0:
        return waveform
    factor = np.sqrt(loud / faint / 10 ** (snr / 10))
    return waveform + noise * np.float32(factor)


def _sinusoids(
    frequencies: np.ndarray,
    levels: np.ndarray,
    samples: int,
    sample_rate: int,
    generator: np.random.Generator,
) -> np.ndarray:
    found = np.zeros(samples)
    at = np.arange(samples) * (2 * np.pi / sample_rate)
    for frequency, level, phase in zip(
        frequencies, levels, generator.uniform(0, 2 * np.pi, len(frequencies)), strict=True
    ):
        found += level * np.sin(at * frequency + phase)
    return found.astype(np.float32)
