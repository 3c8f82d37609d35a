"""Settings of the server."""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from asr.errors import ConfigError


@dataclass(frozen=True)
class JobsConfig:
    """How recordings of hours are taken on and kept.

    Attributes:
        folder: where recordings, results and the state of jobs lie; on a disk of this machine, for one server at a time.
        kept_seconds: time that a job's result is kept once it has ended.
        max_waiting: jobs that wait; more get 429.
        max_bytes: of all recordings and results together; more get 507.
        max_upload_bytes: size of a recording.
        max_audio_seconds: duration of a recording.
        at_once: jobs at work.
    """

    folder: Path
    kept_seconds: float = 7 * 24 * 3600.0
    max_waiting: int = 100
    max_bytes: int = 20 * 1024**3
    max_upload_bytes: int = 2 * 1024**3
    max_audio_seconds: float = 24 * 3600.0
    at_once: int = 1

    def __post_init__(self) -> None:
        _check_positive(self)


@dataclass(frozen=True)
class ServingConfig:
    """What the server listens on, and what it takes on.

    Attributes:
        host: address to listen on; the default is reached from this machine alone.
        port: TCP port; 0 takes a free one, which the log names.
        model_name: what `GET /v1/models` calls the model.
        token: bearer token that requests must carry; None asks for none.
        allowed_hosts: further names that clients call this server by, such as a proxy's; see
            `asr.serving.security.check_host`.
        allowed_origins: other web origins (`https://example.org`) whose pages may call this server.
        max_upload_bytes: size of a request's body.
        max_audio_seconds: duration of an uploaded recording.
        max_requests: transcriptions at work or waiting at once; more are told to come back (503).
        max_live_sessions: live sessions at once.
        max_live_seconds: sound of a live session; by the clock it ends a minute later, see `asr.serving.live_stream.converse`.
        max_connections: open connections; more are told to come back (503).
        idle_seconds: silence on a connection while its headers or body are awaited, or live sound is.
        upload_seconds: time for a request's whole body.
        request_seconds: time for the transcription, waiting included.
        shutdown_seconds: time that requests have to end after SIGTERM.
        batch_seconds: padded seconds of sound that go through the network at once.
        batch_wait: seconds that a batch is gathered for.
        threads: recordings that are read and decoded at once.
        jobs: how recordings of hours are taken on; None does not.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    model_name: str = "asr"
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_upload_bytes: int = 100 * 1024 * 1024
    max_audio_seconds: float = 7200.0
    max_requests: int = 128
    max_live_sessions: int = 16
    max_live_seconds: float = 7200.0
    max_connections: int = 512
    idle_seconds: float = 10.0
    upload_seconds: float = 300.0
    request_seconds: float = 600.0
    shutdown_seconds: float = 30.0
    batch_seconds: float = 120.0
    batch_wait: float = 0.005
    threads: int = 8
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
