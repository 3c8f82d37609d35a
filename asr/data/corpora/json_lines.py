"""JSON as corpora use it: one object a line, or one long array in a file too large for memory."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from asr.errors import CorpusError
from asr.plain_values import parse_json

_BLOCK = 1 << 20


def read_json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """`file:line` and object of each line of a (gzipped) JSON-lines file.

    Raises:
        CorpusError: missing, not UTF-8, broken gzip, or a line that is no JSON object.
    """
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                record = parse_json(line)
                if not isinstance(record, dict):
                    raise CorpusError(
                        f"{path}:{number}: got a JSON {type(record).__name__}; expected an object"
                    )
                yield f"{path}:{number}", record
    except json.JSONDecodeError as error:
        raise CorpusError(
            f"{path}:{number}: not JSON ({error.msg} at column {error.colno}); expected one object a line"
        ) from None
    except UnicodeDecodeError:
        raise CorpusError(f"{path}:{number + 1}: not UTF-8; convert it with iconv") from None
    except (OSError, EOFError) as error:
        raise CorpusError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from None


def read_json_array(path: Path, key: str) -> Iterator[dict[str, Any]]:
    """Objects of the array `key` in a file that is one JSON object, without reading it whole.

    Raises:
        CorpusError: missing, cut short, not JSON, or without the array.
    """
    decoder = json.JSONDecoder()
    try:
        with path.open(encoding="utf-8") as file:
            buffer = _skip_to(file, f'"{key}"', path)
            buffer = buffer[buffer.index("[") + 1 :] if "[" in buffer else ""
            while True:
                buffer = buffer.lstrip(" \t\r\n,")
                if buffer.startswith("]"):
                    return
                try:
                    record, end = decoder.raw_decode(buffer)
                except json.JSONDecodeError as error:
                    more = file.read(max(_BLOCK, len(buffer)))
                    if not more:
                        raise CorpusError(
                            f"{path}: cut short or not JSON ({error.msg}); fetch the file again"
                        ) from None
                    buffer += more
                    continue
                except (ValueError, RecursionError):  # longer numbers, or deeper lists, than Python reads
                    raise CorpusError(f"{path}: not the corpus's own list; fetch the file again") from None
                yield record
                buffer = buffer[end:]
    except UnicodeDecodeError:
        raise CorpusError(f"{path}: not UTF-8; fetch the file again") from None
    except OSError as error:
        raise CorpusError(f"{path}: cannot read: {error.strerror}; fetch the file again") from None


def _skip_to(file: IO[str], marker: str, path: Path) -> str:
    """Read up to the marker and the bracket after it; what was read from the marker on."""
    buffer = ""
    while more := file.read(_BLOCK):
        buffer += more
        found = buffer.find(marker)
        if found >= 0 and "[" in buffer[found:]:
            return buffer[found + len(marker) :]
        buffer = buffer[found:] if found >= 0 else buffer[-len(marker) :]
    raise CorpusError(f"{path}: no array {marker} in it; expected the corpus's own list")


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
