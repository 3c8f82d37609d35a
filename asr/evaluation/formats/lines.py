"""The lines of a text file, as Unicode, or an error that names the line and byte that are not."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from asr.errors import EvaluationError

_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Line(NamedTuple):
    """A line of a file: `where` is "file:number", `text` has no line end."""

    where: str
    text: str


def read_lines(path: Path, *, keep_empty: bool = False) -> Iterator[Line]:
    """The lines of a UTF-8 file, one by one; a byte order mark is dropped.

    Args:
        path: the file.
        keep_empty: also give lines of white space alone.

    Raises:
        EvaluationError: no such file, unreadable, or not UTF-8 throughout.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise EvaluationError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise EvaluationError(f"{path}: is a folder; expected a file of transcripts") from None
    except OSError as error:
        raise EvaluationError(f"{path}: cannot read: {error.strerror}") from error
    if content[:2] in _MARKS:
        raise EvaluationError(
            f"{path}: {_MARKS[content[:2]]} text; expected UTF-8; convert it: "
            f"iconv -f {_MARKS[content[:2]]} -t UTF-8"
        )
    decoded_otherwise = 0  # lines before with characters beyond ASCII, which were UTF-8
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = raw.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            mixed = (
                f"; {decoded_otherwise} lines before it are UTF-8, so the file mixes encodings"
                if decoded_otherwise
                else ""
            )
            raise EvaluationError(
                f"{path}:{number}: not UTF-8 (byte 0x{raw[error.start]:02x} at column {error.start + 1}){mixed}; "
                "convert it, from Latin-1 perhaps: iconv -f LATIN1 -t UTF-8"
            ) from None
        if "\x00" in text:
            raise EvaluationError(f"{path}:{number}: holds a zero byte; expected UTF-8 text")
        decoded_otherwise += not text.isascii()
        if keep_empty or text.strip():
            yield Line(f"{path}:{number}", text)
