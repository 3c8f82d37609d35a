"""How numba compiles the searches: once, kept in the cache folder, and never in silence. Importing this module imports numba."""

import hashlib
import importlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numba.np.linalg
from numba.core import event

from asr.cache import cache_folder

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])


def _skip_linear_algebra() -> None:
    """Load what numba has for arrays without SciPy's linear algebra: 0.2 s and 16 MB, to see whether it is there."""
    linalg: Any = numba.np.linalg
    check = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = check


def njit(*, cache: bool, nogil: bool, inner: bool = False) -> Callable[[F], F]:
    """`numba.njit`, its cache in `compiled_folder()`; without one where nothing can be written there.

    Args:
        cache, nogil: as numba has them.
        inner: only compiled code calls the function; it compiles without what Python would call it by.
    """

    def decorate(function: F) -> F:
        folder = compiled_folder() if cache else None
        settings: dict[str, Any] = {
            "cache": folder is not None,
            "nogil": nogil,
            "no_cfunc_wrapper": True,
            "no_cpython_wrapper": inner,
        }
        configured: Any = numba.config
        before = configured.CACHE_DIR
        configured.CACHE_DIR = str(folder or before)
        try:
            compiled: F = numba.njit(**settings)(function)
        finally:
            configured.CACHE_DIR = before
        return compiled

    return decorate


@cache
def compiled_folder() -> Path | None:
    """Where compiled code is kept: a folder of what the searches' sources are now; None where it cannot be written.

    numba itself looks at the date of a function's own file alone, and would go on using what it compiled when a
    function that it calls, or a type that it takes, had changed in another. `NUMBA_CACHE_DIR` goes before our folder.
    """
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parents[1]
    others = (package / "alignment" / "kernels.py", package / "language_model" / "ngram.py")
    for path in [*sorted((package / "decoding").glob("*.py")), *others]:
        digest.update(path.read_bytes())
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_folder() / "compiled") / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder


class _Announcer(event.Listener):
    """Says that the search is being compiled, where that takes more than a second."""

    def __init__(self) -> None:
        self._depth = 0
        self._timer = threading.Timer(0.0, _announce)

    def on_start(self, event: event.Event) -> None:
        if self._depth == 0:
            self._timer = threading.Timer(1.0, _announce)
            self._timer.daemon = True
            self._timer.start()
        self._depth += 1  # what a function calls is compiled within it

    def on_end(self, event: event.Event) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._timer.cancel()


@cache
def _announce() -> None:
    """Once a process."""
    log.info("%s", notice(compiled_folder()))


def notice(folder: Path | None) -> str:
    """What is said while the search is compiled, for `compiled_folder()`."""
    kept = f"once, and kept in {folder}"
    if folder is None:
        kept = f"at every start, for {cache_folder()} cannot be written; ASR_CACHE_DIR names another folder"
    return f"compiling the search for this machine, some 10 s, {kept}"


event.register("numba:compile", _Announcer())
_skip_linear_algebra()
