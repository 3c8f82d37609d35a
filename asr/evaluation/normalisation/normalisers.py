"""The normalisers by name."""

import re
import unicodedata

from asr.data.phones import fold_transcript
from asr.errors import UsageError
from asr.evaluation.normalisation.english import ENGLISH_STEPS
from asr.evaluation.normalisation.steps import Normaliser, Step
from asr.evaluation.normalisation.whisper import MULTILINGUAL_STEPS, OPEN_ASR_STEPS, WHISPER_STEPS

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc\u2032\uff07`\u00b4", "'"))
# Kept among punctuation: what is spoken.
_SPOKEN = "%&@#+"
# Kept where letters or digits are on both sides: an underscore, which `\w` has, too, is punctuation.
_INNER = re.compile(r"(?<=[^\W_])'(?=[^\W_])|(?<=\d)[.,](?=\d)")


def _fold_case(text: str) -> str:
    text = unicodedata.normalize("NFC", text).casefold().translate(_APOSTROPHES)
    # Case folding may take letters apart.
    return unicodedata.normalize("NFC", text)


def _drop_punctuation(text: str) -> str:
    """Without punctuation; apostrophes within words stay, as do points and commas between digits, and what is spoken."""
    inner = {match.start() for match in _INNER.finditer(text)}
    text = "".join(
        " "
        if unicodedata.category(letter)[0] == "P" and letter not in _SPOKEN and place not in inner
        else letter
        for place, letter in enumerate(text)
    )
    return " ".join(text.split())


def _timit_39(text: str) -> str:
    return fold_transcript(text, 39)


_BASIC_STEPS = (
    Step("Unicode NFC, letters without case, one kind of apostrophe", _fold_case),
    Step("punctuation dropped", _drop_punctuation),
)

NORMALISERS = {
    normaliser.name: normaliser
    for normaliser in (
        Normaliser("none", "1", "white space only", ()),
        Normaliser("basic", "1", "Unicode NFC, letter case, punctuation", _BASIC_STEPS),
        Normaliser(
            "english",
            "2",
            "basic, and numerals in digits, contractions spelled out, British spellings as American ones, titles",
            (*_BASIC_STEPS, *ENGLISH_STEPS),
        ),
        Normaliser(
            "whisper",
            "2022",
            "Whisper's English rules: fillers, contractions, titles, numbers, money, British spellings",
            WHISPER_STEPS,
        ),
        Normaliser(
            "open-asr",
            "2026-06",
            "the Open ASR leaderboard's English rules: Whisper's, more fillers, acronyms; without its list of names",
            OPEN_ASR_STEPS,
        ),
        Normaliser(
            "whisper-multilingual",
            "2022",
            "Whisper's rules for any language: letter case, words in brackets, symbols and marks",
            MULTILINGUAL_STEPS,
        ),
        Normaliser(
            "timit-39",
            "1",
            "TIMIT's 61 phones as the 39 that are scored (Lee & Hon 1989)",
            (Step("39 phones", _timit_39),),
        ),
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
