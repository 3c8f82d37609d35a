"""Microphones, telephones, codecs."""

import numpy as np
import pytest

from asr.data.augmentation.channel import (
    amplify,
    band_pass,
    clip,
    companded,
    telephone,
    through_codec,
)

RATE = 16000


def tone(frequency: float, *, seconds: float = 1.0, rate: int = RATE, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


def decibels(changed: np.ndarray, before: np.ndarray) -> float:
    middle = slice(len(before) // 4, -len(before) // 4)
    return float(10 * np.log10(1e-12 + np.mean(changed[middle] ** 2) / np.mean(before[middle] ** 2)))


def test_what_is_too_loud_is_cut_off() -> None:
    waveform = np.array([0.1, -0.8, 0.39, 0.41, 0.0], np.float32)
    np.testing.assert_allclose(
        clip(waveform, excess=20 * np.log10(2)), [0.1, -0.4, 0.39, 0.4, 0.0], atol=1e-6
    )
    np.testing.assert_array_equal(clip(waveform, excess=0.0), waveform)


def test_a_band_lets_through_what_is_in_it() -> None:
    for frequency, least, most in ((1000, -0.1, 0.1), (200, -3.2, -2.8), (4000, -3.2, -2.8), (100, -26, -23)):
        before = tone(frequency)
        assert least < decibels(band_pass(before, 200, 4000, sample_rate=RATE), before) < most
    before = tone(7900)
    assert (
        abs(decibels(band_pass(before, 200, 8000, sample_rate=RATE), before)) < 0.1
    )  # nothing above to take away


def test_mu_law_is_g711s_table() -> None:
    # ITU-T G.711: sign, three bits of segment, four of step; 33 biases the segments, in 14 bits.
    levels = np.array(
        [
            sign * (((2 * step + 33) << segment) - 33)
            for sign in (1, -1)
            for segment in range(8)
            for step in range(16)
        ]
    )
    values = np.unique(levels) / 8192
    waveform = np.random.default_rng(1).uniform(-0.97, 0.97, 20000).astype(np.float32)
    coded = companded(waveform, "mu-law", sample_rate=8000)
    assert np.isin(coded, values.astype(np.float32)).all()
    nearest = values[np.abs(waveform[:, None] - values[None]).argmin(axis=1)]
    # At the border of two steps the lower one may be taken; everywhere else it is the nearest.
    assert np.mean(coded == nearest.astype(np.float32)) > 0.97
    spacing = np.maximum(np.abs(coded) / 16, 4 / 8192)
    assert (np.abs(coded - waveform) <= spacing).all()


def test_a_law_has_another_table() -> None:
    waveform = tone(440, level=0.3)
    mu, a = (companded(waveform, law, sample_rate=RATE) for law in ("mu-law", "A-law"))
    assert not np.array_equal(mu, a)
    levels = np.unique(companded(tone(1, level=0.99), "A-law", sample_rate=RATE))
    assert 200 < len(levels) <= 256
    assert 0 not in levels  # the steps beside it are half a step away


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_a_telephone_is_narrow_and_keeps_the_length(rate: int) -> None:
    for frequency, least, most in ((1000, -1, 1), (100, -60, -20), (3950, -np.inf, -4)):
        before = tone(frequency, rate=rate)
        after = telephone(before, "mu-law", sample_rate=rate)
        assert len(after) == len(before)
        assert after.dtype == np.float32
        assert least < decibels(after, before) < most, frequency


@pytest.mark.parametrize("codec", ["opus", "vorbis", "mp3"])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_codec_changes_the_sound_and_neither_length_nor_place(codec: str, rate: int) -> None:
    generator = np.random.default_rng(1)
    before = np.convolve(generator.standard_normal(15 * rate // 10 + 137), np.hanning(9), "same")
    before = (0.1 * before / np.abs(before).max()).astype(np.float32)
    after = through_codec(before, codec, sample_rate=rate, compression=0.9)
    assert after.shape == before.shape
    assert after.dtype == np.float32
    assert not np.array_equal(after, before)
    lag = np.argmax(np.correlate(after, before, "full")) - (len(before) - 1)
    assert abs(lag) <= rate // 1000


@pytest.mark.parametrize("codec", ["opus", "vorbis", "mp3"])
@pytest.mark.parametrize("compression", [0.0, 0.9999, 1.0])
def test_a_codec_takes_every_compression(codec: str, compression: float) -> None:
    before = tone(440, rate=16000)
    assert through_codec(before, codec, sample_rate=16000, compression=compression).shape == before.shape


def test_a_codec_that_does_not_know_the_rate_changes_nothing() -> None:
    before = tone(440, rate=22050)
    assert through_codec(before, "opus", sample_rate=22050, compression=0.5) is before


def test_the_loudest_sample_has_the_peak_and_samples_have_16_bits() -> None:
    before = tone(440, level=0.9)
    faint = amplify(before, peak=-60.0)
    assert np.abs(faint).max() == pytest.approx(1e-3, rel=0.02)
    np.testing.assert_array_equal(faint * 32768, np.round(faint * 32768))
    assert len(np.unique(faint)) < 70  # so few steps are left
    np.testing.assert_array_equal(amplify(np.zeros(3, np.float32), peak=0.0), np.zeros(3))
