"""Recordings as jobs: over HTTP, through the death of a server, and within limits."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from clients import Server, babble, eventually, post
from fastapi.testclient import TestClient

from asr.decoding.emission import Emission
from asr.errors import AsrError
from asr.serving.config import JobsConfig
from asr.serving.job_runner import MOST_STARTS
from asr.serving.job_store import JobStore
from asr.transcription.transcriber import Transcriber

Start = Callable[..., TestClient]
TOKEN = "a-long-secret"


def submit(client: Any, path: Path, *, base: str = "", **options: Any) -> Any:
    return client.post(f"{base}/v1/jobs", files={"file": (path.name, path.read_bytes())}, **options)


def ended(client: Any, job: str, *, base: str = "", **options: Any) -> dict[str, Any]:
    record: dict[str, Any] = {}

    def is_over() -> bool:
        record.update(client.get(f"{base}/v1/jobs/{job}", **options).json())
        return record["state"] in ("done", "failed")

    assert eventually(is_over), record
    return record


class Blocked:
    """A network that waits until it is let go."""

    def __init__(self, transcriber: Transcriber) -> None:
        self.info = transcriber.emitter.info
        self._emitter = transcriber.emitter
        self.let_go = threading.Event()
        self.at_work = threading.Event()

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        self.at_work.set()
        assert self.let_go.wait(60)
        return self._emitter.emit(waveforms, network_beam=network_beam)


@pytest.fixture
def blocked(babbling: Transcriber) -> Blocked:
    return Blocked(babbling)


@pytest.fixture
def start_blocked(start: Start, babbling: Transcriber, blocked: Blocked, tmp_path: Path) -> Start:
    def make(**jobs: Any) -> TestClient:
        transcriber = Transcriber(blocked, babbling.decoder)
        return start(transcriber, jobs=JobsConfig(tmp_path / "jobs", **jobs))

    return make


def test_ten_jobs_of_a_server_that_is_killed_all_come_to_their_texts(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    folder = tmp_path / "jobs"
    paths = []
    for number in range(10):
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], babble(number, seconds=60 + 10 * number), 16000)
    server = start_server("--jobs-folder", folder)
    jobs = []
    for path in paths:
        answer = submit(httpx, path, base=server.url, timeout=60)
        assert answer.status_code == 202
        jobs.append(answer.json()["id"])
    assert eventually(lambda: ended(httpx, jobs[0], base=server.url)["state"] == "done")
    server.process.kill()
    server.process.wait()
    store = JobStore(folder)
    assert store.count("done") >= 1
    assert store.count("queued") >= 1
    assert store.count("done") + store.count("queued") == 10
    store.close()

    server = start_server("--jobs-folder", folder)
    for job, path in zip(jobs, paths, strict=True):
        assert ended(httpx, job, base=server.url)["state"] == "done"
        kept = httpx.get(f"{server.url}/v1/jobs/{job}/result", timeout=60).json()
        assert kept == post(server, path.read_bytes()).json()
        assert kept["text"]
    assert not list((folder / "recordings").iterdir())


def test_a_job_has_the_answer_of_a_request(start: Start, speech: Callable[..., Path], tmp_path: Path) -> None:
    client = start(jobs=JobsConfig(tmp_path / "jobs"))
    for fields in (
        {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]},
        {"response_format": "srt", "line_length": "20"},
        {"prompt": "these words"},
    ):
        path = speech(1, seconds=40)
        answer = submit(client, path, data=fields)
        job = answer.json()
        assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
        done = ended(client, job["id"])
        assert (done["state"], done["share"], done["filename"]) == ("done", 1.0, path.name)
        assert done["kept_until"] == done["ended_at"] + 7 * 24 * 3600
        result = client.get(f"/v1/jobs/{job['id']}/result")
        at_once = client.post("/v1/audio/transcriptions", files={"file": path.read_bytes()}, data=fields)
        assert result.content == at_once.content
        for header in ("content-type", "x-asr-notice"):
            assert result.headers.get(header) == at_once.headers.get(header)


def test_a_job_that_cannot_be_transcribed_fails_with_the_answer_of_a_request(
    start: Start, tmp_path: Path, speech: Callable[..., Path]
) -> None:
    client = start(jobs=JobsConfig(tmp_path / "jobs", max_audio_seconds=1.0))
    rubbish = tmp_path / "talk.wav"
    rubbish.write_bytes(b"no sound at all")
    for path, status, code in ((rubbish, 400, "invalid_audio"), (speech(1), 413, "audio_too_long")):
        failed = ended(client, submit(client, path).json()["id"])
        assert failed["state"] == "failed"
        assert failed["error"]["code"] == code
        assert str(tmp_path) not in failed["error"]["message"]
        result = client.get(f"/v1/jobs/{failed['id']}/result")
        assert (result.status_code, result.json()["error"]) == (status, failed["error"])


def test_a_wrong_form_is_refused_at_once(start: Start, tmp_path: Path, speech: Callable[..., Path]) -> None:
    client = start(jobs=JobsConfig(tmp_path / "jobs"))
    for fields, param in (({"response_format": "pdf"}, "response_format"), ({"stream": "true"}, "stream")):
        answer = submit(client, speech(1), data=fields)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert client.post("/v1/jobs", files={"file": b""}).json()["error"]["code"] == "empty_file"
    assert client.get("/v1/jobs").json()["data"] == []
    assert not list((tmp_path / "jobs/recordings").iterdir())


def test_without_a_folder_jobs_are_refused_with_what_to_do(start: Start, speech: Callable[..., Path]) -> None:
    answer = submit(start(), speech(1))
    assert answer.status_code == 501
    assert "--jobs-folder DIR" in answer.json()["error"]["message"]


def test_jobs_wait_in_line_up_to_a_limit_and_can_be_removed(
    start_blocked: Start, blocked: Blocked, speech: Callable[..., Path], tmp_path: Path
) -> None:
    client = start_blocked(max_waiting=2)
    running = submit(client, speech(1)).json()["id"]
    assert blocked.at_work.wait(60)
    waiting = [submit(client, speech(number)).json()["id"] for number in (2, 3)]
    full = submit(client, speech(4))
    assert (full.status_code, full.json()["error"]["code"]) == (429, "too_many_jobs")
    assert full.headers["retry-after"]
    listed = client.get("/v1/jobs").json()["data"]
    assert [(job["id"], job["state"]) for job in listed] == [
        (waiting[1], "queued"),
        (waiting[0], "queued"),
        (running, "running"),
    ]
    early = client.get(f"/v1/jobs/{waiting[0]}/result")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "not_done")
    metrics = client.get("/metrics").text
    assert 'asr_jobs{state="queued"} 2.0' in metrics
    assert 'asr_jobs{state="running"} 1.0' in metrics

    for job in (running, waiting[0]):
        assert client.delete(f"/v1/jobs/{job}").json() == {"id": job, "object": "job", "deleted": True}
        assert client.get(f"/v1/jobs/{job}").status_code == 404
    blocked.let_go.set()
    assert ended(client, waiting[1])["state"] == "done"
    assert [path.name for path in (tmp_path / "jobs/results").iterdir()] == [waiting[1]]
    assert 'asr_jobs_ended_total{state="done"} 1.0' in client.get("/metrics").text


def test_recordings_and_results_have_so_many_bytes_and_no_more(
    start_blocked: Start, blocked: Blocked, speech: Callable[..., Path], tmp_path: Path
) -> None:
    path = speech(1)
    size = path.stat().st_size
    client = start_blocked(max_bytes=2 * size)
    first = submit(client, path).json()["id"]
    for body in ({}, {"in_pieces": True}):
        answer = post_pieces(client, path) if body else submit(client, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "no_room")
    assert len(list((tmp_path / "jobs/recordings").iterdir())) == 1
    blocked.let_go.set()
    assert ended(client, first)["state"] == "done"
    assert submit(client, path).status_code == 202


def post_pieces(client: TestClient, path: Path) -> Any:
    """A form whose length is not said before."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'

    def pieces() -> Any:
        yield head
        yield path.read_bytes()
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    return client.post("/v1/jobs", content=pieces(), headers=headers)


def test_a_recording_may_be_larger_than_that_of_a_request(
    start: Start, speech: Callable[..., Path], tmp_path: Path
) -> None:
    path = speech(1)
    size = path.stat().st_size
    client = start(
        max_upload_bytes=size // 2, jobs=JobsConfig(tmp_path / "jobs", max_upload_bytes=size + 1000)
    )
    assert client.post("/v1/audio/transcriptions", files={"file": path.read_bytes()}).status_code == 413
    assert submit(client, path).status_code == 202
    assert post_pieces(client, path).status_code == 202
    assert submit(client, speech(1, seconds=4)).status_code == 413


def test_a_job_goes_on_with_the_next_server(
    start: Start, start_blocked: Start, blocked: Blocked, speech: Callable[..., Path], tmp_path: Path
) -> None:
    first = start_blocked()
    job = submit(first, speech(1)).json()["id"]
    assert blocked.at_work.wait(60)
    with pytest.raises(AsrError, match="another server keeps its jobs there"):
        start_blocked()
    threading.Timer(0.3, blocked.let_go.set).start()
    first.__exit__(None, None, None)
    second = start(jobs=JobsConfig(tmp_path / "jobs"))
    assert ended(second, job)["state"] == "done"


def test_a_recording_that_kills_the_server_again_and_again_is_given_up(
    start: Start, speech: Callable[..., Path], tmp_path: Path
) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(speech(1).read_bytes())
    store = JobStore(tmp_path / "jobs")
    job = store.add(upload, owner="", filename="a.wav", size=1, fields={}, notices=[])
    store.close()
    for _ in range(MOST_STARTS):
        store = JobStore(tmp_path / "jobs")
        store.start()
        store.close()
    failed = ended(start(jobs=JobsConfig(tmp_path / "jobs")), job.id)
    assert failed["error"]["code"] == "server_died"


def test_jobs_are_those_of_the_token(
    start: Start, babbling: Transcriber, speech: Callable[..., Path], tmp_path: Path
) -> None:
    client = start(token=TOKEN, jobs=JobsConfig(tmp_path / "jobs"))
    ours = {"Authorization": f"Bearer {TOKEN}"}
    assert submit(client, speech(1)).status_code == 401
    job = submit(client, speech(1), headers=ours).json()["id"]
    assert ended(client, job, headers=ours)["state"] == "done"
    assert [one["id"] for one in client.get("/v1/jobs", headers=ours).json()["data"]] == [job]
    for address in ("/v1/jobs", f"/v1/jobs/{job}", f"/v1/jobs/{job}/result"):
        assert client.get(address).status_code == 401
    client.__exit__(None, None, None)
    others = start(token="another-secret", jobs=JobsConfig(tmp_path / "jobs"))
    theirs = {"Authorization": "Bearer another-secret"}
    assert others.get("/v1/jobs", headers=theirs).json()["data"] == []
    assert others.get(f"/v1/jobs/{job}", headers=theirs).status_code == 404
    assert others.delete(f"/v1/jobs/{job}", headers=theirs).status_code == 404


def test_lists_come_in_pages(start: Start, speech: Callable[..., Path], tmp_path: Path) -> None:
    client = start(jobs=JobsConfig(tmp_path / "jobs"))
    jobs = [submit(client, speech(1)).json()["id"] for _ in range(3)]
    first = client.get("/v1/jobs?limit=2").json()
    assert ([job["id"] for job in first["data"]], first["has_more"]) == ([jobs[2], jobs[1]], True)
    rest = client.get(f"/v1/jobs?limit=2&after={jobs[1]}").json()
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([jobs[0]], False)
    for query in ("limit=0", "limit=many", "limit=1001", "limit=0000000012000", "after=nothing"):
        assert client.get(f"/v1/jobs?{query}").status_code in (400, 404)


def test_the_description_for_programs_has_the_jobs(start: Start) -> None:
    paths = start().get("/openapi.json").json()["paths"]
    assert set(paths["/v1/jobs"]) == {"get", "post"}
    assert set(paths["/v1/jobs/{job}"]) == {"get", "delete"}
    assert json.dumps(paths["/v1/jobs"]["post"]).count("response_format") == 1


def test_options_without_the_folder_are_a_usage_error(run_asr: Callable[..., Any], babbler: Path) -> None:
    ran = run_asr("serve", "--model", babbler, "--max-jobs", 3)
    assert ran.returncode == 2
    assert "without --jobs-folder DIR there are no jobs" in ran.stderr
