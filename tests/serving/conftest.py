"""A model that babbles, served by a real process and in this one."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.transcription.loading import load
from asr.transcription.transcriber import Transcriber

for package in (
    "fastapi",
    "uvicorn",
    "websockets",
    "python_multipart",
    "prometheus_client",
    "httpx",
    "openai",
):
    pytest.importorskip(package, reason="needs the extras serve and dev")


import openai  # noqa: E402
from clients import Server, babble  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402

from asr.serving.app import create_app  # noqa: E402
from asr.serving.config import ServingConfig  # noqa: E402
from served import served  # noqa: E402


@pytest.fixture(scope="session")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model, its mouth opened: noise makes it say many different things, silence nothing."""
    torch.manual_seed(0)
    config = AcousticModelConfig(encoder=EncoderConfig(layers=1, hidden_size=16, channels=4))
    model = AcousticModel(config, vocabulary_size=5).eval()
    with torch.no_grad():
        model.head.weight.mul_(20)
    path = tmp_path_factory.mktemp("babbler") / "babbler.pt"
    save_checkpoint(path, Checkpoint(model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"])))
    return path


@pytest.fixture(scope="session")
def babbling(babbler: Path) -> Transcriber:
    """The babbling model, in this process."""
    return load(babbler, device="cpu", precision="float32")


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a file of noise that comes and goes, different for each number."""
    folder = tmp_path_factory.mktemp("speech")

    def write(number: int = 0, *, seconds: float = 2.0, ending: str = "wav") -> Path:
        path = folder / f"{number}-{seconds:g}.{ending}"
        if not path.exists():
            soundfile.write(path, babble(number, seconds=seconds), 16000)
        return path

    return write


@pytest.fixture(scope="session")
def start_server(babbler: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start `asr serve` on a free port, and end it with the tests."""
    with ExitStack() as running:

        def start(*options: object, model: Path = babbler, **environment: str) -> Server:
            uploads = tmp_path_factory.mktemp("uploads")
            own = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "TMPDIR": str(uploads), **environment}
            process, url = running.enter_context(
                served(
                    *("--model", model, "--precision", "float32", *options), environment={**os.environ, **own}
                )
            )
            return Server(url, process, uploads)

        yield start


@pytest.fixture(scope="session")
def server(start_server: Callable[..., Server]) -> Server:
    """One server with low limits, for all."""
    return start_server(
        "--max-upload-mb", 1, "--max-audio-seconds", 20, "--idle-seconds", 2, "--max-live-sessions", 3
    )  # fmt: skip


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)


@pytest.fixture
def start(babbling: Transcriber) -> Iterator[Callable[..., TestClient]]:
    """Make the application in this process, with a configuration."""
    clients: list[TestClient] = []

    def make(transcriber: Transcriber = babbling, **config: Any) -> TestClient:
        config = {"allowed_hosts": ("testserver",)} | config
        app = create_app(transcriber, ServingConfig(**config), draining=asyncio.Event())
        clients.append(TestClient(app).__enter__())
        return clients[-1]

    yield make
    for client in clients:
        client.__exit__(None, None, None)
