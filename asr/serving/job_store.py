"""Jobs in a folder that outlive the server: their state in SQLite, recordings and results in files beside it.

A job is in the database only once its recording is whole on the disk, and done only once its result is: whatever moment the
server is killed at, the next one finds every job that was taken on, and removes what belongs to none.
"""

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from asr.errors import AsrError
from asr.files import write_atomically

State = Literal["queued", "running", "done", "failed"]
ENDED: tuple[State, ...] = ("done", "failed")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    filename TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    fields TEXT NOT NULL,
    notices TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    starts INTEGER NOT NULL DEFAULT 0,
    media_type TEXT,
    error TEXT
)
"""


@dataclass(frozen=True)
class Job:
    """A recording to transcribe, and what has become of it.

    Attributes:
        id: names it.
        owner: whose it is; see `asr.serving.security.owner_of`.
        state: queued, running, done or failed.
        filename: what the client calls the recording.
        size: bytes on the disk, of the recording until it is transcribed, of the result afterwards.
        fields: of the form, as they came.
        notices: what of the form is not done, and why.
        created, started, ended: seconds since 1970; None where it has not come to that.
        starts: how often it was begun; more than once where a server died meanwhile.
        media_type: of the result.
        error: the answer that says why it failed: its status, and OpenAI's error object.
    """

    id: str
    owner: str
    state: State
    filename: str
    size: int
    fields: dict[str, list[str]]
    notices: tuple[str, ...]
    created: float
    started: float | None = None
    ended: float | None = None
    starts: int = 0
    media_type: str | None = None
    error: dict[str, Any] | None = None


class JobStore:
    """The jobs of one folder. Its methods may be called from any thread.

    Args:
        folder: made where it is missing. One server at a time may have it: the lock is the database's own, and ends with the process.

    Raises:
        AsrError: another server has the folder, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recordings = folder / "recordings"
        self.results = folder / "results"
        self._lock = threading.RLock()
        try:
            for one in (self.recordings, self.results):
                one.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                folder / "jobs.sqlite", timeout=1.0, isolation_level=None, check_same_thread=False
            )
            self._database.row_factory = sqlite3.Row
            # What is taken first and held to the end keeps a second server out.
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(_SCHEMA)
            self._database.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'")
            self._database.execute("COMMIT")
        except OSError as error:
            raise AsrError(
                f"{folder}: cannot keep jobs there: {error.strerror or error}; choose another --jobs-folder"
            ) from None
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise AsrError(
                    f"{folder}: another server keeps its jobs there; end that server, or choose another --jobs-folder"
                ) from None
            raise AsrError(f"{folder / 'jobs.sqlite'}: {error}; choose another --jobs-folder") from None
        self._remove_strays()

    def close(self) -> None:
        """Give the folder up."""
        with self._lock:
            self._database.close()

    def recording(self, job: str) -> Path:
        """Where the recording of a job lies until it is transcribed."""
        return self.recordings / job

    def result(self, job: str) -> Path:
        """Where the result of a job lies once it is done."""
        return self.results / job

    def add(
        self,
        upload: Path,
        *,
        owner: str,
        filename: str,
        size: int,
        fields: Mapping[str, Sequence[str]],
        notices: Sequence[str],
    ) -> Job:
        """Take on a job; its recording is moved from `upload`, a file on the same disk that is all there, power cuts included.

        Raises:
            OSError: no room on the disk, say; the recording is then removed.
        """
        job = f"job-{secrets.token_hex(12)}"
        upload.replace(self.recording(job))
        _sync_folder(self.recordings)
        row = (job, owner, filename, size, json.dumps(dict(fields)), json.dumps(list(notices)), time.time())
        with self._lock:
            try:
                self._database.execute(
                    "INSERT INTO jobs (id, owner, state, filename, bytes, fields, notices, created) VALUES (?, ?, 'queued', ?, ?, ?, ?, ?)",
                    row,
                )
            except sqlite3.Error as error:
                _drop(self.recording(job))
                raise OSError(str(error)) from error
            return self._found(job)

    def get(self, job: str) -> Job | None:
        """A job by its id."""
        with self._lock:
            row = self._database.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
        return None if row is None else _job(row)

    def owned(self, owner: str, *, before: str | None, most: int) -> list[Job]:
        """Jobs of one owner, newest first; those before a job of theirs where one is named."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM jobs WHERE owner = ? AND (? IS NULL OR number < (SELECT number FROM jobs WHERE id = ?)) "
                "ORDER BY number DESC LIMIT ?",
                (owner, before, before, most),
            ).fetchall()
        return [_job(row) for row in rows]

    def count(self, state: State) -> int:
        """How many jobs are in a state."""
        with self._lock:
            [number] = self._database.execute(
                "SELECT count(*) FROM jobs WHERE state = ?", (state,)
            ).fetchone()
        return int(number)

    def size(self) -> int:
        """Bytes of all recordings and results."""
        with self._lock:
            [size] = self._database.execute("SELECT coalesce(sum(bytes), 0) FROM jobs").fetchone()
        return int(size)

    def start(self) -> Job | None:
        """Begin the job that has waited longest; None where none waits."""
        with self._lock:
            row = self._database.execute(
                "SELECT id FROM jobs WHERE state = 'queued' ORDER BY number LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            self._database.execute(
                "UPDATE jobs SET state = 'running', started = ?, starts = starts + 1 WHERE id = ?",
                (time.time(), row["id"]),
            )
            return self._found(row["id"])

    def postpone(self, job: str) -> None:
        """Put a job that was begun back in its place, as if it had not been."""
        with self._lock:
            changed = self._database.execute(
                "UPDATE jobs SET state = 'queued', started = NULL, starts = starts - 1 WHERE id = ? AND state = 'running'",
                (job,),
            ).rowcount
            if not changed:
                _drop(self.recording(job))

    def finish(self, job: str, result: bytes, *, media_type: str) -> bool:
        """Keep the result of a job, and let its recording go; False where the job was removed meanwhile. Raises AsrError: the disk is full."""
        with write_atomically(self.result(job), mode="wb") as file:
            file.write(result)
        return self._end(job, "done", len(result), media_type=media_type)

    def fail(self, job: str, error: Mapping[str, Any]) -> bool:
        """Say why a job has failed, and let its recording go; False where the job was removed meanwhile."""
        return self._end(job, "failed", 0, error=error)

    def remove(self, job: str) -> None:
        """Forget a job and all of its files."""
        with self._lock:
            self._database.execute("DELETE FROM jobs WHERE id = ?", (job,))
            _drop(self.recording(job))
            _drop(self.result(job))

    def expire(self, before: float) -> int:
        """Forget the jobs that ended before a moment, in seconds since 1970; how many there were."""
        with self._lock:
            old = self._database.execute("SELECT id FROM jobs WHERE ended < ?", (before,)).fetchall()
            for row in old:
                self.remove(row["id"])
        return len(old)

    def _end(
        self,
        job: str,
        state: State,
        size: int,
        *,
        media_type: str | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        with self._lock:
            changed = self._database.execute(
                "UPDATE jobs SET state = ?, bytes = ?, ended = ?, media_type = ?, error = ? WHERE id = ?",
                (state, size, time.time(), media_type, error and json.dumps(error), job),
            ).rowcount
            _drop(self.recording(job))
            if not changed:
                _drop(self.result(job))
        return bool(changed)

    def _found(self, job: str) -> Job:
        found = self.get(job)
        assert found is not None
        return found

    def _remove_strays(self) -> None:
        """Files that a server left when it was killed: uploads cut short, and what belongs to no job or to one that has ended."""
        with self._lock:
            rows = self._database.execute("SELECT id, state FROM jobs").fetchall()
        waiting = {row["id"] for row in rows if row["state"] not in ENDED}
        done = {row["id"] for row in rows if row["state"] == "done"}
        for folder, wanted in ((self.recordings, waiting), (self.results, done)):
            for path in folder.iterdir():
                if path.name not in wanted:
                    path.unlink()


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk; Windows opens no folders, and does so by itself."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _drop(path: Path) -> None:
    """Remove a file, if it is there; what Windows keeps while it is read goes once it is not, or with the next start."""
    with suppress(PermissionError):
        path.unlink(missing_ok=True)


def _job(row: sqlite3.Row) -> Job:
    return Job(
        row["id"],
        row["owner"],
        row["state"],
        row["filename"],
        row["bytes"],
        json.loads(row["fields"]),
        tuple(json.loads(row["notices"])),
        row["created"],
        row["started"],
        row["ended"],
        row["starts"],
        row["media_type"],
        row["error"] and json.loads(row["error"]),
    )
