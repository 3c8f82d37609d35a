"""References as NIST writes them in STM and TRN: alternatives, and words that need not be there.

`{ one / two three / @ }` is read as `one`, as `two three`, or as no word; readings may hold alternatives again.
A word in parentheses, `(uh)`, is optional: a hypothesis without it is right, too. The reading that counts is
the one nearest to the hypothesis, which `sclite_alignment` finds in the network of words.

Source: the input formats and option -D of sclite in NIST's SCTK (doc/infmts.htm, doc/options.htm).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from asr.errors import EvaluationError

_NO_WORD = "@"
_DEEPEST = 50  # braces within braces
_TOKEN = re.compile(r"[{}]|[^\s{}]+")
# Between braces a slash parts the readings, wherever it stands.
_TOKEN_BETWEEN_BRACES = re.compile(r"[{}/]|[^\s{}/]+")


class Arc(NamedTuple):
    """A word of a network.

    Attributes:
        word: its spelling; "" for no word.
        before: positions of the arcs that it may follow, those of first readings first; 0 is the beginning.
        is_optional: whether a hypothesis without it is right, too.
    """

    word: str
    before: tuple[int, ...]
    is_optional: bool = False


class WordNetwork(NamedTuple):
    """All readings of a reference: every way from the beginning to an end.

    Attributes:
        arcs: each after those that it may follow; their positions count from 1.
        ends: positions of the arcs that may be the last, those of first readings first; (0,) for no words.
    """

    arcs: tuple[Arc, ...]
    ends: tuple[int, ...]


class Words(NamedTuple):
    """Words that are in every reading."""

    text: str


class OptionalWord(NamedTuple):
    """A word that need not be there."""

    text: str


class Alternatives(NamedTuple):
    """Readings of which one was said."""

    readings: tuple["NistReference", ...]


Part = Words | OptionalWord | Alternatives


@dataclass(frozen=True, slots=True)
class NistReference:
    """A reference that may have several readings; `str` writes it as NIST does.

    Attributes:
        parts: what follows one another; no two `Words` stand side by side, and none is empty.
    """

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return " ".join(map(_written, self.parts))

    @property
    def is_plain(self) -> bool:
        """Whether there is one reading alone."""
        return all(isinstance(part, Words) for part in self.parts)

    def normalised(self, apply: Callable[[str], str]) -> "NistReference":
        """As a normaliser spells it, each run of words by itself; what it makes of an optional word is optional.

        An optional word of which nothing is left parts no run.
        """
        parts: list[Part] = []
        for part in self.parts:
            if isinstance(part, Alternatives):
                parts.append(Alternatives(tuple(reading.normalised(apply) for reading in part.readings)))
            elif isinstance(part, OptionalWord):
                parts += [OptionalWord(word) for word in apply(part.text).split()]
            else:
                _add_words(parts, part.text)
        spelled = (Words(apply(part.text)) if isinstance(part, Words) else part for part in parts)
        return NistReference(tuple(part for part in spelled if part != Words("")))

    def network(self) -> WordNetwork:
        """Every reading, as a network of words."""
        arcs: list[Arc] = []
        ends = self._add_to(arcs, (0,))
        return WordNetwork(tuple(arcs), ends)

    def _add_to(self, arcs: list[Arc], before: tuple[int, ...]) -> tuple[int, ...]:
        """Continue a network behind the arcs of `before`; returns the arcs that may then be the last."""
        for part in self.parts:
            if isinstance(part, Alternatives):
                ends: list[int] = []
                for reading in part.readings:
                    if not reading.parts:
                        arcs.append(Arc("", before))
                    ends += reading._add_to(arcs, before) if reading.parts else (len(arcs),)
                before = tuple(ends)
                continue
            for word in part.text.split():
                arcs.append(Arc(word, before, isinstance(part, OptionalWord)))
                before = (len(arcs),)
        return before


def parse_reference(text: str, where: str) -> NistReference:
    """Read a reference with `{ / }` alternatives and `(optional)` words, or one without.

    Args:
        text: as the file spells it.
        where: its file and line, the beginning of error messages.

    Raises:
        EvaluationError: a brace without its other, or glued to a word; a reading of nothing; more than 50 braces within each other.
    """
    parts: list[Part] = []
    around: list[
        tuple[list[Part], list[NistReference]]
    ] = []  # what the open braces interrupt; their readings
    before, position = "", 0
    while found := (_TOKEN_BETWEEN_BRACES if around else _TOKEN).search(text, position):
        token, is_glued = found[0], found.start() == position
        if is_glued and (
            (token == "{" and before not in ("", "{", "/", "}")) or (before == "}" and token not in "{}/")
        ):
            raise EvaluationError(
                f"{where}: {before + token!r}; expected white space between a word and a brace"
            )
        if token == "{":
            if len(around) == _DEEPEST:
                raise EvaluationError(
                    f"{where}: more than {_DEEPEST} {{ within each other, at character {found.start() + 1}; close some"
                )
            around.append((parts, []))
            parts = []
        elif token in ("}", "/"):
            if not around:
                raise EvaluationError(f"{where}: a }} without {{; expected {{ one / two }}")
            if before in ("{", "/"):
                raise EvaluationError(
                    f"{where}: nothing between {before} and {token}; expected words, or @ for no word"
                )
            around[-1][1].append(NistReference(tuple(parts)))
            parts = []
            if token == "}":
                parts, readings = around.pop()
                parts.append(Alternatives(tuple(readings)))
        elif token.startswith("(") and token.endswith(")") and len(token) > 2:
            parts.append(OptionalWord(token[1:-1]))
        elif token != _NO_WORD:
            _add_words(parts, token)
        before, position = token, found.end()
    if around:
        raise EvaluationError(f"{where}: a {{ without }}; expected {{ one / two }}")
    return NistReference(tuple(parts))


def _add_words(parts: list[Part], text: str) -> None:
    if parts and isinstance(parts[-1], Words):
        parts[-1] = Words(f"{parts[-1].text} {text}")
    else:
        parts.append(Words(text))


def _written(part: Part) -> str:
    if isinstance(part, Alternatives):
        return "{ " + " / ".join(str(reading) or _NO_WORD for reading in part.readings) + " }"
    return f"({part.text})" if isinstance(part, OptionalWord) else part.text
