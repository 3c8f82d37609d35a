"""Noise, and adding it."""

import numpy as np
import pytest

from asr.data.augmentation.noise import add_noise, babble, coloured, hum, make_noise, music, power, tones

RATE = 16000


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def speech(generator: np.random.Generator) -> np.ndarray:
    return np.sin(np.arange(8000) * generator.uniform(0.05, 0.5)).astype(np.float32)


@pytest.mark.parametrize("kind", ["white", "pink", "brown", "hum", "babble", "tones", "music"])
@pytest.mark.parametrize("snr", [-5.0, 12.5])
def test_the_signal_is_above_the_noise_by_the_decibels_asked_for(kind: str, snr: float) -> None:
    clean = 0.1 * speech(generator())
    noise = make_noise(kind, len(clean), sample_rate=RATE, generator=generator(), speech=speech)
    added = add_noise(clean, noise, snr=snr) - clean
    assert 10 * np.log10(np.mean(clean**2) / np.mean(added**2)) == pytest.approx(snr, abs=0.01)
    assert noise.dtype == added.dtype == np.float32


def test_nothing_is_added_to_silence_and_of_silence() -> None:
    silence, noise = np.zeros(100, np.float32), coloured(100, exponent=0, generator=generator())
    np.testing.assert_array_equal(add_noise(silence, noise, snr=0.0), silence)
    np.testing.assert_array_equal(add_noise(noise, silence, snr=0.0), noise)


@pytest.mark.parametrize(("exponent", "slope"), [(0, 0.0), (1, -10.0), (2, -20.0)])
def test_colours_fall_by_so_many_decibels_a_decade(exponent: int, slope: float) -> None:
    noise = coloured(1 << 18, exponent=exponent, generator=generator())
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    frequencies = np.arange(len(spectrum))
    bands = [
        (np.log10(np.sqrt(low * 2 * low)), 10 * np.log10(spectrum[low : 2 * low].mean()))
        for low in 2 ** np.arange(5, 16)
    ]
    assert np.polyfit(*zip(*bands, strict=True), 1)[0] == pytest.approx(slope, abs=0.5)
    assert abs(noise.mean()) < 0.01 * noise.std()
    assert len(frequencies) == (1 << 17) + 1


def test_any_length_can_be_had() -> None:
    assert [len(coloured(n, exponent=1, generator=generator())) for n in (1, 2, 7, 10007)] == [1, 2, 7, 10007]
    assert len(music(10007, sample_rate=RATE, generator=generator())) == 10007


def peaks(waveform: np.ndarray) -> np.ndarray:
    """Frequencies in Hz that stand out."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    middle = spectrum[1:-1]
    found = (middle > spectrum[:-2]) & (middle > spectrum[2:]) & (middle > 0.01 * middle.max())
    return (1 + np.flatnonzero(found)) * RATE / len(waveform)


def test_hum_is_the_mains_and_its_harmonics() -> None:
    found = peaks(hum(4 * RATE, sample_rate=RATE, generator=generator()))
    mains = found[0]
    assert 49 < mains < 51 or 59 < mains < 61
    assert len(found) >= 3
    np.testing.assert_allclose(found / mains, np.round(found / mains), atol=0.1)


def test_tones_are_few_and_steady() -> None:
    sound = tones(2 * RATE, sample_rate=RATE, generator=generator())
    assert 1 <= len(peaks(sound)) <= 3
    np.testing.assert_allclose(peaks(sound[:RATE]), peaks(sound[RATE:]), atol=2)


def test_everybody_is_as_loud_in_a_babble() -> None:
    loud, faint = np.array([4.0, -4.0], np.float32), np.array([0.1, 0.1], np.float32)
    found = babble([loud, faint], 4, generator=generator())
    assert sorted(np.round(found[:2], 5).tolist()) == [0.0, 2.0]
    np.testing.assert_array_equal(found[:2], found[2:])  # over and over
    assert power(babble([speech(generator())], 16000, generator=generator())) == pytest.approx(1.0, rel=0.01)
