"""Clients that are slow, rude or gone, and a server that shuts down."""

import json
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from clients import Server, babble, eventually, metric, post, receive_all
from websockets.sync.client import connect

HEAD = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
)
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'


def talk(server: Server, *pieces: bytes) -> socket.socket:
    """A connection that has sent some bytes, and no more."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    for piece in pieces:
        connection.sendall(piece)
    return connection


def test_a_sender_that_stops_gets_408_and_is_cut_off(server: Server) -> None:
    with talk(server, HEAD, PART, b"RIFF") as connection:
        begin = time.monotonic()
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "slow_upload"
    assert 1 < time.monotonic() - begin < 30


def test_a_connection_without_a_request_is_closed(server: Server) -> None:
    with talk(server, b"POST /v1/audio") as connection:
        assert connection.recv(4096) == b""


def test_a_dropped_connection_leaves_nothing_behind(server: Server) -> None:
    for _ in range(5):
        talk(server, HEAD, PART, b"RIFF" * 100).close()
    assert eventually(lambda: metric(server, "asr_requests_in_flight") == 0)
    assert eventually(lambda: not list(server.uploads.iterdir()))
    assert httpx.get(f"{server.url}/healthz", timeout=60).json()["status"] == "ok"


def test_rubbish_is_refused_with_400(server: Server) -> None:
    with talk(server, b"\x16\x03\x01 rubbish\r\n\r\n") as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")


def test_sigterm_finishes_what_is_running_and_takes_nothing_new(
    start_server: Callable[..., Server], speech: Callable[..., Path]
) -> None:
    server = start_server("--idle-seconds", 5)
    upload = HEAD.replace(b"5000", str(len(PART) + len(content := speech(1).read_bytes()) + 9).encode())
    running = talk(server, upload, PART, content[:1000])
    with connect(server.live) as live, ThreadPoolExecutor(1) as pool:
        live.send((32767 * babble(1, seconds=3)).astype("<i2").tobytes())
        messages = [json.loads(live.recv(timeout=60)) for _ in range(2)]
        assert [message["type"] for message in messages] == ["ready", "partial"]
        server.process.send_signal(signal.SIGTERM)
        rest, code = receive_all(live)
        assert [message["type"] for message in rest[-2:]] == ["final", "done"]
        assert code == 1012
        assert eventually(lambda: not answers(server))
        # The upload that had begun is taken to its end.
        running.sendall(content[1000:] + b"\r\n--x--\r\n")
        answer = pool.submit(lambda: b"".join(iter(lambda: running.recv(4096), b""))).result(timeout=60)
    assert answer.startswith(b"HTTP/1.1 200")
    assert server.process.wait(timeout=60) == 0


def answers(server: Server) -> bool:
    try:
        return post(server, b"").status_code != 503
    except httpx.HTTPError:
        return False


def test_a_port_that_is_taken_is_named(server: Server, babbler: Path, run_asr: Callable[..., object]) -> None:
    done = run_asr("serve", "--model", babbler, "--port", server.port)
    assert done.returncode == 1  # type: ignore[attr-defined]
    assert f"127.0.0.1:{server.port}: cannot listen there" in done.stderr  # type: ignore[attr-defined]
