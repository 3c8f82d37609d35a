"""The microphone, played by a module in place of sounddevice."""

import sys
from collections.abc import Callable
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from asr.errors import AudioError, UsageError
from asr.transcription.microphone import microphone_names, microphone_pieces


class Stream:
    """An input stream that hears a ramp, and ends."""

    pieces = 5

    def __init__(
        self, *, samplerate: int, blocksize: int, callback: Callable[..., None], **options: Any
    ) -> None:
        self.size, self.callback, self.options = blocksize, callback, options

    def __enter__(self) -> None:
        for number in range(self.pieces):
            self.callback(np.full((self.size, 1), number / 10, np.float32), self.size, None, None)
        self.options["finished_callback"]()

    def __exit__(self, *reason: object) -> None:
        pass


@pytest.fixture
def sounddevice(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A sounddevice with one microphone of 16 kHz."""
    module: Any = ModuleType("sounddevice")
    module.PortAudioError = type("PortAudioError", (Exception,), {})
    module.rate = 16000

    def query_devices(name: object = None, kind: str | None = None) -> Any:
        if kind is None:
            return [{"name": "speaker", "max_input_channels": 0}, {"name": "mike", "max_input_channels": 1}]
        if name not in (None, 1, "mike"):
            raise ValueError(f"No input device matching {name!r}")
        return {"default_samplerate": float(module.rate)}

    module.query_devices = query_devices
    module.InputStream = Stream
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def test_devices_that_record_are_named(sounddevice: Any) -> None:
    assert microphone_names() == ["1: mike"]


@pytest.mark.parametrize("device", [None, "1", "mike"])
def test_pieces_come_as_they_are_heard(sounddevice: Any, device: str | None) -> None:
    pieces = list(islice(microphone_pieces(16000, device=device), 5))
    assert [len(piece) for piece in pieces] == [1600] * 5
    assert [piece[0] for piece in pieces] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_another_rate_is_resampled(sounddevice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sounddevice.rate = 48000
    monkeypatch.setattr(Stream, "pieces", 50)
    samples = np.concatenate(list(islice(microphone_pieces(16000), 50)))
    assert len(samples) == pytest.approx(50 * 1600, rel=0.05)


def test_a_microphone_that_goes_away_is_an_error(sounddevice: Any) -> None:
    with pytest.raises(AudioError, match="has gone"):
        list(microphone_pieces(16000))


def test_a_device_that_is_not_there_is_named_with_those_that_are(sounddevice: Any) -> None:
    with pytest.raises(UsageError, match=r"'tape'.*1: mike"):
        next(microphone_pieces(16000, device="tape"))


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UsageError, match=r"pip install 'sounddevice>="):
        microphone_names()
