"""OpenAI's realtime transcription sessions, with OpenAI's client, against a real server."""

import asyncio
import base64
import io
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import openai
import pytest
import soundfile
import soxr
from clients import Server, babble
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.sync.client import ClientConnection, connect

from asr.serving.errors import RequestError
from asr.serving.live_stream import LiveStream
from asr.serving.realtime_settings import RealtimeSettings, update_settings
from asr.transcription.live import open_session
from asr.transcription.transcriber import Transcriber

TOKEN = "a-long-secret"
PIECE = 9601  # bytes, an odd number of them
ITEM = "conversation.item.input_audio_transcription"
Event = dict[str, Any]


def address(server: Server) -> str:
    return server.url.replace("http", "ws") + "/v1/realtime?intent=transcription"


def pcm(samples: np.ndarray, *, rate: int = 24000) -> bytes:
    sound = soxr.resample(samples, 16000, rate)
    return (32767 * np.clip(sound, -1, 1)).astype("<i2").tobytes()


def two_turns() -> np.ndarray:
    samples = babble(7, seconds=8)
    samples[3 * 16000 : 5 * 16000] = 0
    samples[7 * 16000 :] = 0
    return samples


def append(live: ClientConnection, sound: bytes, *, pieces: int = 4800) -> None:
    for at in range(0, len(sound), pieces):
        audio = base64.b64encode(sound[at : at + pieces]).decode()
        live.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))


def receive(live: ClientConnection, until: str) -> list[Event]:
    """Events up to the first of a kind."""
    events: list[Event] = []
    while not events or events[-1]["type"] != until:
        events.append(json.loads(live.recv(timeout=60)))
        assert events[-1]["event_id"]
        assert until == "error" or events[-1]["type"] != "error", events[-1]
    return events


def manual(live: ClientConnection, **given: Any) -> Event:
    """Begin a session whose turns the client ends."""
    receive(live, "session.created")
    session = {"type": "transcription", "audio": {"input": {"turn_detection": None, **given}}}
    live.send(json.dumps({"type": "session.update", "session": session}))
    return receive(live, "session.updated")[-1]


def commit(live: ClientConnection) -> list[Event]:
    live.send(json.dumps({"type": "input_audio_buffer.commit"}))
    return receive(live, f"{ITEM}.completed")


def check_items(events: list[Event]) -> list[str]:
    """The transcripts of the items; each has its events in order, its deltas make up its transcript, and one follows another."""
    items: dict[str, list[Event]] = {}
    for event in events:
        if "item_id" in event:
            items.setdefault(event["item_id"], []).append(event)
    before, transcripts = None, []
    for of_item in items.values():
        if of_item[-1]["type"] != f"{ITEM}.completed":
            continue
        kinds = [event["type"] for event in of_item if not event["type"].endswith(".delta")]
        assert kinds in (
            ["input_audio_buffer.committed", f"{ITEM}.completed"],
            [
                "input_audio_buffer.speech_started",
                "input_audio_buffer.speech_stopped",
                "input_audio_buffer.committed",
                f"{ITEM}.completed",
            ],
        )
        [committed] = [event for event in of_item if event["type"].endswith("committed")]
        assert committed["previous_item_id"] == before
        before = committed["item_id"]
        transcripts.append(of_item[-1]["transcript"])
        deltas = [event["delta"] for event in of_item if event["type"].endswith(".delta")]
        assert all(deltas)
        assert "".join(deltas) == transcripts[-1]
    return transcripts


async def with_openai(server: Server, session: Any, sound: bytes, *, until: int) -> tuple[list[Any], Any]:
    """What OpenAI's client hears of a sound: its events up to so many transcripts, and the session as it was updated."""
    client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="anything")
    events: list[Any] = []
    updated = None
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        await connection.session.update(session=session)
        for at in range(0, len(sound), PIECE):
            await connection.input_audio_buffer.append(
                audio=base64.b64encode(sound[at : at + PIECE]).decode()
            )
        async for event in connection:
            assert event.type != "error", event
            if event.type == "session.updated":
                updated = event.session
            events.append(event)
            if sum(event.type == f"{ITEM}.completed" for event in events) == until:
                return events, updated
    raise AssertionError("the connection ended early")


def test_openais_client_hears_each_turn(server: Server, babbling: Transcriber) -> None:
    session = {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 800},
            }
        },
    }
    sound = pcm(two_turns())
    stream = soxr.ResampleStream(24000, 16000, 1, dtype="float32", quality="HQ")
    heard = open_session(babbling)
    exact = np.frombuffer(sound, "<i2").astype(np.float32) / 32768
    cuts = [at // 2 for at in range(0, len(sound), PIECE)] + [len(exact)]
    results = [
        result
        for begin, end in pairwise(cuts)
        for result in heard.feed(stream.resample_chunk(exact[begin:end]))
    ]
    turns = [result for result in results if result.kind == "final"]
    assert len(turns) >= 2

    events, updated = asyncio.run(with_openai(server, session, sound, until=len(turns)))
    assert events[0].type == "session.created"
    assert updated.audio.input.turn_detection.silence_duration_ms == 800
    assert updated.audio.input.format.rate == 24000
    assert check_items([event.to_dict() for event in events]) == [turn.text for turn in turns]
    starts: dict[int, float] = {}  # as they look with a segment's first word
    for result in results:
        starts.setdefault(result.segment, result.start)
    assert [
        event.audio_start_ms for event in events if event.type == "input_audio_buffer.speech_started"
    ] == [round(1000 * starts[turn.segment]) for turn in turns]
    assert [event.audio_end_ms for event in events if event.type == "input_audio_buffer.speech_stopped"] == [
        round(1000 * turn.end) for turn in turns
    ]


def test_a_commit_ends_a_turn_and_the_text_is_that_of_the_sound(
    server: Server, babbling: Transcriber
) -> None:
    sounds = [(32767 * babble(number, seconds=2)).astype("<i2") for number in (3, 4)]
    with connect(address(server)) as live:
        updated = manual(live, format={"type": "audio/pcm", "rate": 16000})
        assert updated["session"]["audio"]["input"]["turn_detection"] is None
        events: list[Event] = []
        for sound in sounds:
            append(live, sound.tobytes(), pieces=3333)
            events += commit(live)
    assert not [event for event in events if "speech" in event["type"]]
    expected = []
    for sound in sounds:
        session = open_session(babbling, RealtimeSettings(silence_ms=None).live)
        results = [*session.feed(sound.astype(np.float32) / 32768), *session.finish()]
        expected.append(" ".join(result.text for result in results if result.kind == "final"))
    assert check_items(events) == expected
    assert all(expected)
    assert [event["usage"] for event in events if event["type"].endswith("completed")] == [
        {"type": "duration", "seconds": 2.0}
    ] * 2


def test_a_commit_ends_a_turn_that_a_pause_has_not_ended(server: Server) -> None:
    with connect(address(server)) as live:
        receive(live, "session.created")
        append(live, pcm(babble(7, seconds=2)))
        events = commit(live)
        assert "input_audio_buffer.speech_stopped" in [event["type"] for event in events]
        append(live, pcm(np.zeros(16000, np.float32)))
        events += commit(live)
    transcripts = check_items(events)
    assert transcripts[0]
    assert transcripts[-1] == ""


def test_what_is_cleared_is_not_heard(server: Server) -> None:
    with connect(address(server)) as live:
        manual(live)
        append(live, pcm(babble(7, seconds=2)))
        live.send(json.dumps({"type": "input_audio_buffer.clear"}))
        receive(live, "input_audio_buffer.cleared")
        live.send(json.dumps({"type": "input_audio_buffer.commit"}))
        error = receive(live, "error")[-1]["error"]
        assert error["code"] == "input_audio_buffer_commit_empty"
        append(live, pcm(np.zeros(16000, np.float32)))
        assert commit(live)[-1]["transcript"] == ""


@pytest.mark.parametrize(("kind", "subtype"), [("g711_ulaw", "ULAW"), ("g711_alaw", "ALAW")])
def test_a_telephones_sound_is_heard_in_the_flat_shape_too(server: Server, kind: str, subtype: str) -> None:
    coded = io.BytesIO()
    telephone = soxr.resample(babble(7, seconds=2), 16000, 8000)
    soundfile.write(coded, telephone, 8000, format="RAW", subtype=subtype)
    decoded, _ = soundfile.read(
        io.BytesIO(coded.getvalue()), samplerate=8000, channels=1, format="RAW", subtype=subtype
    )
    texts = []
    with connect(address(server)) as live:
        receive(live, "session.created")
        session = {"input_audio_format": kind, "turn_detection": None}
        live.send(json.dumps({"type": "transcription_session.update", "session": session}))
        updated = receive(live, "transcription_session.updated")[-1]["session"]
        assert (updated["input_audio_format"], updated["turn_detection"]) == (kind, None)
        append(live, coded.getvalue(), pieces=801)
        texts.append(commit(live)[-1]["transcript"])
    with connect(address(server)) as live:
        manual(live, format={"type": "audio/pcm", "rate": 8000})
        append(live, (32768 * decoded).astype("<i2").tobytes(), pieces=1602)
        texts.append(commit(live)[-1]["transcript"])
    assert texts[0] == texts[1]
    assert texts[0]


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW"])
def test_g711_is_decoded_as_libsndfile_does(subtype: str, babbling: Transcriber) -> None:
    class Quiet:
        transcriber = babbling

        def open_live(self, config: object, *, decoder: object, verbatim: bool) -> None: ...

    every = bytes(range(256))
    stream = LiveStream(Quiet(), 8000, encoding=f"g711_{subtype.lower()}")  # type: ignore[arg-type]
    exact, _ = soundfile.read(
        io.BytesIO(every), samplerate=8000, channels=1, format="RAW", subtype=subtype, dtype="float32"
    )
    np.testing.assert_array_equal(stream._samples(every), exact)


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({"type": "response.create"}, "type"),
        ({"type": "input_audio_buffer.append", "audio": "no base64!"}, "audio"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "session.type"),
        ({"type": "session.update"}, "session"),
    ],
)
def test_an_error_names_the_event_and_ends_nothing(server: Server, event: Event, param: str) -> None:
    with connect(address(server)) as live:
        receive(live, "session.created")
        live.send(json.dumps(event | {"event_id": "mine"}))
        error = receive(live, "error")[-1]["error"]
        assert error["message"]
        assert (error["param"], error["event_id"]) == (param, "mine")
        halves = [json.dumps({"type": "\ud800"}), json.dumps(event | {"event_id": "\udfff"})]
        for message in (b"\0\0", "[]", *halves):
            live.send(message)
            assert receive(live, "error")[-1]["error"]["message"]
        append(live, pcm(babble(7, seconds=2)))
        assert commit(live)[-1]["transcript"]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"format": {"type": "audio/opus"}}, "format.type"),
        ({"format": {"type": "audio/pcm", "rate": 1}}, "sample_rate"),
        ({"format": "pcm16"}, "format"),
        ({"transcription": None}, "transcription"),
        ({"turn_detection": {"type": "semantic_vad"}}, "turn_detection.type"),
        ({"turn_detection": {"silence_duration_ms": 0}}, "turn_detection.silence_duration_ms"),
        ({"turn_detection": {"silence_duration_ms": 20000}}, "turn_detection.silence_duration_ms"),
        ({"turn_detection": {"silence_duration_ms": 10**400}}, "turn_detection.silence_duration_ms"),
        ({"turn_detection": {"silence_duration_ms": "500"}}, "turn_detection.silence_duration_ms"),
    ],
)
def test_settings_that_nobody_can_do_are_refused(given: Event, param: str) -> None:
    with pytest.raises(RequestError) as refused:
        update_settings(RealtimeSettings(), {"audio": {"input": given}}, model="m", is_flat=False)
    assert (refused.value.status, refused.value.param) == (400, param)


def test_an_update_changes_what_it_names_and_says_what_it_leaves_out() -> None:
    given = {
        "turn_detection": {"type": "server_vad", "threshold": 0.4, "silence_duration_ms": 700},
        "transcription": {"model": "whisper-1", "prompt": "tea", "language": "en"},
        "noise_reduction": {"type": "near_field"},
    }
    before = RealtimeSettings("g711_alaw", 8000, None)
    update = update_settings(before, {"audio": {"input": given}, "include": []}, model="m", is_flat=False)
    assert update.settings == RealtimeSettings("g711_alaw", 8000, 700, {"prompt": "tea"})
    transcription = update.settings.record(session="s", model="m", is_flat=False)["audio"]["input"][
        "transcription"
    ]
    assert transcription == {"model": "m", "prompt": "tea"}
    assert update.settings.live.pause == 0.7
    for name in ("threshold", "transcription.model", "transcription.language", "noise_reduction", "include"):
        assert any(name in notice for notice in update.notices)
    back = update_settings(update.settings, {"input_audio_format": "pcm16"}, model="m", is_flat=True)
    assert back == (RealtimeSettings("pcm16", 24000, 700, {"prompt": "tea"}), ())
    asked = {"input_audio_transcription": {"prompt": "", "hot_words": "cab=40"}}
    other = update_settings(back.settings, asked, model="m", is_flat=True).settings
    assert other.words == {"hot_words": "cab=40"}


def test_a_session_has_its_own_words(server: Server, babbling: Transcriber) -> None:
    sound = pcm(babble(4, seconds=3))
    texts = {}
    for words in ({}, {"hot_words": "cab=40"}, {"phrases": "A B,CAB"}, {"prompt": "so says CAB"}):
        with connect(address(server)) as live:
            session = manual(live, transcription=words)
            assert session["session"]["audio"]["input"]["transcription"] == {"model": "babbler", **words}
            append(live, sound)
            texts[next(iter(words), "")] = commit(live)[-1]["transcript"].split()
            # A list that cannot be is refused, and what holds stays.
            wrong = {"audio": {"input": {"transcription": {"hot_words": "cab=much", "phrases": ""}}}}
            live.send(json.dumps({"type": "session.update", "session": wrong}))
            assert receive(live, "error")[-1]["error"]["param"] == "hot_words"
            append(live, sound)
            assert commit(live)[-1]["transcript"].split() == texts[next(iter(words), "")]
    assert "CAB" not in texts[""]
    assert "CAB" in texts["hot_words"]
    assert set(texts["phrases"]) <= {"A", "B", "CAB"}
    assert texts["prompt"] != texts[""]


def test_a_key_is_asked_for_in_a_header_or_as_browsers_send_it(start: Callable[..., TestClient]) -> None:
    client = start(token=TOKEN)
    with client.websocket_connect("/v1/realtime") as live:
        refused = live.receive_json()
        assert (refused["type"], refused["error"]["code"]) == ("error", "missing_token")
        with pytest.raises(WebSocketDisconnect):
            live.receive_json()
    for asked in (
        {"headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"subprotocols": ["realtime", f"openai-insecure-api-key.{TOKEN}"]},
    ):
        with client.websocket_connect("/v1/realtime", **asked) as live:
            assert live.receive_json()["type"] == "session.created"
