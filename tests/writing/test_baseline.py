"""Marks by pauses, capitals by frequency."""

import numpy as np

from asr.writing.baseline import write_by_pauses
from asr.writing.tagger import Lexicon

LEXICON = Lexicon(
    ("we", "anna", "saw", "nasa"), 4, np.array([0, 7, 3, 7], np.uint8), {"nasa": "NASA"}, language="en"
)


def text(words: str, pauses: list[float] | None = None) -> str:
    written = write_by_pauses(LEXICON, words.split(), None if pauses is None else np.array(pauses))
    return " ".join(word.form + word.mark for word in written)


def test_a_long_pause_ends_a_sentence() -> None:
    assert text("WE SAW ANNA SAW WE", [0.1, 0.6, 0.4, 0.0, np.nan]) == "We saw. Anna saw we."


def test_words_have_their_most_frequent_form() -> None:
    assert text("SAW NASA OFTEN") == "Saw NASA often."


def test_nothing_of_nothing() -> None:
    assert text("") == ""
