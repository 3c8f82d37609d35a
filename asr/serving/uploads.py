"""A multipart form, read as it arrives: the file goes to disk, and every limit holds while it is read."""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.responses import Response

from asr.serving.config import ServingConfig
from asr.serving.errors import RequestError

_MAX_FIELD_BYTES = 64 * 1024
_MAX_FIELDS = 64
_IS_READ = "asr.body_is_read"  # in a request's scope


@dataclass(frozen=True)
class UploadLimits:
    """What holds while a form is read.

    Attributes:
        most: bytes of the body.
        idle_seconds: silence of the sender.
        seconds: for all of the body.
        folder: where the file goes; None is the system's folder for temporary files.
    """

    most: int
    idle_seconds: float
    seconds: float
    folder: Path | None = None

    @classmethod
    def of(cls, config: ServingConfig) -> "UploadLimits":
        """Those of a transcription that is waited for."""
        return cls(config.max_upload_bytes, config.idle_seconds, config.upload_seconds)


@dataclass
class Upload:
    """A form that has been read.

    Attributes:
        path: temporary file with the content of the field `file`; None without one.
        filename: what the client calls it.
        size: its bytes.
        fields: every other field, its values in order; `name[]` is `name`.
    """

    path: Path | None = None
    filename: str = ""
    size: int = 0
    fields: dict[str, list[str]] = field(default_factory=dict)

    def remove(self) -> None:
        """Delete the temporary file."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


async def read_upload(request: Request, limits: UploadLimits) -> Upload:
    """Read a request's form. The caller removes the upload.

    Raises:
        RequestError: 415 no multipart form; 413 too large; 408 too slow; 400 broken, or cut off; 507 the disk is full.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        got = request.headers.get("content-type") or "nothing"
        raise RequestError(415, f"Content-Type: got {got}; expected multipart/form-data with a field 'file'")
    if (announced_bytes(request) or 0) > limits.most:
        raise _too_large(limits)
    form = _Form(limits.folder)
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": form.part_begin,
                "on_header_field": form.header_field,
                "on_header_value": form.header_value,
                "on_header_end": form.header_end,
                "on_headers_finished": form.headers_finished,
                "on_part_data": form.part_data,
                "on_part_end": form.part_end,
                "on_end": form.end,
            },
        )
        async for chunk in _limited(request, limits):
            parser.write(chunk)
        parser.finalize()
        if not form.is_complete:
            raise RequestError(
                400, "the form ends before its last boundary; send all of it", code="truncated"
            )
    except FormParserError as error:
        form.abandon()
        raise RequestError(400, f"the multipart form is broken: {error}", code="broken_form") from None
    except OSError as error:
        form.abandon()
        raise RequestError(
            507,
            f"the server cannot store the recording: {error.strerror or 'disk error'}; ask again later",
            code="no_room",
        ) from None
    except BaseException:
        form.abandon()
        raise
    return form.upload


def announced_bytes(request: Request) -> int | None:
    """What Content-Length says of a request's body; None where it is missing, or no number of fewer than 19 digits."""
    length = request.headers.get("content-length", "")
    return int(length) if re.fullmatch("[0-9]{1,18}", length) else None


async def _limited(request: Request, limits: UploadLimits) -> AsyncIterator[bytes]:
    """Chunks of the body, as long as it is neither too large nor too slow."""
    deadline = time.monotonic() + limits.seconds
    size, is_whole = 0, False
    while not is_whole:
        left = deadline - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(limits.idle_seconds, left))):
                message = await request.receive()
        except TimeoutError:
            raise RequestError(
                408,
                f"the body came too slowly: {size} bytes, then nothing for {limits.idle_seconds:g} s, or not "
                f"all of it within {limits.seconds:g} s",
                code="slow_upload",
            ) from None
        if message["type"] == "http.disconnect":
            raise RequestError(400, "the connection ended before the body did", code="truncated")
        chunk = message.get("body", b"")
        is_whole = request.scope[_IS_READ] = not message.get("more_body", False)
        size += len(chunk)
        if size > limits.most:
            raise _too_large(limits)
        yield chunk


async def refuse(request: Request, error: RequestError) -> Response:
    """The answer to a request, of whose body something may be unread.

    That is read before: closing a connection over unread bytes would reset it, and the client might never see the answer.
    It closes where that was not all.
    """
    return error.response(ends_connection=not await _drain(request))


async def _drain(request: Request, *, seconds: float = 2.0, most: int = 1 << 24) -> bool:
    """Read the rest of a body and forget it, within bounds; nothing when the client waits to be asked for it.

    Returns whether the body has been read to its end.
    """
    headers = request.headers
    has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
    if request.scope.get(_IS_READ) or not has_body:
        return True
    if "expect" not in headers:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while most > 0:
                    message = await request.receive()
                    most -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return True
    return False


def _too_large(limits: UploadLimits) -> RequestError:
    return RequestError(
        413,
        f"the upload is larger than {limits.most} bytes, the most taken; send a shorter or "
        "compressed recording",
        param="file",
        code="upload_too_large",
    )


class _Form:
    """Callbacks of the parser."""

    def __init__(self, folder: Path | None) -> None:
        self.upload = Upload()
        self._folder = folder
        self.is_complete = False
        self._file: IO[bytes] | None = None
        self._value = bytearray()
        self._count = 0

    def part_begin(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._name, self._text = b"", b""
        self._value.clear()
        self._count += 1
        if self._count > _MAX_FIELDS:
            raise RequestError(400, f"more than {_MAX_FIELDS} form fields", code="broken_form")

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._text += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.lower()] = self._text
        self._name, self._text = b"", b""

    def headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if self._field != "file":
            return
        if self.upload.path is not None:
            raise RequestError(400, "two fields 'file'; expected one", param="file", code="broken_form")
        self.upload.filename = options.get(b"filename", b"").decode("utf-8", "replace")
        # Without the client's ending: what the file is, its content says, and nothing else decides.
        descriptor, name = tempfile.mkstemp(prefix="asr-upload-", dir=self._folder)
        self.upload.path = Path(name)
        self._file = os.fdopen(descriptor, "wb")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
            self.upload.size += end - start
            return
        self._value += data[start:end]
        if len(self._value) > _MAX_FIELD_BYTES:
            raise RequestError(
                413, f"field {self._field!r} is longer than {_MAX_FIELD_BYTES} bytes", param=self._field
            )

    def part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            return
        values = self.upload.fields.setdefault(self._field.removesuffix("[]"), [])
        values.append(bytes(self._value).decode("utf-8", "replace"))

    def end(self) -> None:
        self.is_complete = True

    def abandon(self) -> None:
        """Forget the file."""
        if self._file is not None:
            self._file.close()
        self.upload.remove()
