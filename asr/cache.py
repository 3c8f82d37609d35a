"""The cache folder: what is made of other files once, and mapped into memory from then on.

It is `$ASR_CACHE_DIR`, else `asr` in the user's cache folder: `$XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches` on
macOS, `%LOCALAPPDATA%` on Windows. A file's name holds a digest of the content that it was made of, so that what has
changed is made anew; files that were not used for long are removed. All of it can be removed at any time.
"""

import hashlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from asr.errors import AsrError

log = logging.getLogger(__name__)

T = TypeVar("T")

# Bytes; what is made of less is made again as quickly.
WORTH_KEEPING = 1 << 20
_UNUSED = 60 * 24 * 3600.0  # seconds after which a file is removed


def cache_folder() -> Path:
    """Where the cache is; the folder need not exist."""
    if named := os.environ.get("ASR_CACHE_DIR"):
        return Path(named)
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        users = os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local"
    elif sys.platform == "darwin":
        users = home / "Library" / "Caches"
    else:
        users = os.environ.get("XDG_CACHE_HOME") or home / ".cache"
    return Path(users) / "asr"


def made_once(
    kind: str,
    sources: Sequence[str | Path],
    *,
    parts: Sequence[object] = (),
    make: Callable[[], T],
    write: Callable[[Path, T], None],
    read: Callable[[Path], T],
) -> T:
    """What `make` makes of files, or what `read` finds of it in the cache.

    Where nothing can be written there, it is made each time, and a warning says so once. Two processes that make the
    same at once each write all of it and rename it.

    Args:
        kind: the beginning of the file's name.
        sources: the files that it is made of.
        parts: what else it depends on, for JSON, a version of the format among it.
        make: makes it.
        write: writes it, atomically.
        read: reads what `write` wrote. Raises AsrError where the file is broken.

    Raises:
        AsrError: a source cannot be read, and whatever `make` raises.
    """
    if sum(map(_size, sources)) < WORTH_KEEPING:
        return make()
    digest = hashlib.sha256(json.dumps([*map(content_digest, sources), *parts]).encode()).hexdigest()[:24]
    path = cache_folder() / f"{kind}-{digest}"
    found = _found(path, read)
    if found is not None:
        return found
    with announced(f"making the {kind.replace('-', ' ')} ready, once: {path}"):
        made = make()
    try:
        write(path, made)
        _remove_unused(path.parent, kind)
        return read(path)  # mapped, so that what it took to make it is free again
    except AsrError as error:
        # Windows does not rename over a file that another process has mapped, which has the same content.
        with suppress(AsrError, OSError):
            return read(path)
        _warn_once(str(error), kind)
        return made


@contextmanager
def announced(message: str) -> Iterator[None]:
    """Log a message where what is done takes more than a second."""
    timer = threading.Timer(1.0, log.info, [message])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def content_digest(path: str | Path) -> str:
    """SHA-256 of a file's content, in hexadecimal. Raises AsrError where it cannot be read."""
    try:
        state = os.stat(path)
        return _digest(os.fspath(path), state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise AsrError(f"{path}: cannot read: {error.strerror or error}") from None


def settings_digest(settings: Any) -> str:
    """Sixteen hexadecimal digits, the same for settings that are equal: what JSON can hold, in whatever order its names come."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


@lru_cache(maxsize=64)
def _digest(path: str, _size: int, _changed: int) -> str:
    """Read once a process, unless the file changes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: str | Path) -> int:
    try:
        return os.path.getsize(path)
    except OSError as error:
        raise AsrError(f"{path}: cannot read: {error.strerror or error}") from None


def _found(path: Path, read: Callable[[Path], T]) -> T | None:
    """What the cache has; None, and a notice where it is broken."""
    try:
        if not path.exists():
            return None
        found = read(path)
    except AsrError as error:
        log.warning("%s; making it anew", error)
        return None
    except OSError:  # a folder above it may not be looked into
        return None
    with suppress(OSError):
        os.utime(path)  # used just now
    return found


@cache
def _warn_once(reason: str, kind: str) -> None:
    log.warning(
        "%s; without a cache the %s is made at every start; ASR_CACHE_DIR names another folder",
        *(reason, kind.replace("-", " ")),
    )


def _remove_unused(folder: Path, kind: str) -> None:
    """Remove what nobody has used for long."""
    for path in folder.glob(f"{kind}-*"):
        try:
            if time.time() - path.stat().st_mtime > _UNUSED:
                path.unlink()
        except OSError:
            continue


def cached_files() -> list[Path]:
    """The files in the cache, sorted."""
    return sorted(path for path in cache_folder().rglob("*") if path.is_file())


def empty_cache() -> tuple[int, int]:
    """Remove the files of the cache; how many there were, and their bytes.

    Raises:
        AsrError: one cannot be removed.
    """
    files = cached_files()
    size = 0
    for path in files:
        try:
            size += path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise AsrError(f"{path}: cannot remove: {error.strerror or error}") from None
    return len(files), size
