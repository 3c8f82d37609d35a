"""Speech from text with espeak-ng, through its C interface; for the embedded corpus and for tests.

The library and its voices come in the wheel `espeakng-loader` (`pip install espeakng-loader`), so that
nothing else needs to be installed.
"""

import ctypes
from dataclasses import dataclass

import numpy as np

from asr.data.audio import resample
from asr.data.espeak import CHARS_UTF8, espeak
from asr.errors import AsrError

# Values from espeak-ng's speak_lib.h.
_POS_CHARACTER = 1
_RATE, _PITCH = 1, 3


@dataclass(frozen=True, slots=True)
class Voice:
    """How a text is spoken.

    Attributes:
        name: an espeak-ng voice with a variant, such as "en-us+f2".
        rate: words a minute, 80 to 450.
        pitch: 0 to 99.
    """

    name: str
    rate: int = 175
    pitch: int = 50


class Synthesizer:
    """espeak-ng, speaking; threads wait for one another.

    Args:
        sample_rate: of the waveforms in Hz; espeak-ng's own 22050 Hz is resampled.

    Raises:
        AsrError: espeakng-loader is not installed, or its library does not start.
    """

    def __init__(self, *, sample_rate: int = 16000) -> None:
        self.sample_rate = sample_rate
        self._espeak = espeak()
        self._library = self._espeak.library
        self._blocks: list[np.ndarray] = []
        # The callback must outlive the library's use of it.
        self._callback = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )(self._collect)

    def _collect(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: int | None) -> int:
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0  # go on

    def speak(self, text: str, voice: Voice) -> np.ndarray:
        """Speak `text`; returns a `(N,)` float32 waveform in [-1, 1] at `sample_rate`.

        Raises:
            AsrError: no such voice, or no sound came out.
        """
        with self._espeak.lock:
            self._blocks.clear()
            self._library.espeak_SetSynthCallback(self._callback)
            self._espeak.choose(voice.name)
            self._library.espeak_SetParameter(_RATE, voice.rate, 0)
            self._library.espeak_SetParameter(_PITCH, voice.pitch, 0)
            encoded = text.encode() + b"\0"
            self._library.espeak_Synth(
                encoded, ctypes.c_size_t(len(encoded)), 0, _POS_CHARACTER, 0, CHARS_UTF8, None, None
            )
            self._library.espeak_Synchronize()
            blocks = list(self._blocks)
        if not blocks:
            raise AsrError(f"espeak-ng spoke nothing for {text!r} with voice {voice.name!r}")
        waveform = np.concatenate(blocks).astype(np.float32) / 32768.0
        return resample(waveform, self._espeak.sample_rate, self.sample_rate)
