"""POST /v1/audio/transcriptions and GET /v1/models, in OpenAI's shape.

https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from asr.decoding.decoder import Decoder
from asr.errors import AudioError
from asr.serving.config import ServingConfig
from asr.serving.engine import Engine, TooLong
from asr.serving.errors import RequestError
from asr.serving.form_fields import FormOptions, read_options
from asr.serving.uploads import Upload, UploadLimits, read_upload
from asr.serving.worker import WorkerStopped
from asr.transcription.formats import (
    alternatives_record,
    channel_record,
    render,
    verbatim_record,
    word_record,
)
from asr.transcription.transcript import Segment, Transcription

T = TypeVar("T")


async def transcribe_request(request: Request, engine: Engine) -> Response:
    """Read the form, transcribe, render. Raises RequestError."""
    upload = await read_upload(request, UploadLimits.of(engine.config))
    streams = False
    try:
        options, notices, decoder = await check_form(request, upload, engine)
        if options.stream:
            streams = True
            return StreamingResponse(
                _events(engine, upload, options, decoder),
                media_type="text/event-stream",
                headers={"Cache-Control": "no-cache", **notice_header(notices)},
            )
        transcription = await _unless_gone(request, _transcribe(engine, upload, options, decoder))
    finally:
        if not streams:
            upload.remove()
    return answer(transcription, options, notices=notices)


async def check_form(
    request: Request, upload: Upload, engine: Engine
) -> tuple[FormOptions, tuple[str, ...], Decoder]:
    """What a form asks for, what of it is not done, and the decoder for it. Raises RequestError: a field is wrong, or there is no recording."""
    options = read_options(upload, engine.config)
    if upload.path is None:
        raise RequestError(400, "no field 'file'; send the recording in it", param="file")
    if upload.size == 0:
        raise RequestError(400, "the file has 0 bytes; expected a recording", param="file", code="empty_file")
    unread = (f"{name[:100]} in the address is ignored: send it in the form" for name in request.query_params)
    decoder, left_out = await engine.decoder_for(options.words)
    return options, (*options.notices, *left_out, *unread), decoder


async def _transcribe(
    engine: Engine,
    upload: Upload,
    options: FormOptions,
    decoder: Decoder,
    on_text: Callable[[str], None] | None = None,
) -> Transcription:
    """Transcribe an upload. Raises RequestError."""
    assert upload.path is not None
    try:
        return await engine.transcribe(
            upload.path,
            decoder=decoder,
            n_best=options.n_best,
            channels=options.channels,
            verbatim=options.text == "verbatim",
            on_text=on_text,
        )
    except (TooLong, AudioError) as error:
        raise refusal(error, upload) from None
    except TimeoutError:
        raise RequestError(
            504,
            f"not done within {engine.config.request_seconds:g} s; send a shorter recording, or when there "
            "is less to do",
            code="timeout",
        ) from None
    except WorkerStopped as error:
        raise RequestError(503, str(error), code="shutting_down") from None


def refusal(error: TooLong | AudioError, upload: Upload) -> RequestError:
    """The answer to a recording that cannot be transcribed; the client's name of it stands for ours."""
    if isinstance(error, TooLong):
        return RequestError(413, str(error), param="file", code="audio_too_long")
    message = str(error).replace(str(upload.path), upload.filename or "the file")
    return RequestError(400, message, param="file", code="invalid_audio")


async def _events(
    engine: Engine, upload: Upload, options: FormOptions, decoder: Decoder
) -> AsyncIterator[str]:
    """OpenAI's server-sent events: a delta for each stretch as it is recognised, then all of the text; or an error.

    When the client goes away, the generator is closed, and with it the work.
    """
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    work = asyncio.ensure_future(_transcribe(engine, upload, options, decoder, heard.put_nowait))
    work.add_done_callback(lambda _: heard.put_nowait(None))
    engine.in_flight += 1
    try:
        before = ""
        while (text := await heard.get()) is not None:
            yield _event({"type": "transcript.text.delta", "delta": before + text})
            before = " "
        try:
            yield _event({"type": "transcript.text.done", "text": (await work).text})
        except RequestError as error:
            yield _event({"type": "error", **error.body})
    finally:
        engine.in_flight -= 1
        work.cancel()
        upload.remove()


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def notice_header(notices: Sequence[str]) -> dict[str, str]:
    """The header that has them; its values are latin-1."""
    return {"X-Asr-Notice": "; ".join(notices).encode("ascii", "replace").decode()} if notices else {}


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The work's result; it is given up when the client goes away."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(request.receive())  # after the body there is nothing but the disconnect
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RequestError(499, "the client has gone")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


def answer(transcription: Transcription, options: FormOptions, *, notices: Sequence[str]) -> Response:
    """A transcription as `response_format` asks, a line a turn where channels are told apart; notices go into the header X-Asr-Notice."""
    wanted = options.response_format
    header = notice_header(notices)
    text = "\n".join(transcription.lines) if transcription.has_channels else transcription.text
    if wanted == "json":
        return JSONResponse({"text": text}, headers=header)
    if wanted == "verbose_json":
        content = verbose(transcription, options.granularities)
        if notices:
            content["notices"] = list(notices)
        return Response(
            json.dumps(content, ensure_ascii=False), media_type="application/json", headers=header
        )
    if wanted == "text":
        return PlainTextResponse(text + "\n", headers=header)
    kind = {"srt": "application/x-subrip", "vtt": "text/vtt"}[wanted]
    cues = render(transcription, wanted, subtitles=options.subtitles)
    return Response(cues, media_type=f"{kind}; charset=utf-8", headers=header)


def verbose(transcription: Transcription, granularities: Sequence[str]) -> dict[str, Any]:
    """OpenAI's verbose_json, with a confidence for each word and segment besides, what was recognised, and alternatives if any.

    `avg_logprob` is the mean natural log of the words' confidence. What a CTC model has no equivalent
    of has the value that means nothing: `temperature`, `compression_ratio`, `no_speech_prob`, `seek`.
    """
    content: dict[str, Any] = {
        "task": "transcribe",
        "language": "unknown",
        "duration": transcription.duration,
        "text": transcription.text,
        **verbatim_record(transcription),
    }
    if "word" in granularities:
        content["words"] = [word_record(word, text="word") for word in transcription.words]
    if "segment" in granularities:
        content["segments"] = [
            _segment_record(number, segment) for number, segment in enumerate(transcription.segments)
        ]
    return content | alternatives_record(transcription)


def _segment_record(number: int, segment: Segment) -> dict[str, Any]:
    confidences = [max(word.confidence, 1e-6) for word in segment.words]
    return {
        "id": number,
        **channel_record(segment),
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(sum(map(math.log, confidences)) / len(confidences), 4),
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
        "confidence": round(sum(confidences) / len(confidences), 4),
    }


def models(config: ServingConfig, *, created: int) -> dict[str, Any]:
    """The list of GET /v1/models."""
    return {"object": "list", "data": [model_record(config, created=created)]}


def model_record(config: ServingConfig, *, created: int) -> dict[str, Any]:
    """The one model."""
    return {"id": config.model_name, "object": "model", "created": created, "owned_by": "asr"}
