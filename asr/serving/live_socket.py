"""WebSocket /v1/live: sound in, words out while it is spoken.

The client may begin with a text message

    {"type": "start", "sample_rate": 48000, "token": "...", "pause": 0.8, "text": "verbatim", "hot_words": "Kaminski=7, Bacata"}

(the model's rate and no token otherwise; browsers cannot send the Authorization header, others do; `pause` is the silence in seconds
that ends a segment, `text` "readable" or "verbatim"; `hot_words`, `phrases` and `prompt` are those of the form). The server
answers `{"type": "ready", "sample_rate": ..., "model": ...}`. Then the client sends binary messages: 16-bit
little-endian PCM, one channel, pieces of any length, even of half a sample, and at last the text message `{"type": "finish"}`. `{"type": "flush"}` in between
ends the segment at once. The server sends, as they come,

    {"type": "partial", "segment": 0, "text": "SHOW ME", "settled": 1, "start": 0.4, "end": 0.9,
     "words": [{"word": "SHOW", "start": 0.4, "end": 0.6, "confidence": 0.98}, ...]}
    {"type": "final", ...the same, once a segment...}
    {"type": "flushed"}                                  after "flush" and what it made final
    {"type": "done", "duration": 12.3}                   after "finish", then it closes (1000)
    {"type": "error", "error": {"message": ..., ...}}    then it closes (1008, 1009, 1011, 1012, 1013)

With a tagger the words are written (`Show me`), and each names the recognised ones in `spoken`.

"ready" and "done" have `notices`, a list of strings, where something the client sent was left out. `settled` of a
partial result's words will stay. When the server shuts down, it finishes the session by itself:
final results, "done", close 1012.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from starlette.websockets import WebSocket

from asr.errors import AsrError
from asr.serving.engine import Engine
from asr.serving.errors import RequestError
from asr.serving.form_fields import TEXTS
from asr.serving.live_stream import LiveStream, checked_rate, converse, json_object, receive
from asr.serving.request_words import NAMES, read_words
from asr.serving.security import bearer_token, check_token
from asr.transcription.formats import word_record
from asr.transcription.live import LiveConfig, LiveResult

_START = ("type", "sample_rate", "token", "pause", "text", *NAMES)


async def serve_live(socket: WebSocket, engine: Engine, *, draining: asyncio.Event) -> None:
    """Serve one live session to its end."""
    await socket.accept()
    session = _Live(socket, engine, draining)
    await converse(session.run, socket, engine, draining=draining, refusal=_refusal)


def _refusal(error: RequestError) -> dict[str, Any]:
    return {"type": "error", **error.body}


class _Live:
    """One session's conversation."""

    def __init__(self, socket: WebSocket, engine: Engine, draining: asyncio.Event) -> None:
        self._socket = socket
        self._engine = engine
        self._draining = draining
        self._rate = engine.transcriber.sample_rate

    async def run(self) -> None:
        """Raises RequestError, AudioError and WebSocketDisconnect."""
        first = await self._receive()
        start: dict[str, Any] = {}
        if isinstance(first, dict) and first.get("type") == "start":
            start, first = first, b""
        token = start.get("token")
        if token is not None and not isinstance(token, str):
            raise RequestError(400, "token: expected a string", param="token")
        check_token(bearer_token(self._socket) if token is None else token, self._engine.config)
        stream, left_out = await self._open(start)
        ready = {"type": "ready", "sample_rate": self._rate, "model": self._engine.config.model_name}
        await self._socket.send_json(
            ready | _noticed([*left_out, *(f"{key} is ignored" for key in start if key not in _START)])
        )
        message: bytes | dict[str, Any] | None = first
        while isinstance(message, bytes) or (message is not None and message.get("type") == "flush"):
            if isinstance(message, bytes):
                await self._send(await stream.feed(message))
            else:
                await self._send(await stream.flush())
                await self._socket.send_json({"type": "flushed"})
            message = await self._receive()
        if message is not None and message.get("type") != "finish":
            raise RequestError(
                400,
                f'message {json.dumps(message)[:100]}; expected sound, {{"type": "flush"}} or {{"type": "finish"}}',
            )
        await self._send(await stream.finish())
        left = ["the sound ended within a sample: its one byte is left out"] if stream.half else []
        await self._socket.send_json({"type": "done", "duration": round(stream.heard, 3)} | _noticed(left))
        if message is None:
            await self._socket.close(1012, reason="the server is shutting down")
        else:
            await self._socket.close(1000)

    async def _open(self, start: dict[str, Any]) -> tuple[LiveStream, list[str]]:
        """The session, and what of the start message is left out."""
        self._rate = checked_rate(start.get("sample_rate", self._rate))
        pause = start.get("pause", LiveConfig().pause)
        if isinstance(pause, bool) or not isinstance(pause, int | float):
            raise RequestError(400, f"pause {pause!r}; expected seconds", param="pause")
        if (text := start.get("text", TEXTS[0])) not in TEXTS:
            raise RequestError(400, f"text {text!r}; expected {' or '.join(TEXTS)}", param="text")
        try:
            config = LiveConfig(pause=pause)
        except AsrError as error:
            raise RequestError(400, str(error), param="pause") from None
        decoder, left_out = await self._engine.decoder_for(read_words(start))
        verbatim = text == "verbatim"
        return LiveStream(self._engine, self._rate, config, decoder=decoder, verbatim=verbatim), left_out

    async def _receive(self) -> bytes | dict[str, Any] | None:
        """The next message; None when the server shuts down."""
        idle = self._engine.config.idle_seconds
        message = await receive(self._socket, draining=self._draining, seconds=idle)
        return json_object(message) if isinstance(message, str) else message

    async def _send(self, results: Iterable[LiveResult]) -> None:
        for result in results:
            await self._socket.send_json(message_of(result))


def _noticed(notices: Iterable[str]) -> dict[str, Any]:
    """What a message says of what was left out; nothing where nothing was."""
    found = list(notices)
    return {"notices": found} if found else {}


def message_of(result: LiveResult) -> dict[str, Any]:
    """A live result as it is sent."""
    return {
        "type": result.kind,
        "segment": result.segment,
        "text": result.text,
        "settled": result.settled,
        "start": result.start,
        "end": result.end,
        "words": [word_record(word, text="word") for word in result.words],
    }
