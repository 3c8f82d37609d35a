"""WebSocket /v1/live: sound in, words out while it is spoken.

The client may begin with a text message

    {"type": "start", "sample_rate": 48000, "token": "...", "pause": 0.8, "text": "verbatim"}

(the model's rate and no token otherwise; browsers cannot send the Authorization header, others do; `pause` is the silence in seconds
that ends a segment, `text` "readable" or "verbatim"). The server
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
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
import soxr
from starlette.websockets import WebSocket, WebSocketDisconnect

from asr.errors import AsrError
from asr.serving.engine import Engine
from asr.serving.errors import RequestError
from asr.serving.form_fields import TEXTS
from asr.serving.security import bearer_token, check_host, check_origin, check_token
from asr.transcription.formats import word_record
from asr.transcription.live import LiveConfig, LiveResult, LiveSession

MAX_MESSAGE_BYTES = 1024 * 1024
T = TypeVar("T")
_START = ("type", "sample_rate", "token", "pause", "text")
_CLOSE_CODES = {401: 1008, 403: 1008, 408: 1008, 413: 1009, 503: 1013, 500: 1011}


async def serve_live(socket: WebSocket, engine: Engine, *, draining: asyncio.Event) -> None:
    """Serve one live session to its end."""
    await socket.accept()
    engine.live_sessions += 1
    try:
        if draining.is_set():
            raise RequestError(503, "the server is shutting down", code="shutting_down")
        if engine.live_sessions > engine.config.max_live_sessions:
            raise RequestError(503, "all live sessions are taken; try again soon", code="busy")
        await _Live(socket, engine, draining).run()
    except RequestError as error:
        await _refuse(socket, error)
    except AsrError as error:
        await _refuse(socket, RequestError(400, str(error)))
    except WebSocketDisconnect:
        pass
    finally:
        engine.live_sessions -= 1


async def _refuse(socket: WebSocket, error: RequestError) -> None:
    try:
        await socket.send_json({"type": "error", **error.body})
        await socket.close(_CLOSE_CODES.get(error.status, 1008), reason=(error.code or "refused")[:100])
    except (WebSocketDisconnect, RuntimeError):
        pass  # gone already


class _Live:
    """One session's conversation."""

    def __init__(self, socket: WebSocket, engine: Engine, draining: asyncio.Event) -> None:
        self._socket = socket
        self._engine = engine
        self._draining = draining
        self._heard = 0.0  # seconds
        self._half = b""  # the first byte of a sample whose second has not come yet
        self._rate = engine.transcriber.sample_rate
        self._resampler: soxr.ResampleStream | None = None
        self._session: LiveSession | None = None

    async def run(self) -> None:
        """Raises RequestError, AudioError and WebSocketDisconnect."""
        check_host(self._socket, self._engine.config)
        check_origin(self._socket, self._engine.config)
        first = await self._receive()
        start: dict[str, Any] = {}
        if isinstance(first, dict) and first.get("type") == "start":
            start, first = first, b""
        token = start.get("token")
        if token is not None and not isinstance(token, str):
            raise RequestError(400, "token: expected a string", param="token")
        check_token(bearer_token(self._socket) if token is None else token, self._engine.config)
        self._open(start)
        ready = {"type": "ready", "sample_rate": self._rate, "model": self._engine.config.model_name}
        await self._socket.send_json(
            ready | _noticed(f"{key} is ignored" for key in start if key not in _START)
        )
        message: bytes | dict[str, Any] | None = first
        while isinstance(message, bytes) or (message is not None and message.get("type") == "flush"):
            if isinstance(message, bytes):
                await self._feed(message)
            else:
                await self._send(lambda session: session.flush())
                await self._socket.send_json({"type": "flushed"})
            message = await self._receive()
        if message is not None and message.get("type") != "finish":
            raise RequestError(
                400,
                f'message {json.dumps(message)[:100]}; expected sound, {{"type": "flush"}} or {{"type": "finish"}}',
            )
        await self._finish()
        if message is None:
            await self._socket.close(1012, reason="the server is shutting down")
        else:
            await self._socket.close(1000)

    def _open(self, start: dict[str, Any]) -> None:
        rate = start.get("sample_rate", self._rate)
        if not isinstance(rate, int | float) or not 4000 <= rate <= 192000 or rate != int(rate):
            raise RequestError(
                400,
                f"sample_rate {rate!r}; expected a whole number from 4000 to 192000, in Hz",
                param="sample_rate",
            )
        wanted = self._engine.transcriber.sample_rate
        self._rate = int(rate)
        if self._rate != wanted:
            self._resampler = soxr.ResampleStream(self._rate, wanted, 1, dtype="float32", quality="HQ")
        pause = start.get("pause", LiveConfig().pause)
        if isinstance(pause, bool) or not isinstance(pause, int | float):
            raise RequestError(400, f"pause {pause!r}; expected seconds", param="pause")
        if (text := start.get("text", TEXTS[0])) not in TEXTS:
            raise RequestError(400, f"text {text!r}; expected {' or '.join(TEXTS)}", param="text")
        try:
            config = LiveConfig(pause=pause)
        except AsrError as error:
            raise RequestError(400, str(error), param="pause") from None
        self._session = self._engine.open_live(config, verbatim=text == "verbatim")

    async def _receive(self) -> bytes | dict[str, Any] | None:
        """The next message; None when the server shuts down."""
        receive = asyncio.ensure_future(self._socket.receive())
        drain = asyncio.ensure_future(self._draining.wait())
        idle = self._engine.config.idle_seconds
        try:
            await asyncio.wait({receive, drain}, timeout=idle, return_when=asyncio.FIRST_COMPLETED)
            if receive.done():
                message = receive.result()
            elif drain.done():
                return None
            else:
                raise RequestError(408, f"no sound for {idle:g} s", code="idle")
        finally:
            for task in (receive, drain):
                task.cancel()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        if message.get("bytes") is not None:
            data: bytes = message["bytes"]
            return data
        try:
            content = json.loads(message["text"])
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise RequestError(400, "a text message that is no JSON object", code="broken_message")
        return content

    async def _feed(self, data: bytes) -> None:
        data = self._half + data
        whole = len(data) - len(data) % 2
        data, self._half = data[:whole], data[whole:]
        samples = np.frombuffer(data, "<i2").astype(np.float32) * np.float32(1 / 32768)
        self._heard += len(samples) / self._rate
        if self._heard > self._engine.config.max_live_seconds:
            raise RequestError(
                413, f"a session lasts {self._engine.config.max_live_seconds:g} s at most", code="too_long"
            )
        self._engine.metrics.audio_seconds.inc(len(samples) / self._rate)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        await self._send(lambda session: session.feed(samples))

    async def _finish(self) -> None:
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.empty(0, np.float32), last=True)
            await self._send(lambda session: session.feed(rest))
        await self._send(lambda session: session.finish())
        left = ["the sound ended within a sample: its one byte is left out"] if self._half else []
        await self._socket.send_json({"type": "done", "duration": round(self._heard, 3)} | _noticed(left))

    async def _send(self, step: Callable[[LiveSession], list[LiveResult]]) -> None:
        session = self._session
        assert session is not None
        for result in await self._engine.run(lambda: step(session)):
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
