"""Recognised words -> text as people write it, each piece of which knows the words it stands for."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from asr.writing.numbers import write_numbers
from asr.writing.published import ENDS
from asr.writing.tagger import Tagger


class Piece(NamedTuple):
    """What stands between two spaces of a written text.

    Attributes:
        text: with its mark.
        first, last: the recognised words that it stands for, `words[first:last]`.
        ends: whether a sentence ends with it.
    """

    text: str
    first: int
    last: int
    ends: bool


def write_readable(
    words: Sequence[str],
    tagger: Tagger,
    *,
    pauses: np.ndarray | None = None,
    figures: bool = True,
    begin: int = 0,
    whole: bool = True,
) -> list[Piece]:
    """Marks, capitals and figures.

    Args:
        words: as recognised.
        tagger: marks and capitals.
        pauses: seconds of silence behind each word; NaN where nobody knows.
        figures: whether numbers become figures, where the tagger's language has rules for that.
        begin: the first word that is to be written; those before it are read only, for what they say of the others.
        whole: as of `Tagger.write`.

    Returns:
        Pieces that follow each other and together stand for all words from `begin` on.
    """
    lexicon = tagger.lexicon
    small = [lexicon.casing.small(word) for word in words[begin:]]
    spans = write_numbers(small, language=lexicon.language if figures else "")
    written = tagger.write(words, pauses, whole=whole)
    ends = {lexicon.signs.get(mark, mark) for mark in ENDS}
    return [
        Piece(
            (written[begin + first].form if text is None else text) + written[begin + last - 1].mark,
            begin + first,
            begin + last,
            written[begin + last - 1].mark in ends,
        )
        for text, first, last in spans
    ]
