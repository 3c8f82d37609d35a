"""What the live protocols share: who is let in, the next message, and a client's sound on its way to words."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import soxr
from starlette.websockets import WebSocket, WebSocketDisconnect

from asr.decoding.decoder import Decoder
from asr.errors import AsrError
from asr.serving.engine import Engine
from asr.serving.errors import RequestError
from asr.serving.security import check_host, check_origin
from asr.transcription.live import LiveConfig, LiveResult, LiveSession

MAX_MESSAGE_BYTES = 1024 * 1024
_LEEWAY = 60.0  # seconds that a session may take longer than its sound: a greeting, a slow network
_CLOSE_CODES = {401: 1008, 403: 1008, 408: 1008, 413: 1009, 503: 1013, 500: 1011}
Encoding = Literal["pcm16", "g711_ulaw", "g711_alaw"]


@asynccontextmanager
async def _admitted(socket: WebSocket, engine: Engine, *, draining: asyncio.Event) -> AsyncIterator[None]:
    """A place among the live sessions. Raises RequestError: none is free, or by this name or from this page nobody may come."""
    engine.live_sessions += 1
    try:
        if draining.is_set():
            raise RequestError(503, "the server is shutting down", code="shutting_down")
        if engine.live_sessions > engine.config.max_live_sessions:
            raise RequestError(503, "all live sessions are taken; try again soon", code="busy")
        check_host(socket, engine.config)
        check_origin(socket, engine.config)
        yield
    finally:
        engine.live_sessions -= 1


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    """Time for a session with so many seconds of sound. Raises RequestError 413 when it is over."""
    try:
        async with asyncio.timeout(seconds + _LEEWAY) as clock:
            yield
    except TimeoutError:
        if not clock.expired():
            raise
        raise RequestError(
            413,
            f"a session lasts {seconds:g} s at most, and {_LEEWAY:g} s more by the clock",
            code="too_long",
        ) from None


async def converse(
    talk: Callable[[], Awaitable[None]],
    socket: WebSocket,
    engine: Engine,
    *,
    draining: asyncio.Event,
    refusal: Callable[[RequestError], dict[str, Any]],
) -> None:
    """A session from its place among the others to its end; what goes wrong is sent as `refusal` has it, and the connection closed.

    By the clock a session lasts a minute longer than `max_live_seconds`, which is as much sound as it may have.
    """
    try:
        async with _admitted(socket, engine, draining=draining), _within(engine.config.max_live_seconds):
            await talk()
    except RequestError as error:
        await _refuse(socket, error, refusal)
    except AsrError as error:
        await _refuse(socket, RequestError(400, str(error)), refusal)
    except WebSocketDisconnect:
        pass


async def _refuse(
    socket: WebSocket, error: RequestError, refusal: Callable[[RequestError], dict[str, Any]]
) -> None:
    try:
        await socket.send_json(refusal(error))
        await socket.close(_CLOSE_CODES.get(error.status, 1008), reason=(error.code or "refused")[:100])
    except (WebSocketDisconnect, RuntimeError):
        pass  # gone already


async def receive(
    socket: WebSocket, *, draining: asyncio.Event, seconds: float | None = None
) -> bytes | str | None:
    """The next message; None when the server shuts down.

    Raises:
        RequestError: 408, none came within so many seconds, where that is limited.
        WebSocketDisconnect: the client has gone.
    """
    coming = asyncio.ensure_future(socket.receive())
    drain = asyncio.ensure_future(draining.wait())
    try:
        await asyncio.wait({coming, drain}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if coming.done():
            message = coming.result()
        elif drain.done():
            return None
        else:
            raise RequestError(408, f"no message for {seconds:g} s", code="idle")
    finally:
        for task in (coming, drain):
            task.cancel()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    content: bytes | str = message["bytes"] if message.get("bytes") is not None else message["text"]
    return content


def json_object(text: str) -> dict[str, Any]:
    """A text message's JSON object, which can be sent back. Raises RequestError 400."""
    try:
        content = json.loads(text)
        if "\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()  # not where one is half of a surrogate pair
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise RequestError(400, "a text message that is no JSON object", code="broken_message")
    return content


def checked_rate(rate: object) -> int:
    """A sample rate in Hz. Raises RequestError 400."""
    if not isinstance(rate, int | float) or not 4000 <= rate <= 192000 or rate != int(rate):
        raise RequestError(
            400,
            f"sample_rate {rate!r}; expected a whole number from 4000 to 192000, in Hz",
            param="sample_rate",
        )
    return int(rate)


class LiveStream:
    """A client's sound, in pieces cut anywhere, on its way through a live session.

    Args:
        engine: has the network.
        rate: of the sound, in Hz.
        config: where segments end.
        decoder, verbatim: as of `Engine.transcribe`.
        encoding: of a sample.
        heard: seconds of sound that came before, in a stream that this one goes on from.
    """

    def __init__(
        self,
        engine: Engine,
        rate: int,
        config: LiveConfig | None = None,
        *,
        decoder: Decoder | None = None,
        encoding: Encoding = "pcm16",
        verbatim: bool = False,
        heard: float = 0.0,
    ) -> None:
        self.heard = heard
        self.half = b""  # the first byte of a sample whose second has not come yet
        self._engine = engine
        self._rate = rate
        self._encoding: Encoding = encoding
        wanted = engine.transcriber.sample_rate
        self._resampler = (
            None if rate == wanted else soxr.ResampleStream(rate, wanted, 1, dtype="float32", quality="HQ")
        )
        self._open = partial(engine.open_live, config, decoder=decoder, verbatim=verbatim)

    @cached_property
    def _session(self) -> LiveSession:
        """Opened by whoever wants it first, the worker: it may have to load the network that hears live sound."""
        return self._open()

    async def feed(self, data: bytes) -> list[LiveResult]:
        """Take in bytes; see `LiveSession.feed`. Raises RequestError 413: longer than a session may last."""
        samples = self._samples(data)
        seconds = len(samples) / self._rate
        self.heard += seconds
        most = self._engine.config.max_live_seconds
        if self.heard > most:
            raise RequestError(413, f"a session lasts {most:g} s at most", code="too_long")
        self._engine.metrics.audio_seconds.inc(seconds)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return await self._run(lambda session: session.feed(samples))

    async def flush(self) -> list[LiveResult]:
        """End the segment; see `LiveSession.flush`."""
        return await self._run(lambda session: session.flush())

    async def finish(self) -> list[LiveResult]:
        """What is left; nothing may be fed afterwards."""
        rest = np.empty(0, np.float32)
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(rest, last=True)
        return await self._run(lambda session: session.feed(rest) + session.finish())

    async def _run(self, step: Callable[[LiveSession], list[LiveResult]]) -> list[LiveResult]:
        return await self._engine.run(lambda: step(self._session))

    def _samples(self, data: bytes) -> np.ndarray:
        """Bytes -> `(N,)` float32."""
        if self._encoding != "pcm16":
            return _G711[self._encoding][np.frombuffer(data, np.uint8)]
        data = self.half + data
        whole = len(data) - len(data) % 2
        data, self.half = data[:whole], data[whole:]
        return np.frombuffer(data, "<i2").astype(np.float32) * np.float32(1 / 32768)


def _ulaw() -> np.ndarray:
    """ITU-T G.711, table 2a/2b: what each byte of mu-law stands for, `(256,)` float32 in [-1, 1]."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    magnitude = ((2 * mantissa + 33) << exponent) - 33  # of 14 bits
    return (np.where(code & 128, -magnitude, magnitude) / 8192).astype(np.float32)


def _alaw() -> np.ndarray:
    """ITU-T G.711, table 1a/1b: what each byte of A-law stands for, `(256,)` float32 in [-1, 1]."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = np.where(exponent > 0, (2 * mantissa + 33) << np.maximum(exponent - 1, 0), 2 * mantissa + 1)
    return (np.where(code & 128, magnitude, -magnitude) / 4096).astype(np.float32)


_G711 = {"g711_ulaw": _ulaw(), "g711_alaw": _alaw()}
