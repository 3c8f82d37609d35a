"""The microphone, by PortAudio (sounddevice), as pieces of a waveform."""

import logging
import queue
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import soxr

from asr.errors import AudioError, UsageError
from asr.extras import install_command

log = logging.getLogger(__name__)


def microphone_names() -> list[str]:
    """`number: name` of every device that records.

    Raises:
        UsageError: sounddevice or PortAudio is missing.
    """
    devices = enumerate(_sounddevice().query_devices())
    return [f"{number}: {device['name']}" for number, device in devices if device["max_input_channels"] > 0]


def microphone_pieces(
    sample_rate: int, *, device: str | None = None, seconds: float = 0.1
) -> Iterator[np.ndarray]:
    """What the microphone hears, as `(N,)` float32 pieces at the wanted rate, until the caller stops.

    Args:
        sample_rate: Hz; a device that records at another rate is resampled.
        device: its number or a part of its name; the system's default when None.
        seconds: of a piece.

    Raises:
        UsageError: sounddevice or PortAudio is missing, or there is no such device.
        AudioError: the device cannot be opened, or has gone.
    """
    sounddevice = _sounddevice()
    name: int | str | None = int(device) if device is not None and device.isdigit() else device
    try:
        rate = round(sounddevice.query_devices(name, "input")["default_samplerate"])
    except (ValueError, sounddevice.PortAudioError) as error:
        found = "; ".join(microphone_names()) or "none"
        wanted = "a microphone" if device is None else f"a microphone {device!r}"
        raise UsageError(
            f"{wanted} is not there ({' '.join(str(error).split())}); the devices that record are: {found}"
        ) from None
    resampler = None if rate == sample_rate else soxr.ResampleStream(rate, sample_rate, 1, dtype="float32")
    pieces: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()

    def hear(samples: np.ndarray, frames: int, time: Any, status: Any) -> None:
        # On PortAudio's own thread: copy, and away.
        if status:
            log.warning("the microphone's sound has gaps: %s", status)
        pieces.put(samples[:, 0].copy())

    try:
        with sounddevice.InputStream(
            samplerate=rate,
            blocksize=round(seconds * rate),
            device=name,
            channels=1,
            dtype="float32",
            callback=hear,
            finished_callback=lambda: pieces.put(None),
        ):
            while (piece := pieces.get()) is not None:
                yield piece if resampler is None else resampler.resample_chunk(piece)
    except sounddevice.PortAudioError as error:
        raise AudioError(f"the microphone cannot be used: {' '.join(str(error).split())}") from None
    raise AudioError("the microphone has gone; plug it in again")


def _sounddevice() -> ModuleType:
    try:
        import sounddevice
    except ImportError:
        raise UsageError(
            f"the microphone needs sounddevice; install it: {install_command('microphone')}"
        ) from None
    except OSError as error:
        raise UsageError(
            f"the microphone needs PortAudio ({error}); install it: apt-get install libportaudio2"
        ) from None
    module: ModuleType = sounddevice
    return module
