"""POST, GET and DELETE /v1/jobs: a recording is taken on at once, and its transcript fetched when it is there."""

import asyncio
import os
import re
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from asr.serving.config import JobsConfig, ServingConfig
from asr.serving.engine import Engine
from asr.serving.errors import RequestError
from asr.serving.form_fields import form_schema
from asr.serving.job_runner import JobRunner
from asr.serving.job_store import Job, JobStore
from asr.serving.security import owner_of
from asr.serving.transcriptions import check_form, notice_header
from asr.serving.uploads import UploadLimits, announced_bytes, read_upload

T = TypeVar("T")
_MOST_LISTED = 1000


class _Room(NamedTuple):
    """What is kept for an upload that is on its way: its bytes, and whether they are fewer than an upload may have."""

    bytes: int
    is_short: bool


class Jobs:
    """The jobs of a server.

    Args:
        engine: transcribes them.
        config: of the server, with that of jobs.

    Raises:
        AsrError: the folder cannot be used, or another server has it.
    """

    def __init__(self, engine: Engine, config: ServingConfig) -> None:
        assert config.jobs is not None
        self._engine = engine
        self._server = config
        self._config: JobsConfig = config.jobs
        self._arriving: list[_Room] = []
        self._reserving = threading.Lock()
        self.store = JobStore(config.jobs.folder)
        self.runner = JobRunner(self.store, engine, config.jobs)

    def stop(self) -> None:
        """End the work; what is not done goes on with the next server."""
        self.runner.stop()
        self.store.close()

    async def add(self, request: Request) -> Job:
        """Take on a request's recording. Raises RequestError; 429 and 507 where there is no room."""
        room = await asyncio.to_thread(self._reserve, request)
        try:
            job = await self._keep(request, room)
        finally:
            with self._reserving:
                self._arriving.remove(room)
        self.runner.wake()
        return job

    async def _keep(self, request: Request, room: _Room) -> Job:
        """Read a request's form, and keep its recording. Raises RequestError."""
        try:
            upload = await read_upload(request, self._limits(room))
        except RequestError as error:
            if error.status == 413 and room.is_short:
                raise self._full() from None
            raise
        try:
            options, notices, _ = await check_form(request, upload, self._engine)
            if options.stream:
                raise RequestError(
                    400,
                    "stream is for POST /v1/audio/transcriptions; a job has its result at GET /v1/jobs/ID/result",
                    param="stream",
                )
            path = upload.path
            assert path is not None

            def keep() -> Job:
                try:
                    _flush(path)
                    return self.store.add(
                        path,
                        owner=owner_of(request, self._server),
                        filename=upload.filename,
                        size=upload.size,
                        fields=upload.fields,
                        notices=notices,
                    )
                except OSError as error:
                    reason = error.strerror or error
                    raise RequestError(
                        507, f"the server cannot store the recording: {reason}", code="no_room"
                    ) from None

            return await asyncio.to_thread(keep)
        finally:
            upload.remove()

    def find(self, request: Request, job: str) -> Job:
        """A job of the one who asks. Raises RequestError 404."""
        found = self.store.get(job)
        if found is None or found.owner != owner_of(request, self._server):
            raise RequestError(
                404, f"no job {job[:100]!r}; it may have been removed, or kept long enough", code="no_job"
            )
        return found

    def list(self, request: Request) -> dict[str, Any]:
        """Jobs of the one who asks, newest first. Raises RequestError."""
        wanted = request.query_params.get("limit", "100")
        if not re.fullmatch("[0-9]{1,4}", wanted) or not 1 <= int(wanted) <= _MOST_LISTED:
            raise RequestError(400, f"limit {wanted[:100]!r}; expected 1 to {_MOST_LISTED}", param="limit")
        most, after = int(wanted), request.query_params.get("after")
        if after is not None:
            self.find(request, after)
        found = self.store.owned(owner_of(request, self._server), before=after, most=most + 1)
        return {
            "object": "list",
            "data": [self.record(job) for job in found[:most]],
            "has_more": len(found) > most,
        }

    def record(self, job: Job) -> dict[str, Any]:
        """A job as it is told."""
        share = {"queued": 0.0, "running": round(self.runner.share(job.id), 4), "done": 1.0}.get(job.state)
        record: dict[str, Any] = {
            "id": job.id,
            "object": "job",
            "state": job.state,
            "filename": job.filename,
            "created_at": _second(job.created),
            "started_at": _second(job.started),
            "ended_at": _second(job.ended),
            "kept_until": None if job.ended is None else _second(job.ended + self._config.kept_seconds),
            "response_format": job.fields.get("response_format", ["json"])[0] or "json",
        }
        if share is not None:
            record["share"] = share
        if job.error is not None:
            record["error"] = job.error["error"]
        if job.notices:
            record["notices"] = list(job.notices)
        return record

    def result(self, job: Job) -> Response:
        """What POST /v1/audio/transcriptions would have answered. Raises RequestError."""
        if job.error is not None:
            error = job.error["error"]
            raise RequestError(
                job.error["status"], error["message"], param=error["param"], code=error["code"]
            )
        if job.state != "done":
            raise RequestError(
                409,
                f"{job.id} is {job.state}; ask again once GET /v1/jobs/{job.id} says done",
                code="not_done",
            )
        try:
            body = self.store.result(job.id).read_bytes()
        except FileNotFoundError:  # removed since it was looked up
            raise RequestError(404, f"no job {job.id!r}", code="no_job") from None
        return Response(body, media_type=job.media_type, headers=notice_header(job.notices))

    def _reserve(self, request: Request) -> _Room:
        """Keep room for an upload. Raises RequestError."""
        with self._reserving:
            waiting = self.store.count("queued") + len(self._arriving)
            if waiting >= self._config.max_waiting:
                raise RequestError(
                    429, f"{waiting} jobs wait, and no more are taken; ask again later", code="too_many_jobs"
                )
            left = self._config.max_bytes - self.store.size() - sum(room.bytes for room in self._arriving)
            most = self._config.max_upload_bytes
            announced = announced_bytes(request)
            if announced is None:
                room = _Room(min(most, left), left < most)
            else:
                room = _Room(min(announced, most), False)
            if not 0 < room.bytes <= left:
                raise self._full()
            self._arriving.append(room)
            return room

    def _limits(self, room: _Room) -> UploadLimits:
        """A recording of hours may take longer than one of minutes, but no slower."""
        pace = self._config.max_upload_bytes / self._server.max_upload_bytes
        return UploadLimits(
            room.bytes if room.is_short else self._config.max_upload_bytes,
            self._server.idle_seconds,
            self._server.upload_seconds * max(1.0, pace),
            self.store.recordings,
        )

    def _full(self) -> RequestError:
        return RequestError(
            507,
            f"the recordings and results of jobs may have {self._config.max_bytes} bytes, and there is no room for this "
            "one; remove jobs that are done, or ask again later",
            code="no_room",
        )


def add_job_routes(
    app: FastAPI,
    jobs: Jobs | None,
    *,
    admit: Callable[[Request], None],
    admit_work: Callable[[Request], None],
) -> None:
    """Add the routes; without jobs they say how to turn them on.

    Args:
        app: has them.
        jobs: of the server.
        admit: raises RequestError for who may not ask.
        admit_work: the same for who asks for something new to be done.
    """

    def on() -> Jobs:
        if jobs is None:
            raise RequestError(
                501, "this server keeps no jobs; start it with --jobs-folder DIR", code="jobs_are_off"
            )
        return jobs

    @app.post("/v1/jobs", status_code=202, openapi_extra=form_schema())
    async def add(request: Request) -> Response:
        admit_work(request)
        job = await on().add(request)
        headers = {"Location": f"/v1/jobs/{job.id}", **notice_header(job.notices)}
        return JSONResponse(on().record(job), 202, headers=headers)

    @app.get("/v1/jobs")
    async def list_all(request: Request) -> dict[str, Any]:
        admit(request)
        return await _aside(lambda: on().list(request))

    @app.get("/v1/jobs/{job}")
    async def get(request: Request, job: str) -> dict[str, Any]:
        admit(request)
        return await _aside(lambda: on().record(on().find(request, job)))

    @app.get("/v1/jobs/{job}/result")
    async def result(request: Request, job: str) -> Response:
        admit(request)
        return await _aside(lambda: on().result(on().find(request, job)))

    @app.delete("/v1/jobs/{job}")
    async def remove(request: Request, job: str) -> dict[str, Any]:
        admit(request)

        def forget() -> str:
            found = on().find(request, job)
            on().runner.remove(found.id)
            return found.id

        return {"id": await _aside(forget), "object": "job", "deleted": True}


def _aside(function: Callable[[], T]) -> Awaitable[T]:
    """Call what waits for the disk, in a thread."""
    return asyncio.to_thread(function)


def _flush(path: Path) -> None:
    """Have a file on the disk, so that it outlives a power cut. Raises OSError."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _second(time: float | None) -> int | None:
    return None if time is None else int(time)
