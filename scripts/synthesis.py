"""Speech from text with espeak-ng, through its C interface; for the embedded corpus and for tests.

The library and its voices come in the wheel `espeakng-loader` (`pip install "asr[synthesis]"`), so that
nothing else needs to be installed.
"""

import ctypes
import threading
from dataclasses import dataclass

import numpy as np

from asr.data.audio import resample
from asr.errors import AsrError

# Names and values from espeak-ng's speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_RATE, _PITCH = 1, 3
_SEPARATED_IPA = (ord("_") << 8) | 0x02
_STRESS_MARKS = str.maketrans("", "", "ˈˌ")


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
    """espeak-ng, initialised once; not to be used from two threads at a time (a lock sees to it).

    Args:
        sample_rate: of the waveforms in Hz; espeak-ng's own 22050 Hz is resampled.

    Raises:
        AsrError: espeakng-loader is not installed, or its library does not start.
    """

    _lock = threading.Lock()

    def __init__(self, *, sample_rate: int = 16000) -> None:
        try:
            import espeakng_loader
        except ImportError:
            raise AsrError('espeakng-loader is not installed; `pip install "asr[synthesis]"`') from None
        self.sample_rate = sample_rate
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._rate = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        if self._rate <= 0:
            raise AsrError(f"espeak-ng did not start (code {self._rate}); reinstall espeakng-loader")
        self._blocks: list[np.ndarray] = []
        # The callback must outlive the library's use of it.
        self._callback = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: int | None) -> int:
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0  # go on

    def speak(self, text: str, voice: Voice) -> np.ndarray:
        """Speak `text`; returns a `(N,)` float32 waveform in [-1, 1] at `sample_rate`.

        Raises:
            AsrError: no such voice, or no sound came out.
        """
        with self._lock:
            self._blocks.clear()
            self._library.espeak_SetSynthCallback(self._callback)
            if self._library.espeak_SetVoiceByName(voice.name.encode()) != 0:
                raise AsrError(f"espeak-ng has no voice {voice.name!r}")
            self._library.espeak_SetParameter(_RATE, voice.rate, 0)
            self._library.espeak_SetParameter(_PITCH, voice.pitch, 0)
            encoded = text.encode() + b"\0"
            self._library.espeak_Synth(
                encoded, ctypes.c_size_t(len(encoded)), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
            )
            self._library.espeak_Synchronize()
            blocks = list(self._blocks)
        if not blocks:
            raise AsrError(f"espeak-ng spoke nothing for {text!r} with voice {voice.name!r}")
        waveform = np.concatenate(blocks).astype(np.float32) / 32768.0
        return resample(waveform, self._rate, self.sample_rate)

    def phones(self, word: str, *, language: str = "en-us") -> tuple[str, ...]:
        """How espeak-ng pronounces a word, in the International Phonetic Alphabet without stress marks.

        Raises:
            AsrError: no such language, or nothing to pronounce.
        """
        with self._lock:
            if self._library.espeak_SetVoiceByName(language.encode()) != 0:
                raise AsrError(f"espeak-ng has no voice {language!r}")
            self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
            text = ctypes.c_char_p(word.encode())
            rest = ctypes.pointer(ctypes.cast(text, ctypes.c_void_p))
            spelled = self._library.espeak_TextToPhonemes(rest, _CHARS_UTF8, _SEPARATED_IPA)
        phones = (spelled or b"").decode().translate(_STRESS_MARKS).replace(" ", "_").split("_")
        if not any(phones):
            raise AsrError(f"espeak-ng pronounces nothing for {word!r}")
        return tuple(phone for phone in phones if phone)
