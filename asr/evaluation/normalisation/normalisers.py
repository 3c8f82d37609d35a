"""The normalisers by name: none, basic, English, and the phones of TIMIT."""

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from asr.data.phones import fold_transcript
from asr.errors import UsageError
from asr.evaluation.normalisation.english import normalise_english

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc\u2032\uff07`\u00b4", "'"))
# Kept among punctuation: what is spoken.
_SPOKEN = "%&@#+"


class Normaliser(NamedTuple):
    """A way to spell transcripts alike.

    Attributes:
        name: as in --normaliser and in reports.
        summary: what it does, for reports.
        apply: a transcript -> the transcript as it is compared.
    """

    name: str
    summary: str
    apply: Callable[[str], str]


def normalise_nothing(text: str) -> str:
    """Only runs of white space become one space."""
    return " ".join(text.split())


def normalise_basic(text: str) -> str:
    """Any language: Unicode NFC, letters without case, no punctuation.

    Apostrophes within words stay (in one shape), as do points and commas between digits and the signs
    that are spoken (%, &, @, #, + and currencies); hyphens and dashes part words.
    """
    text = unicodedata.normalize("NFC", text).casefold().translate(_APOSTROPHES)
    # Case folding may take letters apart.
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"(?<=\w)'(?=\w)", "\ue000", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", "\ue001", text)
    text = re.sub(r"(?<=\d),(?=\d)", "\ue002", text)
    text = "".join(
        " " if unicodedata.category(letter)[0] == "P" and letter not in _SPOKEN else letter for letter in text
    )
    return " ".join(text.replace("\ue000", "'").replace("\ue001", ".").replace("\ue002", ",").split())


def _timit_39(text: str) -> str:
    return fold_transcript(text, 39)


def _english(text: str) -> str:
    return normalise_english(normalise_basic(text))


NORMALISERS = {
    normaliser.name: normaliser
    for normaliser in (
        Normaliser("none", "white space only", normalise_nothing),
        Normaliser("basic", "Unicode NFC, letter case, punctuation", normalise_basic),
        Normaliser(
            "english",
            "basic, and numerals in digits, contractions spelled out, British spellings as American ones, titles",
            _english,
        ),
        Normaliser("timit-39", "TIMIT's 61 phones as the 39 that are scored (Lee & Hon 1989)", _timit_39),
    )
}


def find_normaliser(name: str) -> Normaliser:
    """The normaliser of a name.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in NORMALISERS:
        raise UsageError(f"no normaliser {name!r}; expected one of: {', '.join(NORMALISERS)}")
    return NORMALISERS[name]
