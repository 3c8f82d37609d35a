"""Writing files so that a reader sees the old one or the new one, never half of either; and reading text."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

from asr.errors import AsrError

# Read once: to read it, it must be set, which other threads would see.
_UMASK = os.umask(0)
os.umask(_UMASK)


def read_text(path: str | Path, *, what: str, error: type[AsrError]) -> str:
    """The text of a UTF-8 file, a byte order mark left out; `\\n` ends its lines, however the file ends them.

    Args:
        path: the file.
        what: is in it, for the message: "the lexicon".
        error: what is raised where it cannot be read, or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as reason:
        raise error(f"{path}: cannot read {what}: {reason.strerror}") from None
    except UnicodeDecodeError as reason:
        raise error(f"{path}: not UTF-8 text (byte {reason.start}); convert {what}") from None
    except ValueError as reason:  # a zero byte in the name
        raise error(f"{path!r}: cannot read {what}: {reason}") from None


@contextmanager
def write_atomically(path: str | Path, *, mode: str = "w", durable: bool = True) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; rename it over `path` when the block ends well.

    The parent folder is made when it is missing. When the block raises, or the disk is full, the
    temporary file is removed and whatever stood at `path` before is untouched.

    Args:
        path: where the file shall end up.
        mode: "w" for UTF-8 text or "wb" for bytes.
        durable: wait until the file is on the disk, so that it outlives a power cut; without, a killed process
            leaves it whole all the same, and thousands of small files are written in seconds, not minutes.

    Raises:
        AsrError: the file cannot be written (no space, no permission, a folder in its place).
    """
    path = Path(path)
    encoding = None if "b" in mode else "utf-8"
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        # A name of a file that is not UTF-8 becomes an escape, which in JSON means that very name.
        errors = None if encoding is None else "backslashreplace"
        with os.fdopen(descriptor, mode, encoding=encoding, errors=errors) as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise AsrError(f"{path}: cannot write: {reason}; free space or choose another place") from error
        raise


def copy_atomically(source: Path, target: Path) -> None:
    """Copy a file's bytes. Raises as `write_atomically`, and OSError where `source` cannot be read."""
    with source.open("rb") as content, write_atomically(target, mode="wb") as file:
        shutil.copyfileobj(content, file)


def remove_leftovers(folder: Path, *patterns: str) -> None:
    """Remove what writers that were killed left, here and in the folders below, of files with such names (`*.json`). None may be writing."""
    for leftover in folder.rglob(".*.part"):
        if any(fnmatchcase(leftover.name, f".{pattern}.*.part") for pattern in patterns):
            leftover.unlink(missing_ok=True)
