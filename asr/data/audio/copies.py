"""Temporary copies of sound that cannot be read where it is: what comes through a pipe, and what is decoded.

A copy lies on the disk (in the folder that TMPDIR names), so that recordings of any length take no memory and any
stretch of them can be read. It goes away with the last that holds it, at the latest with the process.
"""

import os
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import IO

from asr.errors import AudioError

# Bytes of a copy at most: three days of speech at 16 kHz, three hours of 96 kHz stereo.
LARGEST = 8 << 30

# Decoded files that are kept for the next stretch of them.
_KEPT = 2


class Copy:
    """A temporary file.

    Attributes:
        path: where it is; written by whoever made the copy.
    """

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="asr-")
        self.path = Path(folder) / "sound"
        weakref.finalize(self, _remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    # A forked process holds the same objects; the file is its parent's.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def copy_stream(stream: IO[bytes], name: str) -> Copy:
    """All that a stream holds, read to its end.

    Args:
        stream: binary.
        name: the beginning of error messages.

    Raises:
        AudioError: nothing in it, more than `LARGEST` bytes, or no space on the disk.
    """
    copy = Copy()
    size = 0
    try:
        with copy.path.open("wb") as file:
            while piece := stream.read(1 << 20):
                size += len(piece)
                if size > LARGEST:
                    raise AudioError(
                        f"{name}: more than {LARGEST} bytes came through the pipe, which is the most taken; write it "
                        "to a file first, and in parts"
                    )
                file.write(piece)
    except OSError as error:
        raise AudioError(
            f"{name}: cannot be copied to {copy.path.parent}: {error.strerror}; free space there, or set TMPDIR"
        ) from None
    if size == 0:
        raise AudioError(f"{name}: 0 bytes; expected audio")
    return copy


class _Kept:
    """A copy that one thread makes while others that want it wait."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.copy: Copy | None = None


class CopyCache:
    """The last few copies that were made, so that ten stretches of a file do not decode it ten times."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            # The child's locks may be held by threads that it does not have.
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[Path], None]) -> Copy:
        """The copy of that key; where there is none, `make` writes it. Raises as `make` does."""
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        with kept.lock:
            if kept.copy is None:
                copy = Copy()
                make(copy.path)
                kept.copy = copy
            return kept.copy
