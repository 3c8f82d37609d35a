"""Compiled code is loaded, or compiled, in a thread of its own, while something else is loaded: PyTorch, a model."""

import logging
import threading
from functools import cache

import numpy as np

from asr.decoding.alphabet import Alphabet
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.options import DecodingOptions
from asr.decoding.prefix_beam import PrefixBeamSearch
from asr.decoding.pronunciation_lexicon import build_pronunciation_lexicon
from asr.decoding.search import Search

log = logging.getLogger(__name__)


def warm_up(options: DecodingOptions) -> None:
    """Begin to load what decoding with these options runs; returns at once, and does nothing the second time."""
    if options.method == "beam":
        _begin(options.pronunciations is not None or options.lexicon is not None)


@cache
def _begin(of_lexicon: bool) -> None:
    threading.Thread(target=_search, args=[of_lexicon], name="asr-warm-up").start()


def _search(of_lexicon: bool) -> None:
    """Search through next to nothing: the compiled code is the same whatever the sizes."""
    search: Search
    try:
        if of_lexicon:
            search = LexiconBeamSearch(build_pronunciation_lexicon({"A": [["a"]]}, ["a"], source="warm-up"))
        else:
            search = PrefixBeamSearch(Alphabet(("", " ", "A")))
        columns = 2 if of_lexicon else 3
        search.spell(search.search(np.full((2, columns), -1.0, np.float32))[0])
    except Exception as error:
        # Whoever decodes in earnest comes upon the same, and says so.
        log.debug("warm-up: %s", error)
