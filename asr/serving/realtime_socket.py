"""WebSocket /v1/realtime: OpenAI's realtime transcription sessions, as far as their documents go.

https://platform.openai.com/docs/guides/realtime-transcription

The client sends `session.update` (or `transcription_session.update`), `input_audio_buffer.append` with sound in base64, `.commit` and
`.clear`. A turn is an item: `input_audio_buffer.speech_started` when its first word is heard,
`conversation.item.input_audio_transcription.delta` for words that will stay, and at its end `input_audio_buffer.speech_stopped`,
`input_audio_buffer.committed` and `conversation.item.input_audio_transcription.completed`. With turn detection a turn ends at a pause or
a commit; without it at a commit, and nothing is said of when speech starts and stops. An `error` ends nothing, as long as the
connection can go on.
"""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Iterable
from typing import Any

from starlette.websockets import WebSocket

from asr.decoding.decoder import Decoder
from asr.serving.engine import Engine
from asr.serving.errors import RequestError
from asr.serving.live_stream import LiveStream, converse, json_object, receive
from asr.serving.realtime_settings import RealtimeSettings, update_settings
from asr.serving.request_words import read_words
from asr.serving.security import bearer_token, check_token
from asr.transcription.live import LiveResult

_TRANSCRIPTION = "conversation.item.input_audio_transcription"
# Browsers cannot send the Authorization header; OpenAI's clients put the key here instead.
_PROTOCOL, _KEY_PROTOCOL = "realtime", "openai-insecure-api-key."


async def serve_realtime(socket: WebSocket, engine: Engine, *, draining: asyncio.Event) -> None:
    """Serve one session to its end."""
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=_PROTOCOL if _PROTOCOL in offered else None)
    keys = [one.removeprefix(_KEY_PROTOCOL) for one in offered if one.startswith(_KEY_PROTOCOL)]

    async def talk() -> None:
        check_token(bearer_token(socket) or (keys[0] if keys else None), engine.config)
        if (intent := socket.query_params.get("intent", "transcription")) != "transcription":
            raise RequestError(400, f"intent {intent[:100]!r}; expected transcription", param="intent")
        await _Realtime(socket, engine, draining).run()

    await converse(talk, socket, engine, draining=draining, refusal=_refusal)


def _refusal(error: RequestError) -> dict[str, Any]:
    return {"type": "error", "event_id": _new("event"), **error.body}


def _new(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(10)}"


class _Item:
    """A turn that has not ended: what it is called, and what is known of its words."""

    def __init__(self) -> None:
        self.id = _new("item")
        self.texts: list[str] = []  # of its segments that are final
        self.sent = ""  # what deltas have said
        self.is_speech = False  # whether its first word was heard

    def text(self, newest: str = "") -> str:
        return " ".join(filter(None, [*self.texts, newest]))


class _Realtime:
    """One session's conversation."""

    def __init__(self, socket: WebSocket, engine: Engine, draining: asyncio.Event) -> None:
        self._socket = socket
        self._engine = engine
        self._draining = draining
        self._id = _new("sess")
        self._settings = RealtimeSettings()
        self._decoder: Decoder | None = None  # the server's
        self._item = _Item()
        self._before: str | None = None  # the item that was committed last
        self._committed = 0.0  # seconds of sound, until the last commit or clear
        self._open(0.0)

    async def run(self) -> None:
        """Raises RequestError, AudioError and WebSocketDisconnect."""
        await self._send("session.created", session=self._record(is_flat=False))
        while True:
            message = await receive(self._socket, draining=self._draining)
            if message is None:
                await self._renew()
                await self._socket.close(1012, reason="the server is shutting down")
                return
            event: dict[str, Any] = {}
            try:
                if isinstance(message, bytes):
                    raise RequestError(400, "a binary message; expected JSON, with sound in base64")
                event = json_object(message)
                await self._handle(event)
            except RequestError as error:
                if error.status != 400:
                    raise
                await self._send("error", error=error.body["error"] | {"event_id": event.get("event_id")})

    async def _handle(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "input_audio_buffer.append":
            await self._tell(await self._stream.feed(_sound(event.get("audio"))))
        elif kind == "input_audio_buffer.commit":
            if self._stream.heard <= self._committed:
                raise RequestError(
                    400,
                    "there is no sound to commit; append some first",
                    code="input_audio_buffer_commit_empty",
                )
            await self._renew()
            if self._settings.silence_ms is None or self._stream.heard > self._committed:
                await self._commit()
        elif kind == "input_audio_buffer.clear":
            self._item = _Item()
            self._open(self._stream.heard)
            self._committed = self._stream.heard
            await self._send("input_audio_buffer.cleared")
        elif kind in ("session.update", "transcription_session.update"):
            is_flat = kind == "transcription_session.update"
            update = update_settings(
                self._settings, event.get("session"), model=self._engine.config.model_name, is_flat=is_flat
            )
            notices = list(update.notices)
            if update.settings != self._settings:
                decoder, left_out = await self._engine.decoder_for(read_words(update.settings.words))
                notices += left_out
                # What was heard so far was heard as the settings had it.
                await self._renew(update.settings, decoder)
            more = {"notices": notices} if notices else {}
            await self._send(f"{kind}d", session=self._record(is_flat=is_flat), **more)
        else:
            raise RequestError(
                400,
                f"type {str(kind)[:100]!r}; expected input_audio_buffer.append, .commit or .clear, or session.update",
                param="type",
            )

    def _open(self, heard: float) -> None:
        """Begin to listen, so many seconds into the session."""
        self._begin = heard
        settings = self._settings
        self._stream = LiveStream(
            self._engine,
            settings.rate,
            settings.live,
            encoding=settings.encoding,
            heard=heard,
            decoder=self._decoder,
        )

    async def _renew(self, settings: RealtimeSettings | None = None, decoder: Decoder | None = None) -> None:
        """Hear what is left to its end, and begin to listen anew, with other settings and their decoder where they are given."""
        await self._tell(await self._stream.finish())
        if settings is not None:
            self._settings, self._decoder = settings, decoder
        self._open(self._stream.heard)

    async def _tell(self, results: Iterable[LiveResult]) -> None:
        for result in results:
            item, detects = self._item, self._settings.silence_ms is not None
            if not item.is_speech:
                item.is_speech = True
                if detects:
                    start = round(1000 * (self._begin + result.start))
                    await self._send(
                        "input_audio_buffer.speech_started", audio_start_ms=start, item_id=item.id
                    )
            settled = " ".join(word.text for word in result.words[: result.settled])
            await self._say(item.text(settled))
            if result.kind == "final":
                item.texts.append(result.text)
                if detects:
                    end = round(1000 * (self._begin + result.end))
                    await self._send("input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=item.id)
                    await self._commit()

    async def _say(self, text: str) -> None:
        """What of an item's text deltas have not said yet; should it have changed, "completed" says it."""
        item = self._item
        if len(text) > len(item.sent) and text.startswith(item.sent):
            delta, item.sent = text[len(item.sent) :], text
            await self._send(f"{_TRANSCRIPTION}.delta", item_id=item.id, content_index=0, delta=delta)

    async def _commit(self) -> None:
        """End the item."""
        item, self._item = self._item, _Item()
        await self._send("input_audio_buffer.committed", item_id=item.id, previous_item_id=self._before)
        self._before = item.id
        seconds = self._stream.heard - self._committed
        self._committed = self._stream.heard
        await self._send(
            f"{_TRANSCRIPTION}.completed",
            item_id=item.id,
            content_index=0,
            transcript=item.text(),
            usage={"type": "duration", "seconds": round(seconds, 3)},
        )

    def _record(self, *, is_flat: bool) -> dict[str, Any]:
        return self._settings.record(session=self._id, model=self._engine.config.model_name, is_flat=is_flat)

    async def _send(self, kind: str, **content: Any) -> None:
        await self._socket.send_json({"type": kind, "event_id": _new("event"), **content})


def _sound(audio: object) -> bytes:
    """The bytes of an append event. Raises RequestError."""
    try:
        if isinstance(audio, str):
            return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise RequestError(400, "audio: expected sound in base64", param="audio")
