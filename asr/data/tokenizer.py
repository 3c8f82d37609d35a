"""Transcripts <-> token ids. The CTC blank is id 0, always.

A tokenizer is its vocabulary and its letter case, and nothing else: both travel in the checkpoint, so
that training, transcription and scoring spell alike.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asr.data.text import Case, normalise_transcript
from asr.errors import ConfigError, TranscriptError

BLANK = 0
BLANK_SYMBOL = "<blank>"


@dataclass(frozen=True)
class TokenizerConfig:
    """How transcripts become tokens.

    Attributes:
        alphabet: every character that a transcript may hold, the space included; null collects them
            from the training transcripts.
        case: fold letters to "upper" or "lower" case first, or "keep" them.
    """

    alphabet: str | None = None
    case: Case = "keep"


class CharacterTokenizer:
    """One token a character.

    Args:
        vocabulary: symbol of every id; the first is the blank.
        case: letter case that transcripts are folded to before encoding.

    Raises:
        ConfigError: the vocabulary does not begin with the blank, or holds a symbol twice, or a
            symbol that is not one character.
    """

    def __init__(self, vocabulary: Sequence[str], *, case: Case = "keep") -> None:
        if not vocabulary or vocabulary[BLANK] != BLANK_SYMBOL:
            raise ConfigError(
                f"vocabulary begins with {list(vocabulary[:1])}; expected {BLANK_SYMBOL!r} first"
            )
        repeated = sorted({symbol for symbol in vocabulary if list(vocabulary).count(symbol) > 1})
        if repeated:
            raise ConfigError(f"alphabet holds {repeated} more than once; expected each character once")
        wrong = [symbol for symbol in vocabulary[1:] if len(symbol) != 1]
        if wrong:
            raise ConfigError(f"alphabet holds {wrong}; expected single characters")
        self.vocabulary = tuple(vocabulary)
        self.case: Case = case
        self._ids = {symbol: index for index, symbol in enumerate(self.vocabulary) if index != BLANK}

    def __len__(self) -> int:
        """V, the blank included."""
        return len(self.vocabulary)

    def normalise(self, text: str) -> str:
        """The spelling that `encode` sees."""
        return normalise_transcript(text, case=self.case)

    def encode(self, text: str) -> list[int]:
        """Token ids of a transcript (normalised first).

        Raises:
            TranscriptError: a character outside the alphabet; it is named with its position.
        """
        text = self.normalise(text)
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            character = error.args[0]
            raise TranscriptError(
                f"character {character!r} (U+{ord(character):04X}) at position {text.index(character) + 1} of "
                f"{_shorten(text)!r} is not in the alphabet {''.join(self.vocabulary[1:])!r}"
            ) from None

    def decode(self, tokens: Iterable[int]) -> str:
        """Text of token ids; blanks are not allowed (decoding removes them)."""
        return "".join(self.vocabulary[token] for token in tokens)


def build_tokenizer(config: TokenizerConfig, transcripts: Iterable[str]) -> CharacterTokenizer:
    """The tokenizer of an experiment: the configured alphabet, or the characters of `transcripts`.

    Raises:
        ConfigError: the alphabet would be empty, or repeats a character.
    """
    if config.alphabet is not None:
        alphabet = normalise_alphabet(config.alphabet, config.case)
    else:
        found = {
            character for text in transcripts for character in normalise_transcript(text, case=config.case)
        }
        alphabet = "".join(sorted(found))
    if not alphabet.strip():
        raise ConfigError("tokenizer.alphabet: no letters in it; give an alphabet or training transcripts")
    return CharacterTokenizer([BLANK_SYMBOL, *alphabet], case=config.case)


def normalise_alphabet(alphabet: str, case: Case) -> str:
    """Fold an alphabet to the case of the transcripts, keeping its order."""
    folded = alphabet.upper() if case == "upper" else alphabet.lower() if case == "lower" else alphabet
    if case != "keep" and len(set(folded)) < len(folded):
        folded = "".join(dict.fromkeys(folded))
    return folded


def required_frames(tokens: Sequence[int]) -> int:
    """Encoder frames that CTC needs for a token sequence: one a token, and a blank between equal neighbours."""
    return len(tokens) + sum(left == right for left, right in itertools.pairwise(tokens))


def _shorten(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
