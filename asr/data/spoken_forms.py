"""Texts as they are written -> the words that are said for them: figures and symbols spelled out, marks left aside."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

from asr.data.text_rules import KEYBOARD

Readings = tuple[tuple[str, ...], ...]

_SIGNS = {
    "%": "percent",
    "&": "and",
    "@": "at",
    "+": "plus",
    "=": "equals",
    "#": "number",
    "§": "section",
    "°": "degrees",
    "½": "half",
    "¼": "quarter",
}
_MONEY = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "sen")}
_MANY = {"penny": "pence", "yen": "yen", "sen": "sen"}
_AMOUNT = re.compile(r"([$£€¥])(\d[\d,]*)(?:\.(\d\d))?$")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)$")
_ORDINAL = re.compile(r"(\d[\d,]*)(st|nd|rd|th)$", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d,]*(\.\d+)?$")
# What a word may be made of: amounts, times, ordinals, numbers with points and commas within, letters (with the marks that
# scripts have on them) with apostrophes and points within, signs.
_LETTERS = r"[^\s\d!-/:-@\[-`{-~§°½¼£€¥]+"
_PARTS = re.compile(
    r"[$£€¥]\d[\d,]*(?:\.\d\d)?|\d{1,2}:\d\d|\d[\d,]*(?:st|nd|rd|th)\b|\d+(?:[.,]\d+)*|"
    rf"{_LETTERS}(?:['.]{_LETTERS})*'?|[%&@+=#§°½¼]",
    re.IGNORECASE,
)
_HUNDREDS = (1100, 2099)  # numbers that may be read as years
_LONGEST = 15  # digits; longer numbers are read digit by digit


class TextWord(NamedTuple):
    """A word of a text.

    Attributes:
        text: as it is written, marks and all.
        readings: the words that may be said for it, one reading or more.
    """

    text: str
    readings: Readings


class NumbersUnspelled(Exception):
    """A number, and no library to spell it out."""


def written_words(text: str, *, is_known: Callable[[str], bool], language: str = "en") -> list[TextWord]:
    """The words of a text with what is said for each. Marks that stand alone stay with the word before, or the first word.

    Args:
        text: as published: cased, punctuated, with figures.
        is_known: whether a word, as it stands, is in the dictionary; such words are not taken apart.
        language: of the numbers, as num2words has it.

    Raises:
        NumbersUnspelled: figures, and num2words is not installed or has no such language.
    """
    words: list[TextWord] = []
    lone = ""
    for token in text.split():
        readings = _readings(token, is_known, language)
        if any(readings):
            words.append(TextWord(f"{lone} {token}".lstrip(), readings))
            lone = ""
        elif words:
            words[-1] = TextWord(f"{words[-1].text} {token}", words[-1].readings)
        else:
            lone = f"{lone} {token}".lstrip()
    return words


def _readings(token: str, is_known: Callable[[str], bool], language: str) -> Readings:
    plain = "".join(map(_plain, token))
    core = plain.strip('.,;:!?"()[]{}-*_/\\|<>~')
    for form in (core, f"{core}.", core.strip("'")):
        if form and is_known(form):
            return ((form,),)
    parts = _PARTS.findall(plain)
    ways = [_part(part, is_known, language) for part in parts]
    return tuple(tuple(itertools.chain.from_iterable(chosen)) for chosen in itertools.product(*ways))


def _plain(sign: str) -> str:
    """A character as the keyboard has it; a space for marks of other scripts. Small and other figures become usual ones."""
    sign = KEYBOARD.get(sign, sign)
    if sign.isascii() or sign in _SIGNS or sign in _MONEY:
        return sign
    kind = unicodedata.category(sign)
    if kind in ("No", "Nl"):
        return unicodedata.normalize("NFKC", sign).replace("\u2044", " ")
    return " " if kind[0] in "PS" else sign


def _part(part: str, is_known: Callable[[str], bool], language: str) -> Sequence[tuple[str, ...]]:
    if part in _SIGNS:
        return [(_SIGNS[part],)]
    if amount := _AMOUNT.match(part):
        large, small = _MONEY[amount[1]]
        said = [*_cardinal(amount[2], language), _plural(large, amount[2])]
        if amount[3] and int(amount[3]):
            said += [*_cardinal(amount[3], language), _plural(small, amount[3])]
        return [tuple(said)]
    if not part[0].isdecimal():
        plain = part if is_known(part) else part.strip("'")
        return [(plain if is_known(plain) else plain.replace(".", ""),)]
    if clock := _CLOCK.match(part):
        hour, minutes = _cardinal(clock[1], language), _cardinal(clock[2], language)
        if clock[2] == "00":
            return [(*hour, "o'clock"), tuple(hour)]
        return [(*hour, *(["oh"] if clock[2] < "10" else []), *minutes)]
    if ordinal := _ORDINAL.match(part):
        return [tuple(_spell(ordinal[1].replace(",", ""), "ordinal", language))]
    return _number_ways(part, language)


def _number_ways(part: str, language: str) -> list[tuple[str, ...]]:
    digits = part.replace(",", "")
    if not _NUMBER.match(part) or digits.count(".") > 1:  # 1.2.3, as versions have it; 41:05, a length
        pieces = [_cardinal(piece, language) for piece in re.split(r"[.,:]", part) if piece]
        return [tuple(itertools.chain.from_iterable(pieces))]
    if len(digits) > _LONGEST:
        return [tuple(word for digit in digits if digit != "." for word in _cardinal(digit, language))]
    ways = [tuple(_cardinal(digits, language))]
    if digits.isdigit():
        if part == digits and len(digits) == 4 and _HUNDREDS[0] <= int(digits) <= _HUNDREDS[1]:
            ways.append(tuple(_spell(digits, "year", language)))
        if "and" in ways[0]:
            ways.append(tuple(word for word in ways[0] if word != "and"))
        if len(digits) > 1 and (digits[0] == "0" or (len(digits) > 2 and part == digits)):
            ways.append(tuple(word for digit in digits for word in _cardinal(digit, language)))
            ways.append(
                tuple(
                    word
                    for digit in digits
                    for word in (["oh"] if digit == "0" else _cardinal(digit, language))
                )
            )
    return list(dict.fromkeys(ways))


def _plural(unit: str, number: str) -> str:
    return unit if number == "1" else _MANY.get(unit, f"{unit}s")


def _cardinal(number: str, language: str) -> list[str]:
    return _spell(number.replace(",", ""), "cardinal", language)


@cache
def _spelled(number: str, kind: str, language: str) -> str:
    try:
        from num2words import num2words
    except ImportError:
        raise NumbersUnspelled(number) from None
    try:
        return str(num2words(float(number) if "." in number else int(number), to=kind, lang=language))
    except NotImplementedError:
        raise NumbersUnspelled(number) from None


def _spell(number: str, kind: str, language: str) -> list[str]:
    return re.sub(r"[-,]", " ", _spelled(number, kind, language)).split()


def words_said(words: Iterable[TextWord]) -> list[str]:
    """All words that may be said, each once, in order."""
    return list(dict.fromkeys(said for word in words for reading in word.readings for said in reading))
