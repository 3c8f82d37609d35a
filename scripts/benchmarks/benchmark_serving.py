"""Many clients at once on a real server, well-behaved and otherwise, for minutes.

python scripts/benchmarks/benchmark_serving.py --model RUN/checkpoints/best.pt --manifest test.jsonl --seconds 300

Starts `asr serve` on a free port with low limits. Most of the clients transcribe utterances of the manifest, one
after the other, and compare every answer with the text that the model gives for the utterance alone; the rest
send, in turn, files that are empty, huge, truncated or no audio, send slowly, or drop the connection, and
compare the status. One speaks to /v1/live. Prints a Markdown table, draws the server's memory (its resident set,
twice a second) as PNG, and exits 1 when an answer was wrong, the server died, or its memory grew.

Needs the extras serve and dev; memory is read from /proc, on Linux alone.
"""

import argparse
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import soundfile
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

import asr
from asr.transcription.live import open_session

sys.path.insert(0, str(Path(__file__).parents[1]))
from served import served

_PATH = "/v1/audio/transcriptions"
_IDLE = 2.0  # seconds after which the server cuts off a silent sender
_UPLOAD_MB = 4
_BAD = ("empty", "huge", "truncated", "wrong type", "slow sender", "dropped connection")
_WANTED = {"empty": 400, "huge": 413, "truncated": 400, "wrong type": 400, "slow sender": 408}
_PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
_GROWTH_MB = 30.0


@dataclass
class Tally:
    """What the clients saw; they share it.

    Attributes:
        latencies: seconds of each good request.
        counts: good, wrong and refused ones, and each kind of bad request.
        problems: what was not as it should be.
    """

    latencies: list[float] = field(default_factory=list)
    audio: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, problem: str | None = None) -> None:
        """Count a request."""
        with self.lock:
            self.counts[kind] += 1
            if problem is not None:
                self.problems.append(f"{kind}: {problem}")


@dataclass(frozen=True)
class Speech:
    """An utterance as it is sent, and what it says."""

    content: bytes
    seconds: float
    samples: np.ndarray
    text: str


def main() -> int:
    """Serve, send, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--utterances", type=int, default=100, help="how many of the manifest; default: 100")
    parser.add_argument("--picture", type=Path, default=Path("serving-memory.png"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    transcriber = asr.load(arguments.model, precision="float32", device="cpu")
    speeches = transcribe_alone(transcriber, arguments.manifest, arguments.utterances)
    live_text = live_alone(transcriber, speeches[0])
    tally = Tally()
    # In float32, a batch gives to the last letter what an utterance gives alone.
    options = ["--model", arguments.model, "--precision", "float32", "--device", "cpu"]
    options += ["--idle-seconds", _IDLE, "--max-upload-mb", _UPLOAD_MB]
    with served(*options) as (server, url):
        memory = send_all(server, url, speeches, live_text=live_text, tally=tally, arguments=arguments)
        crashed = server.poll() is not None
    return report(tally, memory, crashed=crashed, code=server.returncode, arguments=arguments)


def transcribe_alone(transcriber: asr.Transcriber, manifest: Path, count: int) -> list[Speech]:
    """The utterances, and the text of each by itself."""
    speeches = []
    for utterance in asr.read_manifest(manifest)[:count]:
        samples = transcriber.read_utterance(utterance)
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            soundfile.write(file.name, samples, transcriber.sample_rate, subtype="PCM_16")
            content, text = Path(file.name).read_bytes(), transcriber.transcribe(file.name).text
        speeches.append(Speech(content, len(samples) / transcriber.sample_rate, samples, text))
    return speeches


def live_alone(transcriber: asr.Transcriber, speech: Speech) -> str:
    """What a live session in this process makes of an utterance."""
    session = open_session(transcriber)
    samples = np.frombuffer(pcm16(speech.samples), "<i2").astype(np.float32) / 32768
    results = [
        result for at in range(0, len(samples), 1600) for result in session.feed(samples[at : at + 1600])
    ] + session.finish()
    return " ".join(result.text for result in results if result.kind == "final")


def pcm16(samples: np.ndarray) -> bytes:
    """`(N,)` floats as 16-bit samples."""
    return (32767 * np.clip(samples, -1, 1)).astype("<i2").tobytes()


def send_all(
    server: "subprocess.Popen[str]",
    url: str,
    speeches: list[Speech],
    *,
    live_text: str,
    tally: Tally,
    arguments: argparse.Namespace,
) -> list[tuple[float, float]]:
    """Let the clients loose; the server's memory over time, seconds and MB."""
    begin = time.monotonic()
    deadline = begin + arguments.seconds
    n_bad = max(1, arguments.clients // 8)
    threads = [threading.Thread(target=live_client, args=(url, speeches[0], live_text, tally, deadline))]
    for number in range(arguments.clients - 1):
        draw = random.Random(f"{arguments.seed} {number}")
        target = bad_client if number < n_bad else good_client
        threads.append(threading.Thread(target=target, args=(url, speeches, tally, deadline, draw)))
    for thread in threads:
        thread.start()
    memory = []
    while any(thread.is_alive() for thread in threads):
        memory.append((time.monotonic() - begin, resident_mb(server.pid)))
        time.sleep(0.5)
        if sys.stderr.isatty():
            done = sum(tally.counts.values())
            print(f"\r{time.monotonic() - begin:5.0f} s  {done} requests", end="", file=sys.stderr)
    return memory


def resident_mb(pid: int) -> float:
    """Resident memory of a process; 0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def good_client(url: str, speeches: list[Speech], tally: Tally, deadline: float, draw: random.Random) -> None:
    """Transcribe utterances until the time is over."""
    with httpx.Client(base_url=url, timeout=120) as client:
        while time.monotonic() < deadline:
            speech = draw.choice(speeches)
            begin = time.monotonic()
            try:
                answer = client.post(_PATH, files={"file": ("speech.wav", speech.content)})
            except httpx.HTTPError as error:
                tally.add("good", f"no answer: {error!r}")
                continue
            if answer.status_code == 503:
                tally.add("good, told to come back")
                time.sleep(float(answer.headers["retry-after"]))
                continue
            seconds = time.monotonic() - begin
            is_right = answer.status_code == 200 and answer.json()["text"] == speech.text
            tally.add(
                "good", None if is_right else f"{answer.status_code} {answer.text!r}, not {speech.text!r}"
            )
            with tally.lock:
                tally.latencies.append(seconds)
                tally.audio += speech.seconds


def bad_client(url: str, speeches: list[Speech], tally: Tally, deadline: float, draw: random.Random) -> None:
    """Send one kind of bad request after the other."""
    kinds = list(_BAD)
    draw.shuffle(kinds)
    turn = 0
    while time.monotonic() < deadline:
        kind, turn = kinds[turn % len(kinds)], turn + 1
        good = draw.choice(speeches).content
        content = {
            "empty": b"",
            "huge": bytes((_UPLOAD_MB << 20) + 1000),
            "truncated": good[: len(good) // 2],
            "wrong type": json.dumps({"no": "sound"}).encode() * 100,
        }.get(kind)
        try:
            if content is None:
                status = rude(url, good, waits=kind == "slow sender")
            else:
                answer = httpx.post(f"{url}{_PATH}", files={"file": ("a.wav", content)}, timeout=120)
                status = answer.status_code
        except (httpx.HTTPError, OSError) as error:
            tally.add(kind, f"no answer: {error!r}")
            continue
        wanted = _WANTED.get(kind, 0)
        tally.add(kind, None if status in (wanted, 503) else f"status {status}, not {wanted}")
        time.sleep(0.2)


def rude(url: str, content: bytes, *, waits: bool) -> int:
    """Begin an upload and send no more: wait for the status, or (0) hang up."""
    host, port = url.removeprefix("http://").split(":")
    head = (
        f"POST {_PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(content) + 100}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode() + _PART + content[: len(content) // 2])
        if not waits:
            return 0
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    return int(answer.split()[1]) if answer else -1


def live_client(url: str, speech: Speech, text: str, tally: Tally, deadline: float) -> None:
    """Speak the same utterance live, at twice its pace, again and again."""
    sound = pcm16(speech.samples)
    while time.monotonic() < deadline:
        try:
            with connect(f"{url.replace('http', 'ws')}/v1/live") as live:
                live.send(json.dumps({"type": "start", "sample_rate": 16000}))
                for at in range(0, len(sound), 3200):
                    live.send(sound[at : at + 3200])
                    time.sleep(0.05)
                live.send(json.dumps({"type": "finish"}))
                messages = [json.loads(message) for message in live]
        except (WebSocketException, OSError, TimeoutError) as error:
            tally.add("live", f"{error!r}")
            continue
        said = " ".join(message["text"] for message in messages if message["type"] == "final")
        tally.add("live", None if said == text else f"{said!r}, not {text!r}")


def report(
    tally: Tally,
    memory: list[tuple[float, float]],
    *,
    crashed: bool,
    code: int,
    arguments: argparse.Namespace,
) -> int:
    """Print the table, draw the picture; the exit code."""
    seconds = memory[-1][0] if memory else 0.0
    latencies = np.array(tally.latencies or [float("nan")])
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99])
    # The first quarter warms up: allocators, caches, threads.
    settled = [mb for at, mb in memory if at >= seconds / 4 and mb > 0]
    half = len(settled) // 2
    growth = float(np.median(settled[half:]) - np.median(settled[:half])) if half else 0.0
    draw(memory, arguments.picture)
    rows = [
        ("clients", f"{arguments.clients}"),
        ("seconds", f"{seconds:.0f}"),
        ("good requests", f"{len(tally.latencies)}"),
        ("requests a second", f"{len(tally.latencies) / max(seconds, 1e-9):.1f}"),
        ("sound a second", f"{tally.audio / max(seconds, 1e-9):.1f} s"),
        ("latency p50 / p95 / p99", f"{p50:.3f} / {p95:.3f} / {p99:.3f} s"),
        *((kind, str(count)) for kind, count in sorted(tally.counts.items()) if kind != "good"),
        ("wrong answers", f"{len(tally.problems)}"),
        ("memory, peak", f"{max((mb for _, mb in memory), default=0.0):.0f} MB"),
        ("memory, growth from the middle to the end", f"{growth:+.1f} MB"),
        ("exit code after SIGTERM", f"{code}"),
    ]
    print("\n| measure | value |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")
    for problem in tally.problems[:20]:
        print(f"wrong: {problem}", file=sys.stderr)
    print(f"memory over time: {arguments.picture}", file=sys.stderr)
    return 1 if crashed or code or tally.problems or growth > _GROWTH_MB or not tally.latencies else 0


def draw(memory: list[tuple[float, float]], path: Path) -> None:
    """Memory over time, from zero."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="seconds", ylabel="resident memory, MB")
    axes.plot([at for at, _ in memory], [mb for _, mb in memory])
    axes.set_ylim(0, 1.15 * max((mb for _, mb in memory), default=1.0))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
