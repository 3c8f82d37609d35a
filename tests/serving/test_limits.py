"""Access and limits, with the application in this process."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.websockets import WebSocketDisconnect

from asr.decoding.emission import Emission
from asr.errors import ConfigError
from asr.serving.app import create_app
from asr.serving.config import JobsConfig, ServingConfig
from asr.serving.errors import RequestError
from asr.serving.form_fields import FIELDS
from asr.serving.uploads import UploadLimits, read_upload
from asr.transcription.emitter import Emitter
from asr.transcription.transcriber import Transcriber

Start = Callable[..., TestClient]
TOKEN = "a-long-secret"


def send(client: TestClient, path: Path, **options: Any) -> Any:
    return client.post("/v1/audio/transcriptions", files={"file": path.read_bytes()}, **options)


def test_the_token_is_asked_for(start: Start, speech: Callable[..., Path]) -> None:
    client = start(token=TOKEN)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
        answer = send(client, speech(1), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["type"] == "authentication_error"
    assert send(client, speech(1), headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/metrics").status_code == client.get("/v1/models").status_code == 401
    assert client.get("/healthz").status_code == client.get("/").status_code == 200


def test_a_live_session_asks_for_the_token(start: Start) -> None:
    client = start(token=TOKEN)
    for message in ({"type": "start"}, {"type": "start", "token": "wrong"}):
        with client.websocket_connect("/v1/live") as live:
            live.send_json(message)
            assert live.receive_json()["error"]["code"] in ("missing_token", "invalid_token")
            with pytest.raises(WebSocketDisconnect):
                live.receive_json()
    with client.websocket_connect("/v1/live") as live:
        live.send_json({"type": "start", "token": TOKEN})
        assert live.receive_json()["type"] == "ready"
    with client.websocket_connect("/v1/live", headers={"Authorization": f"Bearer {TOKEN}"}) as live:
        live.send_bytes(b"")
        assert live.receive_json()["type"] == "ready"


@pytest.mark.parametrize(
    ("config", "right", "wrong"),
    [
        ({}, ["localhost", "LOCALHOST:8134", "127.0.0.1", "[::1]:80", "localhost."], ["evil.com:8134", "10.0.0.1", ""]),
        ({"host": "asr.lan"}, ["asr.lan:8000", "localhost"], ["evil.com", "asr.lan.evil.com"]),
        ({"host": "0.0.0.0"}, ["10.0.0.1:8000", "[fd00::1]:8000", socket.gethostname()], ["evil.com", "10.0.0.1.evil.com"]),
        ({"allowed_hosts": ("ASR.example.org",)}, ["asr.example.org:443", "localhost"], ["example.org", "testserver"]),
        ({"token": TOKEN}, ["localhost"], ["evil.com"]),
    ],
)  # fmt: skip
def test_only_names_of_this_server_are_served(
    start: Start, speech: Callable[..., Path], config: dict[str, Any], right: list[str], wrong: list[str]
) -> None:
    client = start(**{"allowed_hosts": ()} | config)
    token = {"Authorization": f"Bearer {TOKEN}"}
    for host in right:
        assert client.get("/v1/models", headers={"Host": host} | token).status_code == 200, host
        with client.websocket_connect("/v1/live", headers={"host": host} | token) as live:
            live.send_bytes(b"")
            assert live.receive_json()["type"] == "ready", host
    for host in wrong:
        # A page that has its own name point here: Origin and Host agree.
        headers = {"Host": host, "Origin": f"http://{host}"} | token
        for path in ("/", "/healthz", "/v1/models", "/openapi.json"):
            assert client.get(path, headers=headers).status_code == 421, host
        answer = send(client, speech(1), headers=headers)
        assert answer.status_code == 421
        assert answer.json()["error"]["code"] == "unknown_host"
        assert "--allow-host" in answer.json()["error"]["message"]
        with client.websocket_connect(
            "/v1/live", headers={"host": host, "origin": f"http://{host}"} | token
        ) as live:
            assert live.receive_json()["error"]["code"] == "unknown_host"
            with pytest.raises(WebSocketDisconnect):
                live.receive_json()


def test_pages_of_other_origins_are_refused_unless_allowed(start: Start, speech: Callable[..., Path]) -> None:
    strange = {"Origin": "https://page.example"}
    assert send(start(), speech(1), headers=strange).status_code == 403
    answer = send(start(allowed_origins=("https://page.example",)), speech(1), headers=strange)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    assert send(start(), speech(1), headers={"Origin": "http://testserver"}).status_code == 200


class Slow:
    """An emitter that takes its time."""

    def __init__(self, emitter: Emitter) -> None:
        self.info = emitter.info
        self._emitter = emitter
        self.go = threading.Event()

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        self.go.wait(10)
        return self._emitter.emit(waveforms)


def test_requests_beyond_the_limit_are_told_to_come_back(
    start: Start, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    slow = Slow(babbling.emitter)
    client = start(Transcriber(slow, babbling.decoder), max_requests=2)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(send, client, speech(1)) for _ in range(2)]
        while "asr_requests_in_flight 2.0" not in client.get("/metrics").text:
            time.sleep(0.01)
        refused = send(client, speech(1))
        slow.go.set()
        assert [future.result().status_code for future in running] == [200, 200]
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["error"]["code"] == "busy"


def test_a_transcription_beyond_its_time_is_given_up_with_504(
    start: Start, babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    slow = Slow(babbling.emitter)
    client = start(Transcriber(slow, babbling.decoder), request_seconds=0.3)
    answer = send(client, speech(1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
    slow.go.set()
    assert client.get("/healthz").status_code == 200


def test_an_error_of_the_servers_own_is_500_and_says_no_more(
    babbling: Transcriber, speech: Callable[..., Path]
) -> None:
    class Broken(Slow):
        def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
            raise KeyError("secret detail")

    broken = Transcriber(Broken(babbling.emitter), babbling.decoder)
    app = create_app(broken, ServingConfig(allowed_hosts=("testserver",)), draining=asyncio.Event())
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = send(client, speech(1))
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "wrong",
    [{"port": 70000}, {"token": "short"}, {"max_requests": 0}, {"batch_wait": 2.0}, {"allowed_origins": ("x",)},
     {"allowed_hosts": ("http://x",)}, {"allowed_hosts": ("x:80",)}],
)  # fmt: skip
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ServingConfig(**wrong)


CONTENT = bytes(range(256)) * 3 + b"\r\n--xy\r\n--x"
FORM = (
    b'--xyz\r\nContent-Disposition: form-data; name="a[]"\r\n\r\none\r\n'
    b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="../s.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    + CONTENT
    + b'\r\n--xyz\r\nContent-Disposition: form-data; name="a[]"\r\n\r\ntwo\r\n--xyz--\r\n'
)


async def read_in_pieces(pieces: Sequence[bytes], *, boundary: bytes = b"xyz", length: bytes = b"") -> Any:
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return waiting.pop(0)

    headers = [
        (b"content-type", b"multipart/form-data; boundary=" + boundary),
        (b"content-length", length),
    ]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    return await read_upload(request, UploadLimits.of(ServingConfig()))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, len(FORM)), max_size=12))
def test_a_form_is_read_alike_however_it_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(FORM)]
    pieces = [FORM[begin:end] for begin, end in pairwise(edges)]
    upload = asyncio.run(read_in_pieces(pieces))
    try:
        assert upload.path.read_bytes() == CONTENT
        assert upload.filename == "../s.wav"
        assert upload.fields == {"a": ["one", "two"]}
    finally:
        upload.remove()
    assert not upload.path.exists()


@pytest.mark.parametrize("end", [30, 400, len(FORM) - 8])
def test_a_form_without_its_end_is_refused(end: int) -> None:
    with pytest.raises(RequestError) as caught:
        asyncio.run(read_in_pieces([FORM[:end]]))
    assert caught.value.status == 400


def test_a_boundary_that_cannot_be_is_refused() -> None:
    with pytest.raises(RequestError) as caught:
        asyncio.run(read_in_pieces([FORM], boundary=300 * b"b"))
    assert (caught.value.status, caught.value.code) == (400, "broken_form")


@pytest.mark.parametrize("length", ["²".encode("latin-1"), 5000 * b"9", b"-1"])
def test_a_length_that_is_none_is_not_asked(start: Start, tmp_path: Path, length: bytes) -> None:
    upload = asyncio.run(read_in_pieces([FORM], length=length))
    assert upload.size == len(CONTENT)
    upload.remove()
    client = start(jobs=JobsConfig(tmp_path / "jobs"))
    headers = {b"Content-Length": length, b"Content-Type": b"multipart/form-data; boundary=xyz"}
    assert client.post("/v1/jobs", content=FORM, headers=headers).status_code == 202


def test_a_number_of_a_form_is_checked_at_once() -> None:
    begin = time.monotonic()
    for name in FIELDS:
        for value in (32000 * "0" + "x", "." + 32000 * "0", 32000 * "a-"):
            FIELDS[name].is_right(value)
    assert time.monotonic() - begin < 1
    assert [
        FIELDS["temperature"].is_right(text) for text in ("0", "0.30000000000000004", ".5", "1.")
    ] == 4 * [True]
    assert not any(FIELDS["temperature"].is_right(text) for text in ("1.1", ".", "", "1e-1", "-0"))


def test_a_refused_request_ends_its_connection_where_its_body_is_not_read(
    start: Start, speech: Callable[..., Path]
) -> None:
    client = start(token=TOKEN)
    assert "connection" not in send(client, speech(1)).headers
    assert send(client, speech(1), headers={"Expect": "100-continue"}).headers["connection"] == "close"
    assert "connection" not in client.get("/metrics").headers


@pytest.mark.parametrize("path", ["/v1/live", "/vosk", "/v1/realtime"])
def test_a_live_session_ends_with_its_time(start: Start, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr("asr.serving.live_stream._LEEWAY", 0.1)
    with start(max_live_seconds=0.3, idle_seconds=60).websocket_connect(path) as live:
        live.send_bytes(b"")
        while "0.3 s at most" not in str(live.receive_json()):
            pass
        with pytest.raises(WebSocketDisconnect) as closed:
            live.receive_json()
    assert closed.value.code == 1009
