"""What any tagger has to beat: a full stop at every long pause, and each word as it is written most often."""

from collections.abc import Sequence

import numpy as np

from asr.writing.tagger import LEVELS, Lexicon, Written

PAUSE = 0.5  # seconds


def write_by_pauses(
    lexicon: Lexicon, words: Sequence[str], pauses: np.ndarray | None = None
) -> list[Written]:
    """How n recognised words are written by pauses and frequencies alone.

    Args:
        lexicon: how often words have a capital, and which have a way of their own of being written.
        words: in any case.
        pauses: seconds of silence behind each word. Where nobody knows, only the last word ends a sentence.
    """
    silence = np.full(len(words), np.nan) if pauses is None else np.array(pauses, float)
    silence[len(words) - 1 :] = np.inf
    written, begins = [], True
    for word, seconds in zip(words, silence.tolist(), strict=True):
        small = lexicon.casing.small(word)
        number = lexicon.numbers.get(small)
        is_name = number is not None and int(lexicon.levels[number]) > (LEVELS - 2) / 2
        form = lexicon.forms.get(small, lexicon.casing.capital(small) if is_name or begins else small)
        begins = seconds >= PAUSE
        written.append(Written(form, lexicon.signs.get(".", ".") if begins else ""))
    return written
