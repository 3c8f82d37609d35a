"""Simulated rooms, and sound in them."""

import numpy as np
import pytest

from asr.data.augmentation.rooms import check_simulation, reverberate, simulate_response
from asr.errors import ConfigError

RATE = 16000


def measured_rt60(response: np.ndarray) -> float:
    """Seconds to fall by 60 dB, by the slope from -5 to -35 dB of the energy that is left (Schroeder 1965)."""
    left = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
    decibels = 10 * np.log10(left / left[0] + 1e-20)
    first, last = np.argmax(decibels < -5), np.argmax(decibels < -35)
    return 60 / 30 * (last - first) / RATE


@pytest.mark.parametrize("rt60", [0.2, 0.5, 1.0])
def test_sound_falls_by_60_decibels_in_the_time_asked_for(rt60: float) -> None:
    pytest.importorskip("pyroomacoustics", reason="rooms are simulated with pyroomacoustics")
    generator = np.random.default_rng(1)
    responses = [simulate_response(rt60, sample_rate=RATE, generator=generator) for _ in range(8)]
    for response in responses:
        assert measured_rt60(response) == pytest.approx(rt60, rel=0.15)
        assert response[0] == pytest.approx(1.0)  # the direct sound
    assert np.mean([measured_rt60(response) for response in responses]) == pytest.approx(rt60, rel=0.05)
    assert len({response[:2000].tobytes() for response in responses}) == 8  # rooms and places differ


def test_without_pyroomacoustics_rooms_need_recorded_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyroomacoustics", None)
    with pytest.raises(ConfigError, match=r"pip install pyroomacoustics.*reverberation\.responses"):
        check_simulation()


def test_sound_in_a_room_is_the_sum_of_its_echoes_as_loud_as_before_and_in_its_place() -> None:
    dry = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.float32)
    response = np.array([0.05, 0.8, 0.0, 0.6], np.float32)  # with something before the direct sound
    np.testing.assert_allclose(reverberate(dry, response), [0.8, 0, 0.6, 0, 0, 0], atol=1e-6)
    noise = np.random.default_rng(1).standard_normal(20000).astype(np.float32)
    wet = reverberate(noise, response)
    wanted = np.convolve(noise, response[1:])[:20000]
    np.testing.assert_allclose(wet, wanted * np.sqrt(np.mean(noise**2) / np.mean(wanted**2)), atol=1e-4)
    np.testing.assert_array_equal(reverberate(np.zeros(5, np.float32), response), np.zeros(5))
