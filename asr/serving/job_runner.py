"""Works on the jobs of a store, one after another, behind the requests and live sessions whose clients wait."""

import logging
import sqlite3
import threading
import time
from dataclasses import dataclass, field

from asr.errors import AsrError, AudioError
from asr.serving.config import JobsConfig
from asr.serving.engine import Cancelled, Engine, TooLong
from asr.serving.errors import RequestError
from asr.serving.form_fields import read_options
from asr.serving.job_store import Job, JobStore
from asr.serving.request_words import decoder_for
from asr.serving.transcriptions import answer, refusal
from asr.serving.uploads import Upload
from asr.serving.worker import WorkerStopped
from asr.transcription.pipeline_config import PipelineConfig

log = logging.getLogger(__name__)

MOST_STARTS = 5
_RETRY = 10.0  # seconds until a disk that is full is tried again
# Padded seconds of one job in the network at once: what a live session may have to wait for.
_BATCH_SECONDS = 30.0


@dataclass
class _Running:
    """A job at work: told to stop by `gone`, and how many of its seconds have been transcribed."""

    gone: threading.Event = field(default_factory=threading.Event)
    heard: float = 0.0
    duration: float = 0.0


class JobRunner:
    """Threads that work on jobs.

    Args:
        store: has the jobs.
        engine: transcribes, in the way it does for requests.
        config: how many at once, and how long results are kept.
    """

    def __init__(self, store: JobStore, engine: Engine, config: JobsConfig) -> None:
        self.store = store
        self.config = config
        self._engine = engine
        self._running: dict[str, _Running] = {}
        self._changed = threading.Condition()
        self._stopping = False
        metrics = engine.metrics
        metrics.jobs.labels("queued").set_function(lambda: store.count("queued"))
        metrics.jobs.labels("running").set_function(lambda: len(self._running))
        self._threads = [
            threading.Thread(target=self._work, name=f"jobs-{number}", daemon=True)
            for number in range(config.at_once)
        ]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """A job has been added."""
        with self._changed:
            self._changed.notify()

    def share(self, job: str) -> float:
        """How much of a job that runs is transcribed, 0 to 1."""
        running = self._running.get(job)
        if running is None or running.duration <= 0:
            return 0.0
        return min(1.0, running.heard / running.duration)

    def remove(self, job: str) -> None:
        """Forget a job, at work or not."""
        with self._changed:
            self.store.remove(job)
            if (running := self._running.get(job)) is not None:
                running.gone.set()

    def expire(self) -> None:
        """Forget what has been kept long enough."""
        if count := self.store.expire(time.time() - self.config.kept_seconds):
            log.info("%d jobs are forgotten: they ended %g s ago", count, self.config.kept_seconds)

    def stop(self) -> None:
        """Put what is at work back into the queue, for the next server, and end the threads."""
        with self._changed:
            self._stopping = True
            for running in self._running.values():
                running.gone.set()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            running = self._running[job.id]
            try:
                self._finish(job, running)
            except (Cancelled, WorkerStopped):
                # Its client has removed it, or the server ends.
                self._postpone(job)
            except sqlite3.Error as error:
                log.error("%s: its state cannot be kept: %s", job.id, error)
                self._postpone(job)
            finally:
                with self._changed:
                    del self._running[job.id]

    def _next(self) -> Job | None:
        """The next job, once there is one; None when the runner is stopped."""
        with self._changed:
            while not self._stopping:
                try:
                    job = self.store.start()
                except sqlite3.Error as error:
                    log.error("no job can be begun: %s", error)
                    self._changed.wait(_RETRY)
                    continue
                if job is not None:
                    self._running[job.id] = _Running()
                    return job
                self._changed.wait()
        return None

    def _postpone(self, job: Job) -> None:
        """Put a job back into the queue, once the disk lets us; if it never does, the next server will."""
        while True:
            try:
                self.store.postpone(job.id)
                return
            except sqlite3.Error:
                with self._changed:
                    if self._stopping:
                        return
                    self._changed.wait(_RETRY)

    def _finish(self, job: Job, running: _Running) -> None:
        begin = time.monotonic()
        try:
            body, media_type = self._transcribe(job, running)
            kept = self._keep(job, body, media_type)
            state = "done"
        except (Cancelled, WorkerStopped):
            raise
        except RequestError as error:
            kept = self.store.fail(job.id, {"status": error.status, **error.body})
            state = "failed"
        except sqlite3.Error:
            raise
        except Exception as error:
            log.error("%s failed", job.id, exc_info=error)
            why = RequestError(500, "an error of the server's own; its log has it", code="internal")
            kept = self.store.fail(job.id, {"status": why.status, **why.body})
            state = "failed"
        if kept:
            self._engine.metrics.jobs_ended.labels(state).inc()
            log.info(
                "%s %s, %.1f s of sound in %.1f s", job.id, state, running.heard, time.monotonic() - begin
            )

    def _transcribe(self, job: Job, running: _Running) -> tuple[bytes, str]:
        """The result as it is sent, and its media type. Raises RequestError, Cancelled and WorkerStopped."""
        if job.starts > MOST_STARTS:
            raise RequestError(
                500,
                f"the server died {MOST_STARTS} times while it was at work on this recording; look into its log",
                code="server_died",
            )
        path = self.store.recording(job.id)
        upload = Upload(path, job.filename, job.size, job.fields)
        options = read_options(upload, self._engine.config)

        decoder, _ = decoder_for(self._engine.transcriber, options.words)

        def opened(duration: float) -> None:
            running.duration = duration

        def progress(seconds: float) -> None:
            running.heard += seconds

        try:
            transcription = self._engine.transcribe_patiently(
                path,
                running.gone,
                decoder=decoder,
                config=PipelineConfig(
                    n_best=options.n_best, channels=options.channels, seconds_per_batch=_BATCH_SECONDS
                ),
                verbatim=options.text == "verbatim",
                longest=self.config.max_audio_seconds,
                on_open=opened,
                progress=progress,
            )
        except (TooLong, AudioError) as error:
            raise refusal(error, upload) from None
        response = answer(transcription, options, notices=job.notices)
        return bytes(response.body), response.headers["content-type"]

    def _keep(self, job: Job, body: bytes, media_type: str) -> bool:
        try:
            return self.store.finish(job.id, body, media_type=media_type)
        except AsrError as error:
            log.error("%s: %s", job.id, error)
            raise RequestError(
                507, "there is no room on the server's disk for the result; ask again later", code="no_room"
            ) from None
