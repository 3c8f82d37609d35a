"""Spoken numbers as they are written: `twenty five dollars` -> `$25`.

Tables add to the numbers that are found what stands around them in a language: money, percent, times of day, years, dates,
telephone numbers. Small numbers that count nothing in particular stay words: `one of them`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from asr.writing.number_items import LANGUAGES, Item, find_items

_SMALL = 10  # numbers below it stay words where nothing calls for figures
_GROUPED = 10_000  # from here on thousands are set apart


class Span(NamedTuple):
    """A piece of a written text.

    Attributes:
        text: in figures; None for a word that stays as it is.
        first, last: the recognised words that it stands for, `words[first:last]`.
    """

    text: str | None
    first: int
    last: int


@dataclass(frozen=True)
class Surroundings:
    """What stands around numbers in a language.

    Attributes:
        money: what is counted -> the sign before the figures.
        cents: a hundredth of it.
        percent: word sequences for %.
        months: names; of `doubtful` ones, which are other words, too, only after one of `before_dates`.
        and_: between dollars and cents, and in `a hundred and one`.
        article: before a round number, and taken into it.
        vague: before a round number that stays in words: `several hundred`, `half a million`.
        scales: behind figures with a fraction: `1.5 million`.
        units: of which two numbers in a row are a range: `fifteen twenty minutes`.
        naught: digits read out one by one have other names for 0, too.
        times: how often the digit behind it is said.
        halves_of_day: word sequences -> as they are written.
        o_clock: behind a whole hour.
        of: between a day and its month.
        shares: word sequences between a small number and what it is a share of: `one in a million`.
        odds: between two numbers: `a hundred to one`.
    """

    money: dict[str, str] = field(default_factory=dict)
    cents: frozenset[str] = frozenset()
    percent: tuple[tuple[str, ...], ...] = ()
    months: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()
    before_dates: frozenset[str] = frozenset()
    and_: str = ""
    article: str = ""
    vague: frozenset[str] = frozenset()
    scales: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    naught: frozenset[str] = frozenset()
    times: dict[str, int] = field(default_factory=dict)
    halves_of_day: dict[tuple[str, ...], str] = field(default_factory=dict)
    o_clock: frozenset[str] = frozenset()
    of: str = ""
    shares: tuple[tuple[str, ...], ...] = ()
    odds: str = ""


_SURROUNDINGS = {
    "en": Surroundings(
        money={"dollar": "$", "dollars": "$", "euro": "€", "euros": "€"},
        cents=frozenset({"cent", "cents"}),
        percent=(("percent",), ("per", "cent")),
        months=frozenset(
            ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]
        ),
        doubtful=frozenset({"may", "march"}),
        before_dates=frozenset(["on", "of", "in", "the", "since", "until", "till", "by", "from", "to", "through", "next", "last", "this", "before", "after"]),
        and_="and",
        article="a",
        vague=frozenset(["half", "quarter", "several", "few", "couple", "dozen", "many", "of", "thanks"]),
        scales=frozenset(["thousand", "million", "billion", "trillion"]),
        units=frozenset(["second", "seconds", "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year", "years", "people"]),
        naught=frozenset({"oh", "o", "zero"}),
        times={"double": 2, "triple": 3},
        halves_of_day={("a", "m"): "am", ("p", "m"): "pm", ("am",): "am", ("pm",): "pm"},
        o_clock=frozenset({"o'clock"}),
        of="of",
        shares=(("in",), ("in", "every")),
        odds="to",
    )
}  # fmt: skip


def write_numbers(words: Sequence[str], *, language: str) -> list[Span]:
    """Set numbers in figures.

    Args:
        words: as recognised, in small letters.
        language: ISO 639 code; of others than LANGUAGES nothing is changed.

    Returns:
        Spans that follow each other and together stand for all words.
    """
    if language not in LANGUAGES:
        return _kept(0, len(words))
    items = find_items(words, language=language)
    around = _SURROUNDINGS.get(language)
    if around is not None:
        for rule in (_hours, _scaled, _vague, _digits, _articles, _years, _money, _percent, _dates, _ratios):
            items = _applied(rule, items, words, around)
    spans = []
    for item in items:
        text = _shown(item, around)
        spans += _kept(item.first, item.last) if text is None else [Span(text, item.first, item.last)]
    return spans


def _kept(first: int, last: int) -> list[Span]:
    return [Span(None, place, place + 1) for place in range(first, last)]


class _Place:
    """Items from one on, and the words that they stand for."""

    def __init__(self, items: Sequence[Item], at: int, words: Sequence[str]) -> None:
        self._items, self._at, self._words = items, at, words

    def item(self, ahead: int = 0) -> Item:
        """An item; one that is nothing beyond the end."""
        place = self._at + ahead
        return self._items[place] if 0 <= place < len(self._items) else Item(-1, -1)

    def word(self, ahead: int = 0) -> str:
        """The word of an item that is one, else ""."""
        item = self.item(ahead)
        return self._words[item.first] if item.text is None and item.last - item.first == 1 else ""

    def starts(self, ahead: int, sequences: Sequence[Sequence[str]]) -> int:
        """How many items one of these word sequences takes from there on, 0 for none."""
        for sequence in sequences:
            if [self.word(ahead + step) for step in range(len(sequence))] == list(sequence):
                return len(sequence)
        return 0

    def in_words(self, count: int) -> tuple[int, list[Item]]:
        """So many items as words."""
        return count, [Item(at, at + 1) for at in range(self.item().first, self.item(count - 1).last)]

    def joined(self, count: int, text: str) -> tuple[int, list[Item]]:
        """So many items as one, in figures."""
        return count, [Item(self.item().first, self.item(count - 1).last, text, settled=True)]


_Found = tuple[int, list[Item]] | None


def _applied(rule: object, items: list[Item], words: Sequence[str], around: Surroundings) -> list[Item]:
    """The items, those that a rule takes replaced by what it makes of them."""
    made: list[Item] = []
    at = 0
    while at < len(items):
        found: _Found = rule(_Place(items, at, words), around)  # type: ignore[operator]
        if found is None:
            made.append(items[at])
            at += 1
        else:
            at += found[0]
            made += found[1]
    return made


def _digits(place: _Place, around: Surroundings) -> _Found:
    """Three digits or more, read out one by one, of a telephone or a flight."""
    text, count = "", 0
    while True:
        item, word = place.item(count), place.word(count)
        times = around.times.get(word, 0)
        following = place.item(count + 1)
        if times and following.is_between(0, 9):
            text, count = text + times * str(int(following.value)), count + 2
        elif word in around.naught and (count or place.item(1).is_between(0, 9)):
            text, count = text + "0", count + 1
        elif item.is_between(0, 9) and item.text is not None:
            text, count = text + item.text, count + 1
        else:
            break
    while count and place.word(count - 1) in around.naught - {"zero"} and len(text) < 3:
        text, count = text[:-1], count - 1
    if len(text) < 3:
        return None
    if len(text) == 10:
        text = f"{text[:3]}-{text[3:6]}-{text[6:]}"
    elif len(text) == 7:
        text = f"{text[:3]}-{text[3:]}"
    return place.joined(count, text)


def _scaled(place: _Place, around: Surroundings) -> _Found:
    """`one point five million`: figures, and the scale in a word."""
    amount = place.item()
    fraction = (
        amount.text is not None and not amount.text.isdigit() and not (amount.ordinal or amount.settled)
    )
    if not fraction or place.word(1) not in around.scales:
        return None
    return 2, [replace(amount, last=place.item(1).last, text=f"{amount.text} {place.word(1)}")]


def _vague(place: _Place, around: Surroundings) -> _Found:
    """`several hundred`, `half a million`: a round number that stays in words."""
    number, before = place.item(), place.word(-1)
    if before == around.article:
        before = place.word(-2)
    if (
        before not in around.vague
        or not number.is_between(100, float("inf"))
        or number.last - number.first > 1
    ):
        return None
    return place.in_words(1)


def _articles(place: _Place, around: Surroundings) -> _Found:
    """`a hundred`: the number takes the article with it."""
    number = place.item(1)
    if not around.article or place.word() != around.article or not number.is_between(100, float("inf")):
        return None
    return 2, [replace(number, first=place.item().first)]


def _years(place: _Place, around: Surroundings) -> _Found:
    """`nineteen eighty four`, `nineteen oh five`; in words where it may run into a number: `in twenty twenty two hundred people`."""
    century, rest = place.item(), place.item(1)
    if not century.is_between(11, 20) or century.last - century.first > 1:
        return None
    if rest.is_between(100, float("inf")) and place.word(-1) not in around.months:
        return place.in_words(2)
    if place.word(-1) in around.before_dates and all(place.item(at).is_between(10, 99) for at in (1, 2)):
        return place.in_words(3)
    if rest.is_between(10, 99) and not place.item(2).is_between(10, 99):
        if place.word(2) in around.units or place.word(2) in around.money or place.starts(2, around.percent):
            return place.in_words(2)
        if place.item(-1).is_between(10, 99) and place.word(-2) not in around.months:
            return None
        return 2, [replace(century, last=rest.last, text=f"{century.text}{rest.text}", settled=True)]
    if place.word(1) in around.naught and place.item(2).is_between(1, 9):
        last = place.item(2)
        return 3, [replace(century, last=last.last, text=f"{century.text}0{int(last.value)}", settled=True)]
    return None


def _hours(place: _Place, around: Surroundings) -> _Found:
    """`three forty five p m`, `three o'clock`, `at three fifteen`."""
    hour, minutes = place.item(), place.item(1)
    if not hour.is_between(1, 12):
        return None
    if place.word(1) in around.o_clock:
        return place.joined(2, f"{hour.text} {place.word(1)}")
    told, count = f"{hour.text}", 1
    if minutes.is_between(10, 59):
        told, count = f"{hour.text}:{minutes.text}", 2
    elif place.word(1) in around.naught and place.item(2).is_between(1, 9):
        told, count = f"{hour.text}:0{int(place.item(2).value)}", 3
    if half := place.starts(count, list(around.halves_of_day)):
        spelled = tuple(place.word(count + step) for step in range(half))
        return place.joined(count + half, f"{told} {around.halves_of_day[spelled]}")
    return place.joined(count, told) if count > 1 and place.word(-1) == "at" else None


def _money(place: _Place, around: Surroundings) -> _Found:
    """`five dollars and twenty cents`."""
    amount, sign = place.item(), around.money.get(place.word(1))
    if sign is None or amount.text is None or amount.ordinal or amount.settled:
        return None
    for count in (2, 3) if place.word(2) == around.and_ else (2,):
        cents = place.item(count)
        if (
            amount.is_between(0, float("inf"))
            and cents.is_between(1, 99)
            and place.word(count + 1) in around.cents
        ):
            return place.joined(count + 2, f"{sign}{_grouped(amount)}.{int(cents.value):02d}")
    return place.joined(2, f"{sign}{_grouped(amount)}")


def _percent(place: _Place, around: Surroundings) -> _Found:
    amount = place.item()
    count = place.starts(1, around.percent)
    if not count or amount.text is None or amount.ordinal or amount.settled:
        return None
    return place.joined(1 + count, f"{_grouped(amount)}%")


def _dates(place: _Place, around: Surroundings) -> _Found:
    """`may third`, `the third of may`: the day in figures."""
    day = place.item()
    if day.text is None or day.settled or not 1 <= day.value <= 31 or day.value != int(day.value):
        return None
    after = place.word(1) == around.of and place.word(2) in around.months and day.ordinal
    month = place.word(-1)
    before = month in around.months and (
        month not in around.doubtful or place.item(-2).first < 0 or place.word(-2) in around.before_dates
    )
    return (1, [replace(day, settled=True)]) if after or before else None


def _ratios(place: _Place, around: Surroundings) -> _Found:
    """`one in a million`, `a hundred to one`: a number of few words that is no year stays in words beside one that does."""
    number = place.item()
    few = number.last - number.first <= 3
    if not few or not number.is_between(_SMALL, float("inf")) or number.is_between(1001, 2100):
        return None
    beside = [2] * (place.word(1) == around.odds) + [-2] * (place.word(-1) == around.odds)
    beside += [-len(share) - 1 for share in around.shares if place.starts(-len(share), [share])]
    small = any(place.item(at).is_between(1, _SMALL - 1) for at in beside)
    return place.in_words(1) if small else None


def _grouped(item: Item) -> str:
    text = item.text or ""
    if item.value < _GROUPED or not text.isdigit():
        return text
    return f"{int(text):,}"


def _shown(item: Item, around: Surroundings | None) -> str | None:
    if item.text is None or item.settled:
        return item.text
    if item.value < _SMALL and item.value == int(item.value):
        return None
    return _grouped(item) if around is not None else item.text
