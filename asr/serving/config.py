"""Settings of the server."""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from asr.errors import ConfigError
from asr.options import option


@dataclass(frozen=True)
class JobsConfig:
    """How recordings of hours are taken on and kept. Fields with a `help` are options of `asr serve`.

    Attributes:
        folder: where recordings, results and the state of jobs lie; on a disk of this machine, for one server at a time.
    """

    folder: Path
    kept_seconds: float = option(
        7 * 24 * 3600.0,
        "time that a job's result is kept once it has ended",
        name="jobs_kept_hours",
        metavar="H",
        unit=3600,
    )
    max_waiting: int = option(100, "jobs that wait; more get 429", name="max_jobs")
    max_bytes: int = option(
        20 << 30,
        "all recordings and results of jobs; more get 507",
        name="max_jobs_mb",
        metavar="MB",
        unit=1 << 20,
    )
    max_upload_bytes: int = option(
        2 << 30, "size of a job's recording", name="max_job_mb", metavar="MB", unit=1 << 20
    )
    max_audio_seconds: float = option(
        24 * 3600.0, "duration of a job's recording", name="max_job_hours", metavar="H", unit=3600
    )
    at_once: int = option(1, "jobs at work", name="jobs_at_once")

    def __post_init__(self) -> None:
        _check_positive(self)


@dataclass(frozen=True)
class ServingConfig:
    """What the server listens on, and what it takes on. Fields with a `help` are options of `asr serve`.

    Attributes:
        model_name: what `GET /v1/models` calls the model.
        token: bearer token that requests must carry; None asks for none.
        allowed_hosts: further names that clients call this server by, such as a proxy's; see
            `asr.serving.security.check_host`.
        allowed_origins: other web origins (`https://example.org`) whose pages may call this server.
        max_live_seconds: see `asr.serving.live_stream.converse`.
        jobs: how recordings of hours are taken on; None does not.
    """

    host: str = option(
        "127.0.0.1", "address to listen on; the default is reached from this machine alone", metavar="HOST"
    )
    port: int = option(8000, "TCP port; 0 takes a free one, which the log names", metavar="PORT")
    model_name: str = "asr"
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_upload_bytes: int = option(
        100 << 20, "size of an upload", name="max_upload_mb", metavar="MB", unit=1 << 20, parse=float
    )
    max_audio_seconds: float = option(7200.0, "duration of an uploaded recording", metavar="S")
    max_requests: int = option(128, "transcriptions at work or waiting; more are told to come back (503)")
    max_live_sessions: int = option(16, "live sessions at once")
    max_live_seconds: float = option(
        7200.0, "sound of a live session, which ends a minute later by the clock", metavar="S"
    )
    max_connections: int = option(512, "open connections; more are told to come back (503)")
    idle_seconds: float = option(10.0, "a sender that is silent for so long is cut off", metavar="S")
    upload_seconds: float = option(300.0, "time for a whole upload", metavar="S")
    request_seconds: float = option(600.0, "time for a transcription, waiting included", metavar="S")
    shutdown_seconds: float = option(30.0, "time that requests have to end after SIGTERM", metavar="S")
    batch_seconds: float = option(120.0, "padded seconds of sound in the network at once", metavar="S")
    batch_wait: float = option(0.005, "seconds that a batch is gathered for", metavar="S")
    threads: int = option(8, "recordings read and decoded at once")
    jobs: JobsConfig | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port {self.port}; expected 0 to 65535")
        if self.token is not None and (len(self.token) < 8 or not self.token.isascii() or " " in self.token):
            raise ConfigError("token: expected at least 8 ASCII characters, none of them a space")
        _check_positive(self, but=("port", "batch_wait"))
        if not 0 <= self.batch_wait <= 1:
            raise ConfigError(f"batch_wait {self.batch_wait} s; expected 0 to 1")
        for host in self.allowed_hosts:
            if not re.fullmatch(r"[\w.-]+|\[?[0-9a-fA-F:]+\]?", host):
                raise ConfigError(
                    f"host {host!r}; expected a name like asr.example.org, without scheme and port"
                )
        for origin in self.allowed_origins:
            if not origin.startswith(("http://", "https://")) or origin.endswith("/"):
                raise ConfigError(f"origin {origin!r}; expected one like https://example.org")

    @property
    def listens_everywhere(self) -> bool:
        """Whether `host` stands for all addresses of this machine."""
        return self.host in ("", "0.0.0.0", "::")


def _check_positive(config: Any, *, but: tuple[str, ...] = ()) -> None:
    """Raise ConfigError for a number of a configuration that is not above 0."""
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name not in but and isinstance(value, int | float) and value <= 0:
            raise ConfigError(f"{field.name} {value}; expected more than 0")
