"""Recognised words -> words and numbers; the library text2num finds numbers in eight languages."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from text_to_num import find_numbers

LANGUAGES = ("da", "de", "en", "es", "fr", "it", "nl", "pt")
_DECIMAL = frozenset({"point", "komma", "coma", "virgule", "virgola", "vírgula"})
_SCALES = frozenset({10**3, 10**6, 10**9, 10**12})
# By themselves they are no number: `thousands of people`.
_PLURALS = frozenset(
    [
        "tens", "hundreds", "thousands", "millions", "billions", "trillions", "milliards", "millionen", "milliarden", "millones",
        "milhões", "milioni", "miliardi", "miljoenen", "miljarden", "millioner", "milliarder",
    ]
)  # fmt: skip
_PARTS = ("ths", "rds")  # how parts of a whole end, which text2num takes for ordinals: `five hundredths`


@dataclass(frozen=True)
class Item:
    """A word, or a number of one or more words.

    Attributes:
        first, last: the words.
        text: in figures; None for a word.
        value: of a number.
        ordinal: `third`.
        settled: figures are called for.
    """

    first: int
    last: int
    text: str | None = None
    value: float = -1.0
    ordinal: bool = False
    settled: bool = False

    def is_between(self, least: float, most: float) -> bool:
        """Whether it is a whole cardinal number, not settled yet, in these bounds."""
        whole = self.text is not None and self.text.isdigit()
        return whole and not self.ordinal and not self.settled and least <= self.value <= most


def find_items(words: Sequence[str], *, language: str) -> list[Item]:
    """Words and numbers, which follow each other and together are all of `words`.

    Args:
        words: as recognised, in small letters.
        language: one of LANGUAGES.
    """
    numbers = find_numbers([_Token(word) for word in words], language, threshold=0)
    scales = {place for one in numbers for place in _scales_of_fraction(words, one.start, one.end, language)}
    if scales:
        numbers = find_numbers(
            [_Token(word, place in scales) for place, word in enumerate(words)], language, threshold=0
        )
    items, at = [], 0
    for one in numbers:
        last = words[one.end - 1]
        part = one.is_ordinal and last.endswith(_PARTS)
        if part or one.start in scales or (one.end - one.start == 1 and last in _PLURALS):
            continue
        items += [Item(place, place + 1) for place in range(at, one.start)]
        value, text = one.value, one.text
        if last == "sixtieth":
            value, text = value + 10, f"{int(value) + 10}th"
        items.append(Item(one.start, one.end, text, value, one.is_ordinal))
        at = one.end
    return items + [Item(place, place + 1) for place in range(at, len(words))]


@dataclass(frozen=True)
class _Token:
    """A word, for text2num.

    Attributes:
        word: the word.
        apart: it belongs to no number before it.
    """

    word: str
    apart: bool = False

    def text(self) -> str:
        if self.word == "sixtieth":  # which text2num does not know
            return "fiftieth"
        return self.word.encode("utf-8", "replace").decode()

    def nt_separated(self, previous: "_Token") -> bool:
        return self.apart

    def not_a_number_part(self) -> bool:
        return False


def _scales_of_fraction(words: Sequence[str], first: int, last: int, language: str) -> list[int]:
    """Where the `million` of `one point five million` is, of a number and the word behind it; none where there is none."""
    points = [place for place in range(first + 1, last) if words[place] in _DECIMAL]
    places = range(points[0] + 2, min(last + 1, len(words))) if points else range(0)
    return next(([place] for place in places if _is_scale(words[place], language)), [])


@lru_cache(maxsize=10_000)
def _is_scale(word: str, language: str) -> bool:
    return word in _PLURALS or any(
        one.value in _SCALES and not one.is_ordinal
        for one in find_numbers([_Token(word)], language, threshold=0)
    )
