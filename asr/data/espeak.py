"""espeak-ng through its C interface: how it says a word.

The library and its rules for some hundred languages come in the wheel `espeakng-loader`, so that nothing else needs to be
installed.
"""

import ctypes
import threading
from functools import cache

from asr.errors import AsrError

# Names and values from espeak-ng's speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
CHARS_UTF8 = 1
_SEPARATED_IPA = (ord("_") << 8) | 0x02
_STRESS_MARKS = str.maketrans("", "", "ˈˌ")


class Espeak:
    """The library, started; `espeak` gives the only one of a process. Threads wait for one another.

    Attributes:
        library: its C functions.
        sample_rate: in which it speaks, Hz.
        lock: to be held while the library is used.

    Raises:
        AsrError: espeakng-loader is not installed, or its library does not start.
    """

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError:
            raise AsrError("espeakng-loader is not installed; `pip install espeakng-loader`") from None
        self.lock = threading.Lock()
        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.sample_rate: int = self.library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        if self.sample_rate <= 0:
            raise AsrError(f"espeak-ng did not start (code {self.sample_rate}); reinstall espeakng-loader")

    def choose(self, voice: str) -> None:
        """Speak in a language, or by a voice. Raises AsrError where there is no such voice."""
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise AsrError(f"espeak-ng has no voice {voice!r}")

    def phones(self, word: str, *, language: str = "en-us") -> tuple[str, ...]:
        """How espeak-ng says a word, in the International Phonetic Alphabet without stress marks.

        Raises:
            AsrError: no such language, or nothing to say.
        """
        with self.lock:
            self.choose(language)
            self.library.espeak_TextToPhonemes.restype = ctypes.c_char_p
            text = ctypes.c_char_p(word.encode())
            rest = ctypes.pointer(ctypes.cast(text, ctypes.c_void_p))
            spelled = self.library.espeak_TextToPhonemes(rest, CHARS_UTF8, _SEPARATED_IPA)
        phones = (spelled or b"").decode().translate(_STRESS_MARKS).replace(" ", "_").split("_")
        if not any(phones):
            raise AsrError(f"espeak-ng pronounces nothing for {word!r}")
        return tuple(phone for phone in phones if phone)


@cache
def espeak() -> Espeak:
    """The library, started once in a process. Raises as `Espeak`."""
    return Espeak()
