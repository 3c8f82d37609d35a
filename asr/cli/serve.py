"""Transcription over HTTP, live over WebSocket, and a page in the browser.

  asr serve --model runs/an4/checkpoints/best.pt
  curl http://127.0.0.1:8000/v1/audio/transcriptions -F file=@speech.wav
  curl http://127.0.0.1:8000/v1/audio/transcriptions -F file=@speech.wav -F response_format=srt

  asr serve --model runs/an4/checkpoints/best.pt --jobs-folder jobs
  curl http://127.0.0.1:8000/v1/jobs -F file=@hours.mp3

OpenAI's clients work with base_url http://127.0.0.1:8000/v1. The token, where one is wanted, is read from
a file or from the environment variable ASR_TOKEN, so that it shows in no list of processes.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.model_options import add_model_options
from asr.cli.transcription_options import add_text_options

if TYPE_CHECKING:
    from asr.serving.config import JobsConfig, ServingConfig

# Option, type, unit, what it is.
_LIMITS = (
    ("--max-upload-mb", float, "MB", "size of an upload; default: 100"),
    ("--max-audio-seconds", float, "S", "duration of an uploaded recording; default: 7200"),
    ("--max-requests", int, "N", "transcriptions at work or waiting, more get 503; default: 128"),
    ("--max-live-sessions", int, "N", "live sessions at once; default: 16"),
    (
        "--max-live-seconds",
        float,
        "S",
        "sound of a live session, which ends a minute later by the clock; default: 7200",
    ),
    ("--max-connections", int, "N", "open connections; default: 512"),
    ("--idle-seconds", float, "S", "a sender that is silent for so long is cut off; default: 10"),
    ("--upload-seconds", float, "S", "time for a whole upload; default: 300"),
    ("--request-seconds", float, "S", "time for a transcription, waiting included; default: 600"),
    ("--shutdown-seconds", float, "S", "time that requests have to end after SIGTERM; default: 30"),
)
_WORK = (
    ("--batch-seconds", float, "S", "padded seconds of sound in the network at once; default: 120"),
    ("--batch-wait", float, "S", "seconds that a batch is gathered for; default: 0.005"),
    ("--threads", int, "N", "recordings read and decoded at once; default: 8"),
)
# And the field of JobsConfig that it is, in how many of whose units.
_JOBS: tuple[tuple[str, type, str, str, str, int], ...] = (
    ("--jobs-kept-hours", float, "H", "a result is kept for so long; default: 168", "kept_seconds", 3600),
    ("--max-jobs", int, "N", "jobs that wait, more get 429; default: 100", "max_waiting", 1),
    ("--max-jobs-mb", int, "MB", "all recordings and results of jobs, more get 507; default: 20480", "max_bytes", 1 << 20),
    ("--max-job-mb", int, "MB", "size of a job's recording; default: 2048", "max_upload_bytes", 1 << 20),
    ("--max-job-hours", float, "H", "duration of a job's recording; default: 24", "max_audio_seconds", 3600),
    ("--jobs-at-once", int, "N", "jobs at work; default: 1", "at_once", 1),
)  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; default: 127.0.0.1, this machine alone"
    )
    parser.add_argument("--port", type=int, default=8000, help="default: 8000; 0 takes a free one")
    parser.add_argument("--model-name", metavar="NAME", help="what /v1/models says; default: the run's name")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="ask for the bearer token in FILE (or in $ASR_TOKEN)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name that clients call the server by, like asr.example.org; may be given again",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a web origin, like https://example.org, whose pages may use the server; may be given again",
    )
    for title, options in (("limits", _LIMITS), ("work", _WORK), ("jobs", _JOBS)):
        group = parser.add_argument_group(title)
        if title == "jobs":
            group.add_argument(
                "--jobs-folder",
                type=Path,
                metavar="DIR",
                help="take on recordings of hours (/v1/jobs), and keep them, their state and results in DIR",
            )
        for option, kind, metavar, summary, *_ in options:
            group.add_argument(option, type=kind, metavar=metavar, help=summary)
    add_text_options(parser)
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    from asr.errors import UsageError

    try:
        import fastapi
        import prometheus_client
        import python_multipart
        import uvicorn
        import websockets
    except ImportError as error:
        from asr.extras import install_command

        raise UsageError(
            f"asr serve: {error.name} is not installed; install the server's packages: {install_command('serve')}"
        ) from None
    del fastapi, prometheus_client, python_multipart, uvicorn, websockets

    from asr.cli.model_options import load_model
    from asr.serving.server import run_server

    config = _config(arguments)
    transcriber = load_model(arguments)

    def ready(address: str) -> None:
        guard = "" if config.token is None else " (with a token)"
        print(f"asr: {config.model_name} at {address}{guard}; Ctrl-C ends it", file=sys.stderr, flush=True)

    run_server(transcriber, config, on_ready=ready)
    return 0


def _config(arguments: argparse.Namespace) -> "ServingConfig":
    from asr.serving.config import ServingConfig

    given = {}
    for option, *_ in (*_LIMITS, *_WORK):
        name = option.removeprefix("--").replace("-", "_")
        if getattr(arguments, name) is not None:
            given[name] = getattr(arguments, name)
    if "max_upload_mb" in given:
        given["max_upload_bytes"] = round(given.pop("max_upload_mb") * 1024 * 1024)
    return ServingConfig(
        host=arguments.host,
        port=arguments.port,
        model_name=arguments.model_name or _name(arguments.model),
        token=_token(arguments.token_file),
        jobs=_jobs(arguments),
        allowed_hosts=tuple(arguments.allow_host),
        allowed_origins=tuple(arguments.allow_origin),
        **given,
    )


def _jobs(arguments: argparse.Namespace) -> "JobsConfig | None":
    from asr.errors import UsageError
    from asr.serving.config import JobsConfig

    given = {}
    for option, _, _, _, field, unit in _JOBS:
        value = getattr(arguments, option.removeprefix("--").replace("-", "_"))
        if value is not None:
            if arguments.jobs_folder is None:
                raise UsageError(f"{option}: without --jobs-folder DIR there are no jobs")
            given[field] = value * unit
    return None if arguments.jobs_folder is None else JobsConfig(arguments.jobs_folder, **given)


def _token(path: Path | None) -> str | None:
    from asr.errors import UsageError

    if path is None:
        return os.environ.get("ASR_TOKEN") or None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {path}: cannot read the token: {error}") from None
    if not token:
        raise UsageError(f"--token-file {path}: empty; expected a token")
    return token


def _name(model: Path | None) -> str:
    """RUN/checkpoints/best.pt -> RUN's name; else the file's."""
    if model is None:
        return "asr"
    model = model.resolve()
    return model.parent.parent.name if model.parent.name == "checkpoints" else model.stem
