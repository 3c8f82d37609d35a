"""Text as it is published -> words, each with the mark behind it.

A mark stands for all that do its work: the Arabic question mark is `?`, the danda `.`; a `Tagger` keeps which of them its text had.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

MARKS = ("", ",", ".", "?", "!", ":", ";")
ENDS = frozenset(".?!")

_ALIKE = {
    "،": ",", "、": ",", "，": ",", "︐": ",", "።": ".", "。": ".", "．": ".", "।": ".", "۔": ".", "։": ".", "…": ".",
    "؟": "?", "？": "?", "՞": "?", "！": "!", "՜": "!", "：": ":", "؛": ";", "；": ";",
}  # fmt: skip
_MARK = {mark: mark for mark in MARKS if mark} | _ALIKE
_STRENGTH = "?!.:;,"  # of several marks together the first of these counts: "?!" asks
_UNREADABLE = {"Nd", "Nl", "No", "Sc", "Sm", "So"}
_APOSTROPHES = str.maketrans("’ʼ＇", "'''")
# What ends in a full stop without ending a sentence, by ISO 639 code; single letters do, in all languages.
ABBREVIATIONS = {
    "de": "bzw ca dr evtl fr hr nr prof sog st str usw vgl",
    "en": "capt co col dr etc gen gov hon jr lt maj messrs mr mrs ms prof rev sgt sr st viz vol vs",
    "es": "dr dra ej sr sra srta ud uds",
    "fr": "dr me mgr mm mme mlle",
}


class PublishedWord(NamedTuple):
    """A word.

    Attributes:
        form: as it is written.
        mark: one of MARKS.
        sign: the mark as it is written, "" without one.
    """

    form: str
    mark: str
    sign: str


def sentences(lines: Iterable[str], *, language: str = "") -> Iterator[list[PublishedWord]]:
    """Sentences of a text whose paragraphs have blank lines between them.

    Args:
        lines: of the text.
        language: ISO 639 code, for its abbreviations.

    Left out is what nobody can read out as it stands, or what is no sentence: those with digits or symbols, what a paragraph
    ends with that has no mark behind it, and lines of capitals alone.
    """
    abbreviations = frozenset(ABBREVIATIONS.get(language, "").split())
    sentence: list[PublishedWord] = []
    whole = True  # nothing in it had to be left out

    def ends() -> bool:
        return bool(sentence) and sentence[-1].mark in ENDS

    for line in lines:
        tokens = line.translate(_APOSTROPHES).split()
        if not tokens or _is_heading(tokens):
            if ends() and whole:
                yield sentence
            sentence, whole = [], True
            continue
        for token in tokens:
            if ends() and not _begins_small(token):
                if whole:
                    yield sentence
                sentence, whole = [], True
            words, readable = words_of(token)
            whole = whole and readable
            _append(sentence, words)
            if ends() and sentence[-1].sign == "." and sentence[-1].form.casefold() in abbreviations:
                sentence[-1] = PublishedWord(sentence[-1].form, "", "")
    if ends() and whole:
        yield sentence


def published_words(text: str) -> list[PublishedWord] | None:
    """All words of a transcript, be it a sentence or not; None where it cannot be read out as it stands."""
    words: list[PublishedWord] = []
    for token in text.translate(_APOSTROPHES).split():
        found, readable = words_of(token)
        if not readable:
            return None
        _append(words, found)
    return words


def _append(sentence: list[PublishedWord], words: Iterable[PublishedWord]) -> None:
    for word in words:
        if word.form:
            sentence.append(word)
        elif sentence and not sentence[-1].mark:  # a mark that stands alone
            sentence[-1] = PublishedWord(sentence[-1].form, word.mark, word.sign)


def _begins_small(token: str) -> bool:
    """Whether a token cannot be the first of a sentence."""
    return next((character for character in token if character.isalpha()), "").islower()


def _is_heading(tokens: list[str]) -> bool:
    letters = [character for token in tokens for character in token if character.isalpha()]
    return bool(letters) and len(letters) > 1 and all(letter.isupper() for letter in letters)


@lru_cache(maxsize=1_000_000)
def words_of(token: str) -> tuple[tuple[PublishedWord, ...], bool]:
    """The words of what stands between two spaces, and whether they can be read out as they stand: no digit, no symbol."""
    token = unicodedata.normalize("NFC", token)
    words: list[PublishedWord] = []
    form, rest, readable = "", "", True
    for character in token + " ":
        is_letter = _is_letter(character) or (character == "'" and bool(form) and not rest)
        is_symbol = unicodedata.category(character) in _UNREADABLE
        if (is_letter or is_symbol) and rest:
            if form:
                words.append(_word(form, rest, last=False))
            form, rest = "", ""
        if is_letter or is_symbol:
            form += character
            readable = readable and not is_symbol
        elif character != " ":
            rest += character
    if form or rest:
        words.append(_word(form, rest, last=True))
    return tuple(words), readable


def _word(form: str, rest: str, *, last: bool) -> PublishedWord:
    form = form.rstrip("'")
    found = [sign for sign in rest if sign in _MARK]
    if not found or not (last or "-" in rest or "—" in rest):  # "e.g.", "l'eau"
        return PublishedWord(form, "", "")
    sign = min(found, key=lambda one: _STRENGTH.index(_MARK[one]))
    mark = _MARK[sign]
    if mark == "." and len(form) == 1 and form != "I":
        return PublishedWord(form, "", "")
    return PublishedWord(form, mark, sign)


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"
