"""The settings of a realtime transcription session, in both shapes that OpenAI has given them.

https://platform.openai.com/docs/api-reference/realtime-client-events/session/update (`session.update`, nested), and its forerunner
`transcription_session.update` (flat).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, get_args

from asr.serving.errors import RequestError
from asr.serving.live_stream import Encoding, checked_rate
from asr.serving.request_words import NAMES
from asr.transcription.live import LiveConfig

_FORMATS: dict[str, Encoding] = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
_TELEPHONE = 8000  # Hz, of G.711
_LONGEST_SILENCE = round(1000 * LiveConfig.longest_segment) - 1  # ms
_PCM = 24000  # Hz, where nothing else is said
_INPUT = ("format", "transcription", "turn_detection", "noise_reduction")


@dataclass(frozen=True)
class RealtimeSettings:
    """What holds in a session.

    Attributes:
        encoding: of the sound.
        rate: of the sound, in Hz.
        silence_ms: what ends a turn; None leaves that to the client's `input_audio_buffer.commit`.
        words: hot words, phrases and prompt, as the client gave them.
    """

    encoding: Encoding = "pcm16"
    rate: int = _PCM
    silence_ms: int | None = 500
    words: Mapping[str, Any] = field(default_factory=dict)

    @property
    def live(self) -> LiveConfig:
        """Where segments end; a client that ends its turns itself has segments as of any live session."""
        return LiveConfig() if self.silence_ms is None else LiveConfig(pause=self.silence_ms / 1000)

    def record(self, *, session: str, model: str, is_flat: bool) -> dict[str, Any]:
        """The session object: what holds, and nothing of what was ignored."""
        detection = (
            None
            if self.silence_ms is None
            else {"type": "server_vad", "silence_duration_ms": self.silence_ms}
        )
        if is_flat:
            return {
                "id": session,
                "object": "realtime.transcription_session",
                "modalities": ["audio", "text"],
                "input_audio_format": self.encoding,
                "input_audio_transcription": {"model": model, **self.words},
                "turn_detection": detection,
            }
        [kind] = [kind for kind, encoding in _FORMATS.items() if encoding == self.encoding]
        form = {"type": kind, "rate": self.rate} if self.encoding == "pcm16" else {"type": kind}
        given = {"format": form, "transcription": {"model": model, **self.words}, "turn_detection": detection}
        return {
            "id": session,
            "object": "realtime.transcription_session",
            "type": "transcription",
            "audio": {"input": given},
        }


class Update(NamedTuple):
    """The settings after an update, and what of it was left out."""

    settings: RealtimeSettings
    notices: tuple[str, ...]


def update_settings(settings: RealtimeSettings, session: object, *, model: str, is_flat: bool) -> Update:
    """Settings with what an update says; what it does not name stays.

    Args:
        settings: as they are.
        session: the update's object.
        model: this server's.
        is_flat: whether it is `transcription_session.update`.

    Raises:
        RequestError: 400, a value that is not understood, or that nobody here can do.
    """
    given = _object(session, "session")
    notices = []
    if is_flat:
        names = {
            "input_audio_format": "format",
            "input_audio_transcription": "transcription",
            "turn_detection": "turn_detection",
            "input_audio_noise_reduction": "noise_reduction",
        }
        sound: Mapping[str, Any] = {names[key]: value for key, value in given.items() if key in names}
        notices += [f"session.{key} is ignored" for key in given if key not in names]
    else:
        if given.get("type", "transcription") != "transcription":
            raise _wrong("session.type", given["type"], "transcription: this server does nothing else")
        sound = _object(
            _object(given.get("audio", {}), "session.audio").get("input", {}), "session.audio.input"
        )
        notices += [
            f"session.{key} is ignored" for key in given if key not in ("type", "audio", "id", "object")
        ]
    notices += [f"{key} is ignored" for key in sound if key not in _INPUT]
    if sound.get("noise_reduction") is not None:
        notices.append("noise_reduction is ignored: the model hears the sound as it is")
    if "format" in sound:
        settings = _with_format(settings, sound["format"], is_flat=is_flat)
    if "transcription" in sound:
        settings, ignored = _with_transcription(settings, sound["transcription"], model)
        notices += ignored
    if "turn_detection" in sound:
        settings, ignored = _with_turns(settings, sound["turn_detection"])
        notices += ignored
    return Update(settings, tuple(notices))


def _with_format(settings: RealtimeSettings, given: Any, *, is_flat: bool) -> RealtimeSettings:
    if is_flat:
        if given not in get_args(Encoding):
            raise _wrong("input_audio_format", given, " or ".join(get_args(Encoding)))
        return replace(settings, encoding=given, rate=_PCM if given == "pcm16" else _TELEPHONE)
    form = _object(given, "format")
    kind = form.get("type", "audio/pcm")
    if not isinstance(kind, str) or kind not in _FORMATS:
        raise _wrong("format.type", kind, " or ".join(_FORMATS))
    encoding = _FORMATS[kind]
    rate = checked_rate(form.get("rate", _PCM)) if encoding == "pcm16" else _TELEPHONE
    return replace(settings, encoding=encoding, rate=rate)


def _with_transcription(
    settings: RealtimeSettings, given: Any, model: str
) -> tuple[RealtimeSettings, list[str]]:
    if given is None:
        raise _wrong("transcription", None, "an object: transcription is all that this server does")
    found = _object(given, "transcription")
    words = {key: value for key, value in {**settings.words, **found}.items() if key in NAMES and value}
    known = ("model", *NAMES)
    notices = [
        f"transcription.{key} is ignored" for key, value in found.items() if key not in known and value
    ]
    if found.get("model") not in (None, model):
        notices.append(f"transcription.model is ignored: this server has {model} alone")
    return replace(settings, words=words), notices


def _with_turns(settings: RealtimeSettings, given: Any) -> tuple[RealtimeSettings, list[str]]:
    if given is None:
        return replace(settings, silence_ms=None), []
    found = _object(given, "turn_detection")
    if found.get("type", "server_vad") != "server_vad":
        raise _wrong("turn_detection.type", found["type"], "server_vad, or null as turn_detection")
    silence = found.get("silence_duration_ms", settings.silence_ms or RealtimeSettings.silence_ms)
    if isinstance(silence, bool) or not isinstance(silence, int) or not 0 < silence <= _LONGEST_SILENCE:
        raise _wrong(
            "turn_detection.silence_duration_ms", silence, f"whole milliseconds, 1 to {_LONGEST_SILENCE}"
        )
    known = ("type", "silence_duration_ms")
    return replace(settings, silence_ms=silence), [
        f"turn_detection.{key} is ignored: turns end at a pause of the network's own"
        for key in found
        if key not in known
    ]


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(name, value, "an object")
    return value


def _wrong(name: str, got: object, wanted: str) -> RequestError:
    return RequestError(400, f"{name}: got {str(got)[:100]}; expected {wanted}", param=name)
