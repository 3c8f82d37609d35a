"""Readers of published corpora, one file each; `asr prepare NAME` finds them by the file's name."""

import importlib
import pkgutil

from asr.data.corpora.corpus import Corpus
from asr.errors import UsageError
from asr.options import nearest

_MACHINERY = {
    "archives",
    "corpus",
    "downloads",
    "durations",
    "preparation",
    "spelling",
    "tables",
    "json_lines",
}


def names() -> list[str]:
    """The corpora that can be prepared."""
    modules = (module.name for module in pkgutil.iter_modules(__path__) if module.name not in _MACHINERY)
    return sorted(name.replace("_", "-") for name in modules)


def find(name: str) -> Corpus:
    """The corpus of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in names():
        raise UsageError(f"no corpus {name!r}{nearest(name, names())}")
    corpus = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").CORPUS
    assert isinstance(corpus, Corpus)
    return corpus
