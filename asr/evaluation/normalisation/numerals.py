"""English numerals in words -> digits."""

import re
from collections.abc import Sequence

_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: value for value, word in enumerate(_TEENS, 10)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
}
_ORDINALS = {
    **dict(
        zip(
            [
                "zeroth",
                "first",
                "second",
                "third",
                "fourth",
                "fifth",
                "sixth",
                "seventh",
                "eighth",
                "ninth",
                "tenth",
                "eleventh",
                "twelfth",
                "thirteenth",
                "fourteenth",
                "fifteenth",
                "sixteenth",
                "seventeenth",
                "eighteenth",
                "nineteenth",
            ],
            [*_ONES, *_TEENS],
            strict=True,
        )
    ),
    **{word.removesuffix("y") + "ieth": word for word in _TENS},
    "hundredth": "hundred",
    "thousandth": "thousand",
    "millionth": "million",
    "billionth": "billion",
}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PLURALS = {word.removesuffix("y") + "ies": 10 * value for value, word in enumerate(_TENS, 2)}
# Of more than a few thousand digits Python makes no integer; nobody says the name of one of more than 31.
_DIGITS = re.compile(r"(?:0|[1-9][0-9]{0,30})\Z")


def digits_of_numerals(words: Sequence[str]) -> list[str]:
    """Write numerals in digits: "two hundred and five" -> "205", "twenty first" -> "21st".

    Years read in pairs become four digits ("nineteen eighty four" -> "1984"), "point" between a numeral
    and single digits a decimal point, "twenties" "20s". Numerals side by side that make no single one
    stay apart: "six two four" -> "6 2 4".

    Args:
        words: lower case.
    """
    result: list[str] = []
    at = 0
    while at < len(words):
        value, after, ordinal = _numeral(words, at)
        if after == at:
            word = words[at]
            result.append(f"{_PLURALS[word]}s" if word in _PLURALS else word)
            at += 1
            continue
        if ordinal:
            result.append(f"{value}{_suffix(value)}")
        else:
            decimals, after = _decimals(words, after)
            result.append(f"{value}.{decimals}" if decimals else str(value))
        at = after
    return result


def _numeral(words: Sequence[str], at: int) -> tuple[int, int, bool]:
    """The longest numeral from `at`: its value, where it ends, and whether it is an ordinal."""
    total, end, last_scale = 0, at, 10**15
    while True:
        start = _past_and(words, end) if end > at else at
        group, group_end, ordinal = _below_thousand(words, start)
        if group_end == start or (end > at and not 0 < group < last_scale):
            return total, end, False
        word = words[group_end] if group_end < len(words) else ""
        scale = _SCALES.get(_ORDINALS.get(word, word), 0)
        if scale >= last_scale:  # "one thousand one million": two numerals
            return total, end, False
        if not ordinal and group > 0 and scale:
            total, end, last_scale = total + group * scale, group_end + 1, scale
            if word in _ORDINALS:
                return total, end, True
            continue
        if end == at and not ordinal and 10 <= group <= 99 and words[at] in _VALUES:
            # A year read in pairs: nineteen eighty four, twenty twenty.
            second, second_end, second_ordinal = _below_hundred(words, group_end)
            if 10 <= second <= 99 and not second_ordinal and words[group_end] in _VALUES:
                return group * 100 + second, second_end, False
        return total + group, group_end, ordinal


def _past_and(words: Sequence[str], at: int) -> int:
    """Skip the "and" of "one thousand and one"."""
    return at + 1 if at < len(words) and words[at] == "and" else at


def _below_thousand(words: Sequence[str], at: int) -> tuple[int, int, bool]:
    """A numeral below a thousand (or hundreds, such as nineteen hundred) from `at`, as `_numeral`."""
    value, end, ordinal = _below_hundred(words, at)
    if end > at and not ordinal and end < len(words) and value > 0:
        hundred = words[end]
        if hundred == "hundredth":
            return value * 100, end + 1, True
        if hundred == "hundred":
            end += 1
            start = _past_and(words, end)
            rest, rest_end, rest_ordinal = _below_hundred(words, start)
            if rest_end > start and (rest > 0 or rest_ordinal):
                return value * 100 + rest, rest_end, rest_ordinal
            return value * 100, end, False
    if end == at and at + 1 < len(words) and words[at] == "a" and words[at + 1] in ("hundred", *_SCALES):
        if words[at + 1] == "hundred":
            start = _past_and(words, at + 2)
            rest, rest_end, rest_ordinal = _below_hundred(words, start)
            return (100 + rest, rest_end, rest_ordinal) if rest_end > start else (100, at + 2, False)
        return 1, at + 1, False
    return value, end, ordinal


def _below_hundred(words: Sequence[str], at: int) -> tuple[int, int, bool]:
    if at >= len(words):
        return 0, at, False
    word = words[at]
    if _DIGITS.match(word):
        return int(word), at + 1, False
    if word in _ORDINALS and _ORDINALS[word] in _VALUES:
        return _VALUES[_ORDINALS[word]], at + 1, True
    value = _VALUES.get(word)
    if value is None:
        return 0, at, False
    if value >= 20 and at + 1 < len(words):
        following = words[at + 1]
        unit = _VALUES.get(_ORDINALS.get(following, following))
        if unit is not None and 1 <= unit <= 9:
            return value + unit, at + 2, following in _ORDINALS
    return value, at + 1, False


def _decimals(words: Sequence[str], at: int) -> tuple[str, int]:
    """The digits after "point" from `at`; "" when there are none."""
    if at + 1 >= len(words) or words[at] != "point":
        return "", at
    digits, end = "", at + 1
    while end < len(words) and (words[end] in _ONES or words[end] == "oh" or re.fullmatch(r"\d", words[end])):
        digits += words[end] if words[end].isdigit() else str(_VALUES.get(words[end], 0))
        end += 1
    return (digits, end) if digits else ("", at)


def _suffix(value: int) -> str:
    if 10 <= value % 100 <= 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
