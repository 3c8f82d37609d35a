"""What the model can spell, and whether words can be spelled with it."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from asr.decoding.search import Spelled
from asr.errors import DecodingError

log = logging.getLogger(__name__)

BLANK = 0


class Spelling(Protocol):
    """What decoding must know of a tokenizer.

    Attributes:
        separator: what stands between tokens in a text: nothing between characters, a space between units.
    """

    @property
    def separator(self) -> str: ...

    def __len__(self) -> int:
        """V, the blank (id 0) included."""
        ...

    def decode(self, tokens: list[int]) -> str:
        """Text of token ids."""
        ...


@dataclass(frozen=True)
class Alphabet:
    """The text of every token; words are parted by the token " ", where there is one.

    Attributes:
        symbols: text of each token id; that of the blank (id 0) is "".
        units: each token is a word by itself, such as a phone.
    """

    symbols: tuple[str, ...]
    units: bool = False

    @classmethod
    def of(cls, spelling: Spelling) -> "Alphabet":
        """The alphabet of a tokenizer."""
        symbols = (spelling.decode([token]) for token in range(1, len(spelling)))
        return cls(("", *symbols), units=spelling.separator == " ")

    @cached_property
    def space(self) -> int:
        """Id of the space between words; -1 when the alphabet has none."""
        return self.symbols.index(" ") if " " in self.symbols else -1

    @cached_property
    def ids(self) -> dict[str, int]:
        """Symbol -> id, without the blank."""
        return {symbol: token for token, symbol in enumerate(self.symbols) if token != BLANK}

    def spell(self, word: str) -> list[int] | None:
        """Token ids of a word, or None when a letter is missing."""
        if self.units:
            return [self.ids[word]] if word in self.ids else None
        tokens = [self.ids.get(letter, -1) for letter in word]
        return None if -1 in tokens else tokens

    def text(self, tokens: Sequence[int]) -> str:
        """What token ids spell."""
        return (" " if self.units else "").join(self.symbols[token] for token in tokens)

    def words(self, tokens: Sequence[int]) -> list[Spelled]:
        """The words that token ids spell, and where they are."""
        if self.units:
            return [Spelled(self.symbols[token], at, at + 1) for at, token in enumerate(tokens)]
        ends = [at for at, token in enumerate(tokens) if token == self.space]
        return [
            Spelled(self.text(tokens[first:last]), first, last)
            for first, last in zip([0, *(end + 1 for end in ends)], [*ends, len(tokens)], strict=True)
            if last > first
        ]

    def closed_words(self, tokens: Sequence[int]) -> list[str]:
        """The words that something has followed: before, a word may still grow."""
        return [word.text for word in self.words(tokens) if word.last < len(tokens)]

    def require_characters(self, what: str) -> None:
        """Raise DecodingError unless every token is one character, which `what` needs."""
        if self.units:
            raise DecodingError(
                f"{what}: needs a model of characters; this one's tokens are units such as {self.symbols[-1]!r}"
            )
        longer = [symbol for symbol in self.symbols[1:] if len(symbol) != 1]
        if longer:
            raise DecodingError(
                f"{what}: needs a model whose tokens are single characters; this one has {longer[0]!r}"
            )

    def __str__(self) -> str:
        return repr((" " if self.units else "").join(self.symbols[1:]))


def spellable(alphabet: Alphabet, words: Iterable[str], *, source: str) -> list[str]:
    """The words that the alphabet can spell; the others are counted in the log.

    Raises:
        DecodingError: most of them cannot be spelled: the two sides do not belong together.
    """
    words = list(words)
    good = [word for word in words if alphabet.spell(word) is not None]
    if words and 2 * len(good) < len(words):
        known = set(good)
        bad = [word for word in words if word not in known]
        raise DecodingError(
            f"{source}: {len(bad)} of {len(words)} words cannot be spelled by the model, such as "
            f"{', '.join(map(repr, bad[:3]))}; its alphabet is {alphabet}{case_hint(alphabet, bad)}"
        )
    if len(good) < len(words):
        log.warning(
            "%s: %d of %d words hold letters that the model lacks; they are left out",
            *(source, len(words) - len(good), len(words)),
        )
    return good


def case_hint(alphabet: Alphabet, words: Sequence[str]) -> str:
    """What to say when the words would fit in the other letter case."""
    fold = other_case(alphabet, words)
    return f"; write the words in {'upper' if fold is str.upper else 'lower'} case" if fold else ""


def other_case(alphabet: Alphabet, words: Sequence[str]) -> Callable[[str], str] | None:
    """`str.upper` or `str.lower`, by which the words, or the first hundred of them, can be spelled; None where neither does it."""
    for fold in (str.upper, str.lower):
        if all(alphabet.spell(fold(word)) is not None for word in words[:100]):
            return fold
    return None
