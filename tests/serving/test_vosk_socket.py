"""The protocol of Vosk's server, against a real server."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import websockets
from clients import Server, babble, receive_all
from fastapi.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.sync.client import connect

from asr.decoding.hypothesis import Word
from asr.decoding.options import DecodingOptions
from asr.serving.vosk_socket import _Vosk
from asr.transcription.live import LiveResult, open_session
from asr.transcription.transcriber import Transcriber

TOKEN = "a-long-secret"
Answer = dict[str, Any]


def address(server: Server, path: str = "/vosk") -> str:
    return server.url.replace("http", "ws") + path


def sound_with_pauses() -> np.ndarray:
    """`(N,)` int16 at 16 kHz."""
    samples = babble(7, seconds=8)
    samples[3 * 16000 : 5 * 16000] = 0
    return (32767 * samples).astype("<i2")


async def as_vosks_client(uri: str, samples: np.ndarray, *, config: str | None, piece: int) -> list[Answer]:
    """What the clients of vosk-server do: the config, pieces of sound each of whose answers is awaited, and the end, spelled as they spell it."""
    answers = []
    async with websockets.connect(uri) as websocket:
        if config is not None:
            await websocket.send(config)
        sound = samples.tobytes()
        for at in range(0, len(sound), piece):
            await websocket.send(sound[at : at + piece])
            answers.append(json.loads(await websocket.recv()))
        await websocket.send('{"eof" : 1}')
        answers.append(json.loads(await websocket.recv()))
        with pytest.raises(websockets.exceptions.ConnectionClosedOK):
            await websocket.recv()
    return answers


def expected(transcriber: Transcriber, samples: np.ndarray, *, piece: int) -> list[Answer]:
    """The answers by the definition of the protocol, from a live session that hears the same pieces."""
    session = open_session(Transcriber(transcriber.emitter, transcriber.decoder))
    exact, partial, answers = samples.astype(np.float32) / 32768, "", []
    cuts = [*range(0, 2 * len(exact), piece), 2 * len(exact)]
    for begin, end in pairwise(cuts):
        results = session.feed(exact[begin // 2 : end // 2])
        finals = [result for result in results if result.kind == "final"]
        for result in results:
            partial = result.text if result.kind == "partial" else ""
        answers.append(finals or partial)
    answers.append([result for result in session.finish() if result.kind == "final"])
    return [{"partial": answer} if isinstance(answer, str) else final(answer) for answer in answers]


def final(results: list[LiveResult]) -> Answer:
    """What segments say that have ended; without `result` where nobody spoke."""
    words = [
        {"conf": word.confidence, "end": word.end, "start": word.start, "word": word.text}
        for result in results
        for word in result.words
    ]
    text = {"text": " ".join(result.text for result in results)}
    return {"result": words, **text} if words else text


@pytest.mark.parametrize("path", ["/vosk", "/"])
@pytest.mark.parametrize("piece", [6400, 6401])  # 0.2 s, and cut within a sample
def test_each_piece_has_its_answer(server: Server, babbling: Transcriber, path: str, piece: int) -> None:
    samples = sound_with_pauses()
    config = '{ "config" : { "sample_rate" : 16000 } }'
    answers = asyncio.run(as_vosks_client(address(server, path), samples, config=config, piece=piece))
    assert answers == expected(babbling, samples, piece=piece)
    assert sum("text" in answer for answer in answers) >= 2
    assert any(answer.get("partial") for answer in answers)


def test_phrases_alone_are_heard_where_they_are_given(server: Server, babbling: Transcriber) -> None:
    samples = sound_with_pauses()
    config = json.dumps({"config": {"sample_rate": 16000, "phrase_list": ["A B", "CAB", "[unk]"]}})
    answers = asyncio.run(as_vosks_client(address(server), samples, config=config, piece=6400))
    closed = babbling.with_options(DecodingOptions("beam", phrases=("A B", "CAB")))
    assert answers == expected(closed, samples, piece=6400)
    assert answers != expected(babbling, samples, piece=6400)


def test_without_words_there_is_the_text_alone(server: Server) -> None:
    samples = sound_with_pauses()
    texts = []
    for words in (0, 1):
        config = json.dumps({"config": {"sample_rate": 16000.0, "words": words}})
        answers = asyncio.run(as_vosks_client(address(server), samples, config=config, piece=8000))
        texts.append([answer["text"] for answer in answers if "text" in answer])
        assert any("result" in answer for answer in answers) == bool(words)
    assert texts[0] == texts[1]


def test_the_rate_is_that_of_vosks_server_where_none_is_given(server: Server) -> None:
    samples = (32767 * babble(7, seconds=4)).astype("<i2")
    answers = [
        asyncio.run(as_vosks_client(address(server), samples, config=config, piece=3200))
        for config in (None, '{"config": {"sample_rate": 8000}}', '{"config": {"sample_rate": 16000}}')
    ]
    assert answers[0] == answers[1] != answers[2]


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        (['{"config": {"phrase_list": "one two"}}'], "phrase_list"),
        (['{"config": {"max_alternatives": 3}}'], "max_alternatives"),
        (['{"config": {"sample_rate": "fast"}}'], "sample_rate"),
        (['{"config": 8000}'], "config: expected an object"),
        (["hello"], "no JSON object"),
        ([b"\0\0", '{"config": {"sample_rate": 8000}}'], "comes first"),
        (['{"reset": 1}'], "neither sound"),
    ],
)
def test_what_is_not_understood_is_said(server: Server, messages: list[Any], complaint: str) -> None:
    with connect(address(server)) as live:
        for message in messages:
            live.send(message)
        answers, code = receive_all(live)
    assert complaint in answers[-1]["error"]
    assert code == 1008


def test_the_token_comes_in_the_config_or_the_header(start: Callable[..., TestClient]) -> None:
    client = start(token=TOKEN)
    for config in ({}, {"token": "wrong"}):
        with client.websocket_connect("/vosk") as live:
            live.send_json({"config": config})
            live.send_bytes(b"\0\0")
            assert "token" in live.receive_json()["error"]
            with pytest.raises(WebSocketDisconnect):
                live.receive_json()
    for config, headers in (({"token": TOKEN}, {}), ({}, {"Authorization": f"Bearer {TOKEN}"})):
        with client.websocket_connect("/vosk", headers=headers) as live:
            live.send_json({"config": config})
            live.send_bytes(b"\0\0")
            assert live.receive_json() == {"partial": ""}


async def nobody(*_: object) -> None:
    """Neither receives nor sends."""


def test_what_was_partial_is_forgotten_with_its_segment() -> None:
    session = _Vosk(WebSocket({"type": "websocket", "headers": []}, nobody, nobody), None, asyncio.Event())  # type: ignore[arg-type]
    words = (Word("AB", 0.1, 0.4, 0.9),)
    partial = LiveResult("partial", 0, "AB", words, 0, 0.1, 0.4)
    ended = replace(partial, kind="final", settled=1)
    assert session._answer([]) == {"partial": ""}
    assert session._answer([partial]) == {"partial": "AB"}
    assert session._answer([]) == {"partial": "AB"}
    assert session._answer([partial, ended])["text"] == "AB"
    assert session._answer([]) == {"partial": ""}
