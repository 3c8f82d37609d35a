"""Texts as they are written -> the words that are said for them: figures and symbols spelled out, marks left aside."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple, TypeVar

from asr.data.text_rules import KEYBOARD
from asr.errors import UsageError

T = TypeVar("T")

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
_SCALE = "thousand|million|billion|trillion"
_AMOUNT = re.compile(rf"([$£€¥])([\d.,]+)(?:[ -]({_SCALE}))?$", re.IGNORECASE)
# Euros whose comma or point is that of the continent: 5,50, 1.000 and 1.000,50.
_CONTINENTAL = re.compile(r"\d+(?:\.\d{3})*,\d\d?$|\d{1,3}(?:\.\d{3})+$")
# What is written without white space, and amounts with the word behind them.
_TOKEN = re.compile(rf"\S*[$£€¥]\d[\d.,]*\s+(?:{_SCALE})\b\S*|\S+", re.IGNORECASE)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)$")
_ORDINAL = re.compile(r"(\d[\d,]*)(st|nd|rd|th)$", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d,]*(\.\d+)?$")
# What a word may be made of: amounts, times, ordinals, numbers with points and commas within, letters (with the marks that
# scripts have on them) with apostrophes and points within, signs.
_LETTERS = r"[^\s\d!-/:-@\[-`{-~§°½¼£€¥]+"
_PARTS = re.compile(
    rf"[$£€¥]\d+(?:[.,]\d+)*(?:[ -](?:{_SCALE})\b)?|"
    r"\d{1,2}:\d\d|\d[\d,]*(?:st|nd|rd|th)\b|\d+(?:[.,]\d+)*|"
    rf"{_LETTERS}(?:['.]{_LETTERS})*'?|[%&@+=#§°½¼]",
    re.IGNORECASE,
)
_HUNDREDS = (1100, 2099)  # numbers that may be read as years
_LONGEST = 15  # digits; longer numbers are read digit by digit
_MOST_READINGS = 48  # of a word; of one with more, later parts are read in their first way alone


class TextWord(NamedTuple):
    """A word of a text.

    Attributes:
        text: as it is written, marks and all.
        readings: the words that may be said for it, one reading or more.
    """

    text: str
    readings: Readings


class NumbersUnspelled(Exception):
    """A number that cannot be spelled out; the message is the number, and why not."""


def written_words(text: str, *, is_known: Callable[[str], bool], language: str = "en") -> list[TextWord]:
    """The words of a text with what is said for each. Marks that stand alone stay with the word before, or the first word.

    Args:
        text: as published: cased, punctuated, with figures.
        is_known: whether a word, as it stands, is in the dictionary; such words are not taken apart.
        language: of the numbers, as num2words has it; what is said for signs is English.

    Raises:
        NumbersUnspelled: figures, and num2words is not installed or has no words for them.
    """
    words: list[TextWord] = []
    lone = ""
    for token in (" ".join(found.split()) for found in _TOKEN.findall(text)):
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
    ways = first_ways((_part(part, is_known, language) for part in parts), _MOST_READINGS)
    return tuple(tuple(itertools.chain.from_iterable(chosen)) for chosen in itertools.product(*ways))


def first_ways(ways: Iterable[Sequence[T]], most: int) -> list[Sequence[T]]:
    """The ways to say each part, of those the first alone with which there would be more than `most` combinations."""
    kept, count = [], 1
    for several in ways:
        kept.append(several if count * len(several) <= most else several[:1])
        count *= len(kept[-1])
    return kept


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
        return [_amount(amount[1], amount[2], amount[3], language)]
    if not part[0].isdecimal():
        plain = part if is_known(part) else part.strip("'")
        return [(plain if is_known(plain) else plain.replace(".", ""),)]
    if clock := _CLOCK.match(part):
        hour, minutes = _cardinal(clock[1], language), _cardinal(clock[2], language)
        if clock[2] == "00":
            return [(*hour, "o'clock"), tuple(hour)] if _is_english(language) else [tuple(hour)]
        return [(*hour, *(["oh"] if clock[2] < "10" and _is_english(language) else []), *minutes)]
    if ordinal := _ORDINAL.match(part):
        return [tuple(_spell(ordinal[1].replace(",", ""), "ordinal", language))]
    return _number_ways(part, language)


def _amount(sign: str, number: str, scale: str | None, language: str) -> tuple[str, ...]:
    """`$1.05`, `€5,50` or `$1.5 million`: one dollar five cents, ..."""
    large, small = _MONEY[sign]
    if sign == "€" and _CONTINENTAL.match(number):
        number = number.translate(str.maketrans(".,", ",."))
    whole, point, cents = number.partition(".")
    if scale is None and point and len(cents) == 2:
        said = [*_cardinal(whole, language), _plural(large, whole)]
        return (*said, *_cardinal(cents, language), _plural(small, cents)) if int(cents) else tuple(said)
    said = [*_number_ways(number, language)[0], *([scale] if scale else [])]
    return (*said, _plural(large, f"{number}{scale or ''}"))


def _is_english(language: str) -> bool:
    return language.startswith("en")


def _number_ways(part: str, language: str) -> list[tuple[str, ...]]:
    digits = part.replace(",", "")
    if not _NUMBER.match(part) or digits.count(".") > 1:  # 1.2.3, as versions have it; 41:05, a length
        pieces = [_cardinal(piece, language) for piece in re.split(r"[.,:]", part) if piece]
        return [tuple(itertools.chain.from_iterable(pieces))]
    ways = [tuple(_cardinal(digits, language))]
    if digits.isdigit():
        if part == digits and len(digits) == 4 and _HUNDREDS[0] <= int(digits) <= _HUNDREDS[1]:
            ways.append(tuple(_spell(digits, "year", language)))
        if "and" in ways[0]:
            ways.append(tuple(word for word in ways[0] if word != "and"))
        if len(digits) > 1 and (digits[0] == "0" or (len(digits) > 2 and part == digits)):
            for zero in [_cardinal("0", language), *([["oh"]] if _is_english(language) else [])]:
                said = (zero if digit == "0" else _cardinal(digit, language) for digit in digits)
                ways.append(tuple(itertools.chain.from_iterable(said)))
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
        raise NumbersUnspelled(f"{number}: `pip install num2words` to have it spelled out") from None
    try:
        return str(num2words(float(number) if "." in number else int(number), to=kind, lang=language))
    except Exception:  # of whatever kind: for want of a word, tables of languages end in errors of many
        if kind != "cardinal":
            return _spelled(number, "cardinal", language)
        raise NumbersUnspelled(f"{number}: num2words has no words for it in {language!r}") from None


def _spell(number: str, kind: str, language: str) -> list[str]:
    digits = [digit for digit in number if digit != "."]
    if len(digits) > _LONGEST:
        return [word for digit in digits for word in _spell(digit, "cardinal", language)]
    return re.sub(r"[-,]", " ", _spelled(number, kind, language)).split()


def check_language(language: str) -> None:
    """Raises UsageError where num2words is installed and has no such language."""
    try:
        from num2words import CONVERTER_CLASSES
    except ImportError:
        return
    if not {language, re.split("[-_]", language)[0]} & CONVERTER_CLASSES.keys():
        raise UsageError(
            f"figures of language {language!r} are not known; expected one of: {', '.join(sorted(CONVERTER_CLASSES))}"
        )


def words_said(words: Iterable[TextWord]) -> list[str]:
    """All words that may be said, each once, in order."""
    return list(dict.fromkeys(said for word in words for reading in word.readings for said in reading))
