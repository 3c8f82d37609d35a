"""The routes of the server: FastAPI, around an engine."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import asr
from asr.allocator import give_back_freed_memory
from asr.evaluation.page.markup import packaged
from asr.serving.config import ServingConfig
from asr.serving.engine import Engine
from asr.serving.errors import RequestError
from asr.serving.form_fields import form_schema
from asr.serving.jobs import Jobs, add_job_routes
from asr.serving.live_socket import serve_live
from asr.serving.metrics import Metrics
from asr.serving.realtime_socket import serve_realtime
from asr.serving.security import KnownHosts, bearer_token, check_origin, check_token
from asr.serving.transcriptions import model_record, models, transcribe_request
from asr.serving.uploads import refuse
from asr.serving.vosk_socket import serve_vosk
from asr.transcription.transcriber import Transcriber

log = logging.getLogger(__name__)

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_CLEANING = 20.0  # seconds between two times that freed memory is given back, and old jobs are forgotten
# The page loads nothing from elsewhere, and says so to the browser.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; media-src 'self' blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


async def _now_and_then(clean: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(_CLEANING)
        await asyncio.to_thread(clean)


def create_app(transcriber: Transcriber, config: ServingConfig, *, draining: asyncio.Event) -> FastAPI:
    """The application.

    Args:
        transcriber: the model and its decoder.
        config: limits and access.
        draining: set when the server shuts down: new requests are refused, live sessions end.

    Raises:
        AsrError: the folder of jobs cannot be used, or another server has it.
    """
    metrics = Metrics()
    engine = Engine(transcriber, config, metrics)
    jobs = None if config.jobs is None else Jobs(engine, config)
    started = int(time.time())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        cleaning = [asyncio.create_task(_now_and_then(give_back_freed_memory))]
        if jobs is not None:
            cleaning.append(asyncio.create_task(_now_and_then(jobs.runner.expire)))
        yield
        for task in cleaning:
            task.cancel()
        if jobs is not None:
            await asyncio.to_thread(jobs.stop)
        await asyncio.to_thread(engine.stop)

    app = FastAPI(title="asr", version=asr.__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.engine = engine

    def admit(request: Request) -> None:
        check_origin(request, config)
        check_token(bearer_token(request), config)

    def admit_work(request: Request) -> None:
        admit(request)
        if draining.is_set():
            raise RequestError(503, "the server is shutting down; ask again in a while", code="shutting_down")

    @app.post("/v1/audio/transcriptions", openapi_extra=form_schema())
    async def transcriptions(request: Request) -> Response:
        admit_work(request)
        if engine.in_flight >= config.max_requests:
            raise RequestError(
                503, f"{config.max_requests} requests are at work or waiting; ask again soon", code="busy"
            )
        engine.in_flight += 1
        try:
            return await transcribe_request(request, engine)
        finally:
            engine.in_flight -= 1

    add_job_routes(app, jobs, admit=admit, admit_work=admit_work)

    @app.get("/v1/models")
    async def list_models(request: Request) -> dict[str, Any]:
        admit(request)
        return models(config, created=started)

    @app.get("/v1/models/{name}")
    async def get_model(request: Request, name: str) -> dict[str, Any]:
        admit(request)
        if name != config.model_name:
            raise RequestError(404, f"no model {name!r}; this server has {config.model_name}", param="model")
        return model_record(config, created=started)

    @app.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        await serve_realtime(socket, engine, draining=draining)

    # Vosk's clients know a host and a port, and no path.
    @app.websocket("/vosk")
    @app.websocket("/")
    async def vosk(socket: WebSocket) -> None:
        await serve_vosk(socket, engine, draining=draining)

    @app.websocket("/v1/live")
    async def live(socket: WebSocket) -> None:
        await serve_live(socket, engine, draining=draining)

    @app.get("/metrics")
    async def read_metrics(request: Request) -> Response:
        admit(request)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        if draining.is_set() or not engine.worker.is_alive:
            return JSONResponse({"status": "shutting down" if draining.is_set() else "broken"}, 503)
        return JSONResponse({"status": "ok", "model": config.model_name, "version": asr.__version__})

    _add_page(app)
    _add_error_handlers(app)
    if config.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(config.allowed_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["X-Asr-Notice"],
        )
    # What is added last sees a request first.
    app.add_middleware(KnownHosts, config=config)
    app.add_middleware(_Counted, metrics=metrics)
    return app


def _add_page(app: FastAPI) -> None:
    """The page and its files, read from the package once."""
    files = {
        file.name: file.read_bytes()
        for file in resources.files("asr.serving.page").iterdir()
        if file.name[file.name.rfind(".") :] in _TYPES
    }
    # The reports' style is the page's too.
    files["base.css"] = packaged("style.css").encode()

    def serve(name: str) -> Response:
        kind = _TYPES[name[name.rfind(".") :]]
        return Response(files[name], media_type=f"{kind}; charset=utf-8", headers=_PAGE_HEADERS)

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return serve("index.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def page_file(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return serve(name)


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(RequestError)
    async def refused(request: Request, error: RequestError) -> Response:
        return await refuse(request, error)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        message = f"{request.method} {request.url.path}: {error.detail}"
        return RequestError(error.status_code, message).response()

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return RequestError(500, "an error of the server's own; its log has it", code="internal").response()


class _Counted:
    """Counts requests and their time, by path and status."""

    _PATHS = ("/v1/audio/transcriptions", "/v1/jobs", "/v1/models", "/metrics", "/healthz", "/")

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = "/v1/jobs" if scope["path"].startswith("/v1/jobs/") else scope["path"]
        path = path if path in self._PATHS else "other"
        status = "499"  # the client has gone before an answer
        begin = time.monotonic()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            seconds = time.monotonic() - begin
            self.metrics.requests.labels(path, status).inc()
            self.metrics.seconds.labels(path).observe(seconds)
            if path.startswith("/v1/"):
                log.info("%s %s %s %.3f s", scope["method"], scope["path"], status, seconds)
