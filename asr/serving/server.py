"""Runs the application: sockets, time limits on connections, and a shutdown that finishes what is running."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from asr.errors import AsrError
from asr.serving.app import create_app
from asr.serving.config import ServingConfig
from asr.serving.engine import Engine
from asr.serving.live_stream import MAX_MESSAGE_BYTES
from asr.transcription.transcriber import Transcriber

log = logging.getLogger(__name__)


def run_server(
    transcriber: Transcriber,
    config: ServingConfig,
    *,
    on_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends it at once.

    Args:
        transcriber: the model and its decoder.
        config: where to listen, and the limits.
        on_ready: told the address once connections are taken.

    Raises:
        AsrError: the address cannot be listened on.
    """
    listener = _listen(config)
    asyncio.run(_serve(transcriber, config, listener, on_ready))


async def _serve(
    transcriber: Transcriber, config: ServingConfig, listener: socket.socket, on_ready: Callable[[str], None]
) -> None:
    draining = asyncio.Event()
    app = create_app(transcriber, config, draining=draining)
    settings = uvicorn.Config(
        app,
        http=_protocol(config.idle_seconds),
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        limit_concurrency=config.max_connections,
        timeout_graceful_shutdown=max(1, round(config.shutdown_seconds)),
        access_log=False,
        log_config=None,
        server_header=False,
    )
    server = _DrainingServer(settings, draining, app.state.engine)
    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    server.when_started = lambda: on_ready(address)
    await server.serve([listener])


def _listen(config: ServingConfig) -> socket.socket:
    try:
        family = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((config.host, config.port), family=family, backlog=1024)
    except OSError as error:
        raise AsrError(
            f"{config.host}:{config.port}: cannot listen there ({error.strerror}); choose another --host or "
            "--port, 0 for a free one"
        ) from None
    return listener


class _DrainingServer(uvicorn.Server):
    """On a signal: refuse what is new, let live sessions say their last words, then shut down as uvicorn does."""

    def __init__(self, settings: uvicorn.Config, draining: asyncio.Event, engine: Engine) -> None:
        super().__init__(settings)
        self.when_started: Callable[[], None] = lambda: None
        self._draining = draining
        self._engine = engine
        self._drain: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self.when_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._draining.is_set():
            self.should_exit = self.force_exit = True
            return
        log.info("%s: finishing what is running, taking nothing new", signal.Signals(sig).name)
        self._loop.call_soon_threadsafe(self._begin_drain)

    def _begin_drain(self) -> None:
        self._draining.set()
        self._drain = asyncio.ensure_future(self._end_live_sessions())

    async def _end_live_sessions(self) -> None:
        # uvicorn closes sockets as soon as it may exit; live sessions need a moment before.
        deadline = self._loop.time() + (self.config.timeout_graceful_shutdown or 0)
        while self._engine.live_sessions > 0 and self._loop.time() < deadline:
            await asyncio.sleep(0.02)
        self.should_exit = True


def _protocol(idle_seconds: float) -> type[H11Protocol]:
    """HTTP whose connections are cut off when a request's headers do not come in time."""

    class Protocol(H11Protocol):
        _headers_due: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._await_headers()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._await_headers()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._expect_nothing()

        def _await_headers(self) -> None:
            """Start the clock with a request's first byte, stop it once the request is there."""
            is_socket = self.transport.get_protocol() is not self
            if is_socket or (self.cycle is not None and not self.cycle.response_complete):
                self._expect_nothing()
            elif self._headers_due is None:
                self._headers_due = self.loop.call_later(idle_seconds, self._cut_off)

        def _expect_nothing(self) -> None:
            if self._headers_due is not None:
                self._headers_due.cancel()
                self._headers_due = None

        def _cut_off(self) -> None:
            if not self.transport.is_closing():
                log.info("no whole request on a connection for %g s: closed", idle_seconds)
                self.transport.close()

    return Protocol


__all__ = ["run_server"]
