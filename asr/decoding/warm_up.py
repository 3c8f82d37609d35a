"""Compiled code is loaded, or compiled, in a thread of its own, while something else is loaded: PyTorch, a model.

Run as a program, `python -m asr.decoding.warm_up [KIND PART]`, it compiles a part of one of the searches into the cache folder,
or all parts of both.
"""

import logging
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from asr.cache import announced
from asr.decoding.alphabet import Alphabet
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.options import DecodingOptions
from asr.decoding.prefix_beam import PrefixBeamSearch
from asr.decoding.pronunciation_lexicon import build_pronunciation_lexicon
from asr.decoding.search import Search

log = logging.getLogger(__name__)

Kind = Literal["lexicon", "prefix"]
_PARTS = ("feed", "finish")  # of a search; compiling the one takes about as long as the other


def warm_up(options: DecodingOptions, *, beside: bool = False) -> None:
    """Begin to load what decoding with these options runs; returns at once, and does nothing the second time.

    Args:
        options: of the decoding to come.
        beside: what is not compiled yet is compiled by a process beside this one: within one process, compiling and loading
            take turns. For a command, whose process ends without taking itself apart.
    """
    if options.method == "beam":
        of_lexicon = (
            bool(options.phrases) or options.pronunciations is not None or options.lexicon is not None
        )
        _begin("lexicon" if of_lexicon else "prefix", beside)


@cache
def _begin(kind: Kind, beside: bool) -> None:
    threading.Thread(target=_load, args=[kind, beside], name="asr-warm-up", daemon=beside).start()


def _load(kind: Kind, beside: bool) -> None:
    try:
        if beside:
            _compile_beside(kind)
        for part in _PARTS:
            _run(kind, part)
    except Exception as error:
        # Whoever decodes in earnest comes upon the same, and says so.
        log.debug("warm-up: %s", error)


def _run(kind: Kind, part: str) -> None:
    """Run a part of the search over next to nothing: the compiled code is the same whatever the sizes."""
    search: Search
    if kind == "lexicon":
        search = LexiconBeamSearch(build_pronunciation_lexicon({"A": [["a"]]}, ["a"], source="warm-up"))
    else:
        search = PrefixBeamSearch(Alphabet(("", " ", "A")))
    stream = search.stream()
    if part == "feed":
        stream.feed(np.full((2, 2 if kind == "lexicon" else 3), -1.0, np.float32))
        return
    search.spell(stream.finish()[0])
    if kind == "lexicon":  # whose texts are scored by all their paths
        from asr.decoding.ctc_scores import ctc_scores

        ctc_scores(np.full((2, 2), -1.0, np.float32), [[1]])


def _compile_beside(kind: Kind) -> None:
    """Have processes of their own compile; whatever comes to need the code in this one waits, and finds it compiled."""
    from numba.core.compiler_lock import global_compiler_lock

    from asr.decoding.compilation import compiled_folder, notice

    markers = [(part, _marker(kind, part)) for part in _PARTS]
    missing = [part for part, marker in markers if marker is not None and not marker.exists()]
    if not missing or getattr(sys, "frozen", False):
        return
    with global_compiler_lock, announced(notice(compiled_folder())):
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "asr.decoding.warm_up", kind, part],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for part in missing
        ]
        for process in processes:
            process.wait()


def _marker(kind: Kind, part: str) -> Path | None:
    """The file that says that a part of a search is compiled for this Python; None where none can be written."""
    import numba

    from asr.decoding.compilation import compiled_folder

    folder = compiled_folder()
    return folder and folder / f"{kind}-{part}-{sys.implementation.cache_tag}-numba-{numba.__version__}"


def _compile(kind: Kind, part: str) -> None:
    """What a process beside does."""
    _run(kind, part)
    marker = _marker(kind, part)
    if marker is not None:
        marker.touch()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        _compile_beside("lexicon")
        _compile_beside("prefix")
    else:
        _compile("lexicon" if sys.argv[1] == "lexicon" else "prefix", sys.argv[2])
