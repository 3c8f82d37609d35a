"""Live speech over a WebSocket, against a real server."""

import json
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import soxr
from clients import Server, babble, eventually, receive_all
from websockets.sync.client import connect

from asr.transcription.live import open_session
from asr.transcription.transcriber import Transcriber


def pcm(samples: np.ndarray) -> bytes:
    return (32767 * samples).astype("<i2").tobytes()


def finals(messages: list[dict[str, Any]]) -> str:
    return " ".join(message["text"] for message in messages if message["type"] == "final")


def test_partials_come_while_the_client_speaks(server: Server, babbling: Transcriber) -> None:
    samples = babble(7, seconds=8)
    samples[5 * 16000 : 7 * 16000] = 0
    heard = []
    with connect(server.live) as live:
        live.send(json.dumps({"type": "start", "sample_rate": 16000}))
        assert json.loads(live.recv(timeout=60))["type"] == "ready"
        for start in range(0, len(samples), 8000):
            live.send(pcm(samples[start : start + 8000]))
            if start == 2 * 16000:
                heard.append(json.loads(live.recv(timeout=60)))
                assert heard[0]["type"] == "partial"
        live.send(json.dumps({"type": "finish"}))
        rest, code = receive_all(live)
    messages = heard + rest
    assert code == 1000
    assert messages[-1] == {"type": "done", "duration": 8.0}
    session = open_session(babbling)
    exact = np.frombuffer(pcm(samples), "<i2").astype(np.float32) / 32768
    results = [
        result for at in range(0, len(exact), 8000) for result in session.feed(exact[at : at + 8000])
    ] + session.finish()
    assert finals(messages) == " ".join(result.text for result in results if result.kind == "final")
    assert finals(messages)


def test_a_flush_makes_final_what_was_said_and_the_session_goes_on(server: Server) -> None:
    with connect(server.live) as live:
        live.send(json.dumps({"type": "start", "sample_rate": 16000, "pause": 5}))
        live.send(pcm(babble(7, seconds=2)))
        live.send(json.dumps({"type": "flush"}))
        before = []
        while not before or before[-1]["type"] != "flushed":
            before.append(json.loads(live.recv(timeout=60)))
        assert finals(before)
        live.send(pcm(babble(8, seconds=2)))
        live.send(json.dumps({"type": "finish"}))
        after, code = receive_all(live)
    assert code == 1000
    assert finals(after)
    segments = [message["segment"] for message in before + after if message["type"] == "final"]
    assert segments == list(range(len(segments)))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [({"pause": 0}, "pause 0 s"), ({"pause": "long"}, "pause 'long'"), ({"text": "pretty"}, "text 'pretty'")],
)
def test_settings_that_cannot_be_are_refused(server: Server, given: dict[str, Any], complaint: str) -> None:
    with connect(server.live) as live:
        live.send(json.dumps({"type": "start", **given}))
        [message], code = receive_all(live)
    assert complaint in message["error"]["message"]
    assert message["error"]["param"] == next(iter(given))
    assert code == 1008


def test_other_rates_are_resampled(server: Server) -> None:
    samples = babble(8, seconds=3)
    texts = []
    for rate in (16000, 48000):
        with connect(server.live) as live:
            live.send(json.dumps({"type": "start", "sample_rate": rate}))
            live.send(pcm(np.clip(soxr.resample(samples, 16000, rate), -1, 1)))
            live.send(json.dumps({"type": "finish"}))
            messages, _ = receive_all(live)
            texts.append(finals(messages))
            assert messages[-1]["duration"] == pytest.approx(3.0, abs=0.01)
    # Resampling twice changes the sound a little; what is said is much the same.
    assert abs(len(texts[0]) - len(texts[1])) <= max(3, len(texts[0]) // 2)
    assert texts[1]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no JSON", 1008),
        ("[1, 2]", 1008),
        ('{"type": "dance"}', 1008),
        ('{"type": "start", "sample_rate": "fast"}', 1008),
        ('{"type": "start", "sample_rate": 1}', 1008),
        ('{"type": "start", "sample_rate": true}', 1008),
        ('{"type": "start", "sample_rate": NaN}', 1008),
        ('{"type": "start", "sample_rate": 16000.5}', 1008),
        ('{"type": "start", "token": 7}', 1008),
        ('{"type": "start", "\\ud800": 1}', 1008),
        ("[" * 100_000, 1008),
    ],
)
def test_bad_messages_are_answered_with_an_error(server: Server, message: str | bytes, code: int) -> None:
    with connect(server.live) as live:
        live.send(message)
        messages, closed = receive_all(live)
    assert messages[-1]["type"] == "error"
    assert messages[-1]["error"]["message"]
    assert closed == code


def test_pieces_may_be_cut_within_a_sample(server: Server) -> None:
    sound = pcm(babble(3, seconds=2.0))
    generator = np.random.default_rng(0)
    cuts = [0, *sorted(generator.choice(len(sound), 40, replace=False).tolist()), len(sound)]
    assert any(cut % 2 for cut in cuts)
    pieces = [sound[begin:end] for begin, end in pairwise(cuts)]
    answers = []
    for sent in ([sound], pieces, [*pieces, b"x"]):
        with connect(server.live) as live:
            for piece in sent:
                live.send(piece)
            live.send(json.dumps({"type": "finish"}))
            messages, code = receive_all(live)
        assert code == 1000
        answers.append((finals(messages), messages[-1]))
    assert answers[0] == answers[1]
    assert answers[0][0]
    assert answers[2][0] == answers[0][0]
    assert answers[2][1].pop("notices") == ["the sound ended within a sample: its one byte is left out"]
    assert answers[2][1] == answers[0][1]


def test_keys_that_are_not_known_are_named(server: Server) -> None:
    with connect(server.live) as live:
        live.send(json.dumps({"type": "start", "language": "de"}))
        ready = json.loads(live.recv(timeout=60))
    assert (ready["type"], ready["notices"]) == ("ready", ["language is ignored"])


def test_a_message_beyond_a_megabyte_ends_the_session(server: Server) -> None:
    with connect(server.live) as live:
        live.send(bytes(1024 * 1024 + 2))
        _, code = receive_all(live)
    assert code == 1009


def test_a_silent_client_is_cut_off(server: Server) -> None:
    with connect(server.live) as live:
        messages, code = receive_all(live)
    assert messages[-1]["error"]["code"] == "idle"
    assert code == 1008


def test_sessions_beyond_the_limit_are_told_to_come_back(server: Server) -> None:
    with ExitStack() as sessions:
        for _ in range(3):
            session = sessions.enter_context(connect(server.live))
            session.send(b"")
            assert json.loads(session.recv(timeout=60))["type"] == "ready"
        with connect(server.live) as live:
            messages, code = receive_all(live)
    assert messages[0]["error"]["code"] == "busy"
    assert code == 1013

    def is_free() -> bool:
        with connect(server.live) as live:
            live.send(b"")
            return bool(json.loads(live.recv(timeout=60))["type"] == "ready")

    assert eventually(is_free)


def test_pages_of_other_origins_are_refused(server: Server) -> None:
    with connect(server.live, origin="https://evil.example") as live:  # type: ignore[arg-type]
        messages, code = receive_all(live)
    assert "evil.example" in messages[0]["error"]["message"]
    assert code == 1008


def test_nothing_said_is_no_result(server: Server) -> None:
    with connect(server.live) as live:
        live.send(pcm(np.zeros(3 * 16000)))
        live.send(json.dumps({"type": "finish"}))
        messages, _ = receive_all(live)
    assert [message["type"] for message in messages] == ["ready", "done"]
