"""Transcripts <-> token ids. The CTC blank is id 0, always.

A tokenizer is its vocabulary and its letter case, and nothing else: both travel in the checkpoint, so
that training, transcription and scoring spell alike.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from asr.data.text import Case, normalise_transcript
from asr.errors import ConfigError, TranscriptError

BLANK = 0
BLANK_SYMBOL = "<blank>"


@dataclass(frozen=True)
class TokenizerConfig:
    """How transcripts become tokens.

    Attributes:
        kind: "characters" for a token a character, "units" for transcripts of symbols with spaces between
            them, such as phones: a token a symbol.
        alphabet: every character that a transcript may hold, the space included, or every unit, with
            spaces between them; null collects them from the training transcripts.
        case: fold letters to "upper" or "lower" case first, or "keep" them.
    """

    kind: Literal["characters", "units"] = "characters"
    alphabet: str | None = None
    case: Case = "keep"


class Tokenizer(ABC):
    """Transcripts <-> token ids.

    Args:
        vocabulary: symbol of every id; the first is the blank.
        case: letter case that transcripts are folded to before encoding.

    Attributes:
        kind: as in `TokenizerConfig`.
        separator: what stands between the symbols of a transcript.

    Raises:
        ConfigError: the vocabulary does not begin with the blank, or holds a symbol twice.
    """

    kind: ClassVar[str]
    separator: ClassVar[str]

    def __init__(self, vocabulary: Sequence[str], *, case: Case = "keep") -> None:
        if not vocabulary or vocabulary[BLANK] != BLANK_SYMBOL:
            raise ConfigError(
                f"vocabulary begins with {list(vocabulary[:1])}; expected {BLANK_SYMBOL!r} first"
            )
        repeated = sorted({symbol for symbol in vocabulary if list(vocabulary).count(symbol) > 1})
        if repeated:
            raise ConfigError(f"alphabet holds {repeated} more than once; expected each symbol once")
        self.vocabulary = tuple(vocabulary)
        self.case: Case = case
        self._ids = {symbol: index for index, symbol in enumerate(self.vocabulary) if index != BLANK}

    def __len__(self) -> int:
        """V, the blank included."""
        return len(self.vocabulary)

    def normalise(self, text: str) -> str:
        """The spelling that `encode` sees."""
        return normalise_transcript(text, case=self.case)

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Token ids of a transcript (normalised first).

        Raises:
            TranscriptError: a symbol outside the alphabet; it is named with its position.
        """

    def decode(self, tokens: Iterable[int]) -> str:
        """Text of token ids; blanks are not allowed (decoding removes them)."""
        return self.separator.join(self.vocabulary[token] for token in tokens)


class CharacterTokenizer(Tokenizer):
    """One token a character.

    Raises:
        ConfigError: as `Tokenizer`, and a symbol that is not one character.
    """

    kind = "characters"
    separator = ""

    def __init__(self, vocabulary: Sequence[str], *, case: Case = "keep") -> None:
        super().__init__(vocabulary, case=case)
        wrong = [symbol for symbol in vocabulary[1:] if len(symbol) != 1]
        if wrong:
            raise ConfigError(f"alphabet holds {wrong}; expected single characters")

    def encode(self, text: str) -> list[int]:
        """Token ids; see `Tokenizer.encode`."""
        text = self.normalise(text)
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            character = error.args[0]
            raise TranscriptError(
                f"character {character!r} (U+{ord(character):04X}) at position {text.index(character) + 1} of "
                f"{_shorten(text)!r} is not in the alphabet {''.join(self.vocabulary[1:])!r}"
            ) from None


class UnitTokenizer(Tokenizer):
    """One token a symbol of any length, such as a phone; transcripts have spaces between the symbols.

    The word error rate of such transcripts is the unit (phone) error rate.

    Raises:
        ConfigError: as `Tokenizer`, and a symbol with white space in it, or of nothing.
    """

    kind = "units"
    separator = " "

    def __init__(self, vocabulary: Sequence[str], *, case: Case = "keep") -> None:
        super().__init__(vocabulary, case=case)
        wrong = [symbol for symbol in vocabulary[1:] if len(symbol.split()) != 1 or symbol != symbol.strip()]
        if wrong:
            raise ConfigError(f"units {wrong}; expected symbols without white space")

    def encode(self, text: str) -> list[int]:
        """Token ids; see `Tokenizer.encode`."""
        units = self.normalise(text).split()
        try:
            return [self._ids[unit] for unit in units]
        except KeyError as error:
            unit = error.args[0]
            raise TranscriptError(
                f"unit {unit!r} at position {units.index(unit) + 1} of {_shorten(' '.join(units))!r} is not among "
                f"the {len(self) - 1} units {_shorten(' '.join(self.vocabulary[1:]))!r}"
            ) from None


def make_tokenizer(kind: str, vocabulary: Sequence[str], *, case: Case) -> Tokenizer:
    """The tokenizer of a kind.

    Raises:
        ConfigError: no such kind, or a vocabulary that it cannot have.
    """
    for tokenizer in (CharacterTokenizer, UnitTokenizer):
        if tokenizer.kind == kind:
            return tokenizer(vocabulary, case=case)
    raise ConfigError(f"tokenizer.kind {kind!r}; expected 'characters' or 'units'")


def build_tokenizer(config: TokenizerConfig, transcripts: Iterable[str]) -> Tokenizer:
    """The tokenizer of an experiment: the configured alphabet, or the symbols of `transcripts`.

    Raises:
        ConfigError: the alphabet would be empty, or repeats a symbol.
    """
    if config.kind == "units":
        symbols = _units(config, transcripts)
    elif config.alphabet is not None:
        symbols = list(normalise_alphabet(config.alphabet, config.case))
    else:
        symbols = sorted(
            {character for text in transcripts for character in normalise_transcript(text, case=config.case)}
        )
    if not "".join(symbols).strip():
        raise ConfigError("tokenizer.alphabet: no letters in it; give an alphabet or training transcripts")
    return make_tokenizer(config.kind, [BLANK_SYMBOL, *symbols], case=config.case)


def _units(config: TokenizerConfig, transcripts: Iterable[str]) -> list[str]:
    if config.alphabet is not None:
        return normalise_transcript(config.alphabet, case=config.case).split()
    return sorted(
        {unit for text in transcripts for unit in normalise_transcript(text, case=config.case).split()}
    )


def normalise_alphabet(alphabet: str, case: Case) -> str:
    """Fold an alphabet to the case of the transcripts, keeping its order."""
    folded = alphabet.upper() if case == "upper" else alphabet.lower() if case == "lower" else alphabet
    if case != "keep" and len(set(folded)) < len(folded):
        folded = "".join(dict.fromkeys(folded))
    return folded


def required_frames(tokens: Sequence[int]) -> int:
    """Encoder frames that CTC needs for a token sequence: one a token, and a blank between equal neighbours."""
    return len(tokens) + sum(left == right for left, right in itertools.pairwise(tokens))


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
