"""A running server, and what its clients do."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection


class Server(NamedTuple):
    """A running `asr serve`."""

    url: str
    process: "subprocess.Popen[str]"
    uploads: Path

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def live(self) -> str:
        return self.url.replace("http", "ws") + "/v1/live"


def babble(number: int, *, seconds: float) -> np.ndarray:
    """Noise whose colour and loudness wander, `(N,)` float32."""
    generator = np.random.default_rng(number)
    count = round(seconds * 16000)
    knots = generator.uniform(0, 1, (3, max(4, round(8 * seconds))))
    where = np.linspace(0, knots.shape[1] - 1, count)
    low, high, loud = (np.interp(where, np.arange(knots.shape[1]), row) for row in knots)
    noise = generator.standard_normal(count)
    smooth = np.convolve(noise, np.ones(16) / 4, "same")
    return (0.1 * loud * (low * smooth + high * noise)).astype(np.float32)


def eventually(claim: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    """Whether a claim comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.02)
    return claim()


def post(
    server: Server, content: bytes, *, name: str = "speech.wav", **fields: str | list[str]
) -> httpx.Response:
    return httpx.post(
        f"{server.url}/v1/audio/transcriptions", files={"file": (name, content)}, data=fields, timeout=60
    )


def metric(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics", timeout=60).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.split()[0] == name)


def receive_all(live: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """Every message until the server closes, and its code."""
    messages = []
    try:
        while True:
            messages.append(json.loads(live.recv(timeout=60)))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code if closed.rcvd is not None else 1006
