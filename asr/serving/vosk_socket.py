"""WebSocket /vosk, and /: the protocol of Vosk's server, for its clients.

https://github.com/alphacep/vosk-server/tree/master/websocket

The client may begin with `{"config": {"sample_rate": 16000, "words": 1}}`; the rate is 8000 Hz otherwise, as of Vosk's server. It sends binary
messages, 16-bit little-endian PCM of one channel, and each is answered: with `{"partial": "..."}`, or where a segment has ended
with it by `{"result": [{"conf", "start", "end", "word"}, ...], "text": "..."}`, without `result` where `words` is 0. `{"eof": 1}` is answered with what is
left, and the connection closes. Words are as they are recognised, without marks, as Vosk's are. `phrase_list` in the config names phrases that alone may be said;
something else, `[unk]` there, is left out.

What Vosk's server leaves open: an error is `{"error": "..."}` and a close; `token` in the config stands for the Authorization header.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.websockets import WebSocket

from asr.serving.engine import Engine
from asr.serving.errors import RequestError
from asr.serving.live_stream import LiveStream, checked_rate, converse, json_object, receive
from asr.serving.request_words import RequestWords, read_words
from asr.serving.security import bearer_token, check_token
from asr.transcription.live import LiveResult

_RATE = 8000  # Hz, where the client says nothing


async def serve_vosk(socket: WebSocket, engine: Engine, *, draining: asyncio.Event) -> None:
    """Serve one session to its end."""
    await socket.accept()
    session = _Vosk(socket, engine, draining)
    await converse(session.run, socket, engine, draining=draining, refusal=_refusal)


def _refusal(error: RequestError) -> dict[str, Any]:
    return {"error": error.message}


class _Vosk:
    """One session's conversation."""

    def __init__(self, socket: WebSocket, engine: Engine, draining: asyncio.Event) -> None:
        self._socket = socket
        self._engine = engine
        self._draining = draining
        self._rate = _RATE
        self._has_words = True
        self._token = bearer_token(socket)
        self._partial = ""
        self._words = RequestWords()

    async def run(self) -> None:
        """Raises RequestError, AudioError and WebSocketDisconnect."""
        message = await self._receive()
        while isinstance(message, dict) and "config" in message:
            self._configure(message["config"])
            message = await self._receive()
        check_token(self._token, self._engine.config)
        decoder, _ = await self._engine.decoder_for(self._words)
        stream = LiveStream(self._engine, self._rate, decoder=decoder, verbatim=True)
        while isinstance(message, bytes):
            await self._socket.send_json(self._answer(await stream.feed(message)))
            message = await self._receive()
        if message is not None and not message.get("eof"):
            raise RequestError(
                400, 'a message with neither sound nor {"eof": 1}; {"config": ...} comes first'
            )
        await self._socket.send_json(self._final(await stream.finish()))
        if message is None:
            await self._socket.close(1012, reason="the server is shutting down")
        else:
            await self._socket.close(1000)

    async def _receive(self) -> bytes | dict[str, Any] | None:
        """The next message; None when the server shuts down."""
        idle = self._engine.config.idle_seconds
        message = await receive(self._socket, draining=self._draining, seconds=idle)
        return json_object(message) if isinstance(message, str) else message

    def _configure(self, config: object) -> None:
        """Take in a config; keys that Vosk's server does not know either change nothing. Raises RequestError."""
        if not isinstance(config, dict):
            raise RequestError(400, "config: expected an object", param="config")
        if phrases := config.get("phrase_list"):
            if not isinstance(phrases, list) or not all(isinstance(phrase, str) for phrase in phrases):
                raise RequestError(400, "phrase_list: expected a list of texts", param="phrase_list")
            self._words = read_words({"phrases": phrases})
        if config.get("max_alternatives"):
            raise RequestError(
                400, "max_alternatives: live speech has one text; leave it out", param="max_alternatives"
            )
        self._rate = checked_rate(config.get("sample_rate", self._rate))
        self._has_words = bool(config.get("words", self._has_words))
        if isinstance(token := config.get("token"), str):
            self._token = token

    def _answer(self, results: Sequence[LiveResult]) -> dict[str, Any]:
        """The one message that a piece of sound is answered with."""
        if results:
            self._partial = results[-1].text if results[-1].kind == "partial" else ""
        ended = any(result.kind == "final" for result in results)
        return self._final(results) if ended else {"partial": self._partial}

    def _final(self, results: Sequence[LiveResult]) -> dict[str, Any]:
        """What segments say that have ended."""
        finals = [result for result in results if result.kind == "final"]
        text = {"text": " ".join(result.text for result in finals)}
        words = [
            {"conf": word.confidence, "end": word.end, "start": word.start, "word": word.text}
            for result in finals
            for word in result.words
        ]
        return {"result": words, **text} if words and self._has_words else text
