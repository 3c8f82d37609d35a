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

from asr.cli.config_options import add_config_options, given_fields
from asr.cli.model_options import add_model_options
from asr.cli.transcription_options import add_text_options
from asr.options import option_fields, option_name

if TYPE_CHECKING:
    from asr.serving.config import JobsConfig, ServingConfig

_ADDRESS = ("host", "port")
_WORK = ("batch_seconds", "batch_wait", "threads")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from asr.serving.config import JobsConfig, ServingConfig

    add_config_options(parser, ServingConfig, only=_ADDRESS)
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
    limits = [field.name for field in option_fields(ServingConfig) if field.name not in _ADDRESS + _WORK]
    add_config_options(parser.add_argument_group("limits"), ServingConfig, only=limits)
    add_config_options(parser.add_argument_group("work"), ServingConfig, only=_WORK)
    jobs = parser.add_argument_group("jobs")
    jobs.add_argument(
        "--jobs-folder",
        type=Path,
        metavar="DIR",
        help="take on recordings of hours (/v1/jobs), and keep them, their state and results in DIR",
    )
    add_config_options(jobs, JobsConfig, defaults=False)
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

    return ServingConfig(
        model_name=arguments.model_name or _name(arguments.model),
        token=_token(arguments.token_file),
        jobs=_jobs(arguments),
        allowed_hosts=tuple(arguments.allow_host),
        allowed_origins=tuple(arguments.allow_origin),
        **given_fields(arguments, ServingConfig),
    )


def _jobs(arguments: argparse.Namespace) -> "JobsConfig | None":
    from asr.errors import UsageError
    from asr.serving.config import JobsConfig

    given = given_fields(arguments, JobsConfig)
    if given and arguments.jobs_folder is None:
        option = next(option_name(field) for field in option_fields(JobsConfig) if field.name in given)
        raise UsageError(f"--{option.replace('_', '-')}: without --jobs-folder DIR there are no jobs")
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
