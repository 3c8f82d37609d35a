"""How the words of transcripts are said: all ways to say each, and how far what was heard is from them."""

import functools
import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from asr.config import PhonesHeadConfig
from asr.data.pronunciation import phone_set, pronounce, read_all_pronunciations
from asr.data.tokenizer import BLANK, Tokenizer
from asr.errors import ConfigError, TranscriptError
from asr.model.unit_graphs import Ways

log = logging.getLogger(__name__)

_NAMED = 10


class Lexicon(NamedTuple):
    """How the words of transcripts are said.

    Attributes:
        phones: in the order of their ids, from 1.
        ways: word -> all ways to say it, as ids of phones; the first is the most usual.
    """

    phones: tuple[str, ...]
    ways: dict[str, list[list[int]]]

    def words(self, text: str) -> Ways:
        """The ways to say each word of a normalised transcript."""
        return [self.ways[word] for word in text.split()]

    def knows(self, text: str) -> bool:
        """Whether it has all words of a normalised transcript, as it has those of the training data."""
        return all(word in self.ways for word in text.split())


def read_lexicon(
    config: PhonesHeadConfig, tokenizer: Tokenizer, transcripts: Iterable[str], *, dev: Iterable[str] = ()
) -> Lexicon:
    """The ways to say every word of the training data, and those words of the dev data that the dictionary has.

    Args:
        config: names the dictionary.
        tokenizer: normalises transcripts.
        transcripts: of the training data; their phones are the phones of the head.
        dev: transcripts that are validated on.

    Raises:
        ConfigError: no dictionary is named.
        TranscriptError: it cannot be read, or words of the training data have no pronunciation; they are named.
    """
    if config.pronunciations is None:
        raise ConfigError(
            "heads.phones.weight is above 0 without heads.phones.pronunciations; name a dictionary in CMUdict's format "
            "(`asr pronounce` writes one), or take heads.intermediate for letters of a lower layer"
        )
    words = _words(transcripts, tokenizer)
    dictionary = read_all_pronunciations(config.pronunciations)
    try:
        pronounce(" ".join(sorted(words)), {word: ways[0] for word, ways in dictionary.items()})
    except TranscriptError as error:
        raise TranscriptError(f"{config.pronunciations}: {error}") from None
    phones = tuple(
        phone_set({f"{word} {n}": way for word in words for n, way in enumerate(dictionary[word])})
    )
    ids = {phone: number for number, phone in enumerate(phones, BLANK + 1)}
    ways: dict[str, list[list[int]]] = {}
    missing: list[str] = []
    for word in sorted(words | _words(dev, tokenizer)):
        # A dev word may have phones that no training word has.
        known = [way for way in dict.fromkeys(dictionary.get(word, ())) if all(phone in ids for phone in way)]
        if known:
            ways[word] = [[ids[phone] for phone in way] for way in known]
        else:
            missing.append(word)
    if missing:
        named = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        log.warning(
            "%s: no pronunciation of %d words of the dev data (%s); their utterances are left out of the phone error rate",
            *(config.pronunciations, len(missing), named),
        )
    return Lexicon(phones, ways)


def _words(transcripts: Iterable[str], tokenizer: Tokenizer) -> set[str]:
    return {word for text in transcripts for word in tokenizer.normalise(text).split()}


class PhoneErrors(NamedTuple):
    """Errors against the way to say a transcript that is nearest, and phones of the first way to say it; they add."""

    errors: int = 0
    phones: int = 0

    def __add__(self, other: object) -> "PhoneErrors":
        assert isinstance(other, PhoneErrors)
        return PhoneErrors(self.errors + other.errors, self.phones + other.phones)

    @property
    def rate(self) -> float:
        """Phone error rate as a fraction; NaN without phones."""
        return self.errors / self.phones if self.phones else float("nan")


def count_phone_errors(heard: Sequence[int], words: Ways) -> PhoneErrors:
    """The edit distance to the nearest way to say the words.

    Wagner & Fischer 1974 over an acyclic graph: each word begins with the best that the one before it ends with, whichever way
    that was said.
    """
    sounds = np.asarray(heard, dtype=np.int64)
    places = np.arange(len(sounds) + 1)
    row = places.copy()  # errors of each beginning of what was heard, against the words so far
    for ways in words:
        ends = []
        for way in ways:
            after = row
            for phone in way:
                least = after + 1
                np.minimum(least[1:], after[:-1] + (sounds != phone), out=least[1:])
                # What was heard and is not there: each costs one more than the beginning before it.
                after = np.minimum.accumulate(least - places) + places
            ends.append(after)
        row = functools.reduce(np.minimum, ends)
    return PhoneErrors(int(row[-1]), sum(len(ways[0]) for ways in words))
