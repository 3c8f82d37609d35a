"""Jobs in a folder: what is kept, what a killed server leaves, and that a second one is kept out."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from asr.errors import AsrError
from asr.serving.job_store import Job, JobStore

Add = Callable[..., Job]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "jobs")
    yield store
    store.close()


def add(store: JobStore, *, owner: str = "", content: bytes = b"sound") -> Job:
    upload = store.recordings / "asr-upload-x"
    upload.write_bytes(content)
    return store.add(
        upload,
        owner=owner,
        filename="a.wav",
        size=len(content),
        fields={"response_format": ["srt"]},
        notices=["é is ignored"],
    )


def test_a_job_goes_from_queued_to_done_and_its_recording_goes(store: JobStore) -> None:
    job = add(store)
    assert (job.state, job.fields, job.notices) == ("queued", {"response_format": ["srt"]}, ("é is ignored",))
    assert (store.size(), store.count("queued")) == (5, 1)
    begun = store.start()
    assert begun is not None
    assert (begun.id, begun.state, begun.starts) == (job.id, "running", 1)
    assert store.start() is None
    assert store.finish(job.id, b"text", media_type="text/vtt")
    done = store.get(job.id)
    assert done is not None
    assert (done.state, done.size, done.media_type, done.error) == ("done", 4, "text/vtt", None)
    assert done.created <= (done.started or 0) <= (done.ended or 0)
    assert store.result(job.id).read_bytes() == b"text"
    assert not list(store.recordings.iterdir())


def test_a_job_that_finds_no_room_leaves_no_recording(store: JobStore) -> None:
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    taken = 0
    with suppress(OSError):
        while taken < 1000:
            add(store)
            taken += 1
    assert taken < 1000
    assert len(list(store.recordings.iterdir())) == store.count("queued") == taken


def test_the_one_that_has_waited_longest_is_next_also_when_it_was_put_back(store: JobStore) -> None:
    first, second = add(store), add(store)
    assert (store.start() or second).id == first.id
    store.postpone(first.id)
    again = store.start()
    assert again is not None
    assert (again.id, again.starts) == (first.id, 1)
    assert (store.start() or first).id == second.id


def test_a_job_that_has_failed_says_why(store: JobStore) -> None:
    job = add(store)
    store.start()
    assert store.fail(job.id, {"status": 400, "error": {"message": "no audio"}})
    failed = store.get(job.id)
    assert failed is not None
    assert (failed.state, failed.size) == ("failed", 0)
    assert failed.error == {"status": 400, "error": {"message": "no audio"}}
    assert not list(store.recordings.iterdir())


def test_what_becomes_of_a_job_that_was_removed_meanwhile_is_not_kept(store: JobStore) -> None:
    job = add(store)
    store.start()
    store.remove(job.id)
    assert not store.finish(job.id, b"text", media_type="text/plain")
    assert store.get(job.id) is None
    assert not list(store.recordings.iterdir())
    assert not list(store.results.iterdir())


def test_jobs_that_ended_long_ago_are_forgotten(store: JobStore) -> None:
    old, waiting = add(store), add(store)
    store.start()
    store.finish(old.id, b"text", media_type="text/plain")
    ended = (store.get(old.id) or old).ended
    assert ended is not None
    assert store.expire(ended) == 0
    assert store.expire(ended + 1) == 1
    assert store.get(old.id) is None
    assert not list(store.results.iterdir())
    assert store.get(waiting.id) is not None


def test_each_owner_sees_their_own_newest_first(store: JobStore) -> None:
    jobs = [add(store, owner="us") for _ in range(3)]
    add(store, owner="them")
    assert [job.id for job in store.owned("us", before=None, most=2)] == [jobs[2].id, jobs[1].id]
    assert [job.id for job in store.owned("us", before=jobs[1].id, most=2)] == [jobs[0].id]


def test_a_start_takes_up_what_ran_and_removes_what_belongs_to_no_job(store: JobStore) -> None:
    running, done = add(store), add(store)
    store.start()
    store.start()
    store.finish(done.id, b"text", media_type="text/plain")
    (store.recordings / "asr-upload-half").write_bytes(b"half")
    store.result(running.id).write_bytes(b"of a job that was never said to be done")
    store.close()
    again = JobStore(store.folder)
    found = again.get(running.id)
    assert found is not None
    assert (found.state, found.starts) == ("queued", 1)
    assert [path.name for path in again.recordings.iterdir()] == [running.id]
    assert [path.name for path in again.results.iterdir()] == [done.id]
    again.close()


def test_a_second_server_is_kept_out_until_the_first_ends(store: JobStore) -> None:
    try_it = f"from pathlib import Path\nfrom asr.serving.job_store import JobStore\nJobStore(Path({str(store.folder)!r})).close()"
    other = subprocess.run([sys.executable, "-c", try_it], capture_output=True, text=True, check=False)
    assert "another server keeps its jobs there; end that server, or choose another" in other.stderr
    with pytest.raises(AsrError, match="another server"):
        JobStore(store.folder)
    store.close()
    assert subprocess.run([sys.executable, "-c", try_it], check=False).returncode == 0


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(AsrError, match="cannot keep jobs there"):
        JobStore(tmp_path / "file")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "jobs.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(AsrError, match="not a database"):
        JobStore(tmp_path / "broken")
