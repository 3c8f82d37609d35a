"""Numbers as Whisper's English normaliser writes them: "twenty five dollars and ten cents" -> "$25.10".

A value grows word by word, as an integer while it is a sum ("two hundred" "five"), as digits once words only follow
one another ("nineteen" "eighty" "four", "one" "oh" "one"), and is written when a word comes that cannot go on with it.

Source: Radford et al. 2023, "Robust speech recognition via large-scale weak supervision", appendix C, step 9. What the
paper leaves open follows OpenAI's code, step by step, where it surprises too: "point" before an ordinal vanishes.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

_SMALL = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_BIG = [
    "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion", "octillion",
    "nonillion", "decillion",
]  # fmt: skip

_ZEROS = frozenset(["o", "oh", "zero"])
_ONES = {name: value for value, name in enumerate(_SMALL, 1)}
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"hundred": 100, **{name: 1000**power for power, name in enumerate(_BIG, 1)}}
_IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "twelve": "twelfth"}
_ENDINGS = {"one": "st", "two": "nd", "three": "rd"}


def _ordinal(name: str) -> str:
    if name.endswith("y"):
        return name[:-1] + "ieth"
    return _IRREGULAR.get(name) or name + ("h" if name.endswith("t") else "th")


def _plural(name: str) -> str:
    return name[:-1] + "ies" if name.endswith("y") else name + ("es" if name == "six" else "s")


# Words that end a number: their value, and what is written behind it.
_ONES_ENDED = {
    "zeroth": (0, "th"),
    **{_plural(name): (value, "s") for name, value in _ONES.items()},
    **{_ordinal(name): (value, _ENDINGS.get(name, "th")) for name, value in _ONES.items()},
}
_TENS_ENDED = {
    **{_plural(name): (value, "s") for name, value in _TENS.items()},
    **{_ordinal(name): (value, "th") for name, value in _TENS.items()},
}
_SCALES_ENDED = {
    **{name + "s": (value, "s") for name, value in _SCALES.items()},
    **{name + "th": (value, "th") for name, value in _SCALES.items()},
}
_SIGNS = {"minus": "-", "negative": "-", "plus": "+", "positive": "+"}
_UNITS = {
    name + ending: sign
    for name, sign in (("pound", "£"), ("euro", "€"), ("dollar", "$"), ("cent", "¢"))
    for ending in ("", "s")
}
_PER_CENT = frozenset(["per", "percent"])
_SPECIAL = frozenset(["and", "double", "triple", "point"])
_DECIMALS = frozenset([*_ONES, *_TENS, *_ZEROS])
_KNOWN = frozenset(
    [
        *_DECIMALS,
        *_ONES_ENDED,
        *_TENS_ENDED,
        *_SCALES,
        *_SCALES_ENDED,
        *_SIGNS,
        *_UNITS,
        *_PER_CENT,
        *_SPECIAL,
    ]
)
_WRITTEN_BEFORE = frozenset("-+£€$¢")
_FIGURES = re.compile(r"\d+(?:\.\d+)?\Z")
# Of more, Python makes no integer (sys.set_int_max_str_digits); they stay as they are.
_MOST_FIGURES = 4000


def whisper_numbers(text: str) -> str:
    """Write the numbers of a text in figures, as Whisper does.

    Args:
        text: lower case; of signs only . % and those of currencies.
    """
    words = _part_letters_and_figures(_halves(text)).split()
    return _cents_and_ones(" ".join(_Reader(words).read()))


class _Reader:
    """The value that is being read, what is written before it, and the words that are done."""

    def __init__(self, words: Sequence[str]):
        self.words = words
        self.value: int | str | None = None
        self.before = ""
        self.done: list[str] = []

    def read(self) -> list[str]:
        at = 0
        while at < len(self.words):
            previous = self.words[at - 1] if at else ""
            following = self.words[at + 1] if at + 1 < len(self.words) else ""
            at += 1 + self._take(previous, self.words[at], following)
        self._finish()
        return self.done

    def _take(self, previous: str, word: str, following: str) -> int:
        """Read a word; returns how many of those behind it are read with it."""
        figures = word[1:] if word[0] in _WRITTEN_BEFORE else word
        if _FIGURES.match(figures):
            self._figures(word, figures)
        elif word not in _KNOWN:
            self._finish()
            self._write(word)
        elif word in _ZEROS:
            self.value = f"{self.value or ''}0"
        elif word in _ONES:
            self.value = self._with_one(_ONES[word], previous)
        elif word in _ONES_ENDED:
            number, ending = _ONES_ENDED[word]
            self._write(f"{self._with_one(number, previous)}{ending}")
        elif word in _TENS:
            self.value = self._with(_TENS[word], room=100)
        elif word in _TENS_ENDED:
            number, ending = _TENS_ENDED[word]
            self._write(f"{self._with(number, room=100)}{ending}")
        elif word in _SCALES:
            self._scale(_SCALES[word])
        elif word in _SCALES_ENDED:
            scale, ending = _SCALES_ENDED[word]
            if self.value == 0 and isinstance(self.value, int):
                self._write(f"0{ending}")
            else:
                self._scale(scale)
                self._write(f"{self.value}{ending}")
        elif word in _SIGNS:
            self._finish()
            if self._may_be_number(following):
                self.before = _SIGNS[word]
            else:
                self._write(word)
        elif word in _UNITS and self.value is not None:
            self.before = _UNITS[word]
            self._finish()
        elif word in _PER_CENT and self.value is not None and (word == "percent" or following == "cent"):
            self._write(f"{self.value}%")
            return int(word == "per")
        elif word in _SPECIAL and self._may_be_number(following):
            return self._special(previous, word, following)
        else:
            self._finish()
            self._write(word)
        return 0

    def _figures(self, word: str, figures: str) -> None:
        if isinstance(self.value, str) and self.value.endswith("."):
            self.value += word
            return
        self._finish()
        if figures != word:
            self.before = word[0]
        whole = _exactly(figures, 1)
        self.value = figures if whole is None else whole

    def _with_one(self, number: int, previous: str) -> int | str:
        """The value with one to nineteen behind it."""
        if self.value is not None and (isinstance(self.value, str) or previous in _ONES):
            # "eighty" "four" in digits: the 0 of 80 makes way.
            kept = str(self.value)[:-1] if previous in _TENS and number < 10 else str(self.value)
            return f"{kept}{number}"
        return self._with(number, room=10 if number < 10 else 100)

    def _with(self, number: int, *, room: int) -> int | str:
        """The value plus a number where it is a multiple of `room`, else both one after the other."""
        if self.value is None:
            return number
        if isinstance(self.value, int) and self.value % room == 0:
            return self.value + number
        return f"{self.value}{number}"

    def _scale(self, scale: int) -> None:
        if self.value is None:
            self.value = scale
        elif isinstance(self.value, str) or self.value == 0:
            product = _exactly(self.value, scale)
            if product is None:
                self._finish()
                self.value = scale
            else:
                self.value = product
        else:
            thousands, rest = divmod(self.value, 1000)
            self.value = thousands * 1000 + rest * scale

    def _special(self, previous: str, word: str, following: str) -> int:
        if word == "point":
            if following in _DECIMALS or _FIGURES.match(following):
                self.value = f"{self.value or ''}."
        elif word == "and":
            if previous not in _SCALES:
                self._finish()
                self._write(word)
        elif following in _ONES or following in _ZEROS:
            self.value = f"{self.value or ''}{str(_ONES.get(following, 0)) * (2 if word == 'double' else 3)}"
            return 1
        else:
            self._finish()
            self._write(word)
        return 0

    def _may_be_number(self, word: str) -> bool:
        return word in _KNOWN or _FIGURES.match(word) is not None

    def _finish(self) -> None:
        if self.value is not None:
            self._write(str(self.value))

    def _write(self, text: str) -> None:
        self.done.append(self.before + text)
        self.value, self.before = None, ""


def _exactly(value: int | str, scale: int) -> int | None:
    """The product where it is an integer: 2.5 million; None for 1.2.3 million."""
    if isinstance(value, str) and len(value) > _MOST_FIGURES:
        return None
    try:
        product = Fraction(value) * scale
    except ValueError:
        return None
    return product.numerator if product.denominator == 1 else None


def _halves(text: str) -> str:
    """ "two and a half" -> "two point five"; nothing but "and a half" at the beginning vanishes."""
    *before, last = re.split(r"\band\s+a\s+half\b", text)
    parts = []
    for part in before:
        if part.strip():
            number = part.split()[-1]
            parts += [part, "point five" if number in _DECIMALS or number in _SCALES else "and a half"]
    return " ".join([*parts, *([last] if last.strip() else [])])


def _part_letters_and_figures(text: str) -> str:
    text = re.sub(r"([a-z])([0-9])", r"\1 \2", text)
    text = re.sub(r"([0-9])([a-z])", r"\1 \2", text)
    return re.sub(r"([0-9])\s+(st|nd|rd|th|s)\b", r"\1\2", text)


def _cents_and_ones(text: str) -> str:
    """Dollars and cents in one; 1 and 1s in letters, since "one" is seldom a number."""
    text = re.sub(
        r"([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})\b",
        lambda found: f"{found[1]}{found[2]}.{int(found[3]):02d}",
        text,
    )
    text = re.sub(r"[€£$]0.([0-9]{1,2})\b", lambda found: f"¢{int(found[1])}", text)
    return re.sub(r"\b1(s?)\b", r"one\1", text)
