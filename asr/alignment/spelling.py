"""A text -> what the network should hear of it: each word in all the ways that it may be said, or as it is spelled."""

import itertools
import os
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from asr.data.american_phones import from_arpabet
from asr.data.pronouncing import Pronouncer
from asr.data.pronunciation import Pronunciation, read_weighted_pronunciations
from asr.data.spoken_forms import (
    NumbersUnspelled,
    TextWord,
    check_language,
    first_ways,
    words_said,
    written_words,
)
from asr.data.tokenizer import Tokenizer
from asr.decoding.alphabet import Alphabet
from asr.errors import DecodingError, TranscriptError

_MOST_WAYS = 48  # of a written word; of one with more, later words are said in their first way alone


class Way(NamedTuple):
    """One way in which a word may be heard.

    Attributes:
        tokens: ids, one or more.
        begins: places in `tokens` where a said word begins, of which a written one may have several.
        log_share: natural log of how probable it is beside the likeliest way.
    """

    tokens: tuple[int, ...]
    begins: tuple[int, ...] = (0,)
    log_share: float = 0.0


class SpelledText(NamedTuple):
    """A text as the network hears it.

    Attributes:
        words: as they are written.
        ways: of each word, one or more.
        guessed: words whose pronunciation is guessed, with their phones and where they are from.
    """

    words: list[TextWord]
    ways: list[list[Way]]
    guessed: dict[str, str]


class Speller:
    """Texts -> tokens of one head of a network.

    Args:
        symbols: what each column of the head stands for.
        separator: the token that may stand between words; None without one.
        language: of figures, as num2words has it.

    Raises:
        UsageError: num2words has no such language.
    """

    def __init__(self, symbols: Sequence[str], separator: int | None, language: str = "en") -> None:
        check_language(language)
        self.symbols, self.separator, self.language = symbols, separator, language

    def spell(self, text: str) -> SpelledText:
        """What the network should hear of a text.

        Raises:
            TranscriptError: no words, words that the network has no tokens for, or figures and no library to spell them out.
        """
        try:
            words = self._split(text)
        except NumbersUnspelled as error:
            raise TranscriptError(f"figures in the text, {error}, or write them in words") from None
        if not words:
            raise TranscriptError("no words in the text; nothing to align")
        guessed: dict[str, str] = {}
        table = {word: self._ways(word, guessed) for word in words_said(words)}
        if missing := [word for word, ways in table.items() if not ways]:
            raise self._refusal(missing)
        between = () if self.separator is None else (self.separator,)
        return SpelledText(words, [_combine(word, table, between) for word in words], guessed)

    def _split(self, text: str) -> list[TextWord]:
        return written_words(text, is_known=self._knows, language=self.language)

    def _knows(self, word: str) -> bool:
        """Whether a word needs neither guessing nor taking apart."""
        raise NotImplementedError

    def _ways(self, word: str, guessed: dict[str, str]) -> list[Way]:
        """The ways of a said word, none where it has none; a guess is noted."""
        raise NotImplementedError

    def _refusal(self, words: Sequence[str]) -> TranscriptError:
        """What to say of words without ways."""
        raise NotImplementedError


class LetterSpeller(Speller):
    """By letters, or other tokens of a text.

    Args:
        tokenizer: of the model.
        language: of figures, as num2words has it.
    """

    def __init__(self, tokenizer: Tokenizer, language: str = "en") -> None:
        self._tokenizer, self._alphabet = tokenizer, Alphabet.of(tokenizer)
        space = self._alphabet.space
        super().__init__(self._alphabet.symbols, None if space < 0 else space, language)

    def _split(self, text: str) -> list[TextWord]:
        if self._alphabet.units:
            return [TextWord(unit, ((unit,),)) for unit in text.split()]
        return super()._split(text)

    def _knows(self, word: str) -> bool:
        return bool(self._ways(word, {}))

    def _ways(self, word: str, guessed: dict[str, str]) -> list[Way]:
        try:
            tokens = self._tokenizer.encode(self._in_case(word))
        except TranscriptError:
            return []
        return [Way(tuple(tokens))] if tokens else []

    def _in_case(self, word: str) -> str:
        """A word in the letter case that the alphabet has."""
        for form in (word, word.upper(), word.lower()):
            if self._alphabet.spell(form) is not None:
                return form
        return word

    def _refusal(self, words: Sequence[str]) -> TranscriptError:
        return TranscriptError(
            f"words that the model cannot spell (its alphabet is {self._alphabet}): {', '.join(words[:5])}; respell them"
        )


def _read_dictionary(path: str | Path) -> Mapping[str, list[Pronunciation]]:
    """As `read_weighted_pronunciations`; the one that was read last is kept, for reading a hundred thousand words takes a second."""
    try:
        status = os.stat(path)
    except OSError:
        return read_weighted_pronunciations(path)  # which says what is wrong
    return _dictionary_as_of(os.path.abspath(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _dictionary_as_of(path: str, _modified: int, _size: int) -> Mapping[str, list[Pronunciation]]:
    return read_weighted_pronunciations(path)


class PhoneSpeller(Speller):
    """By phones, of a dictionary's words in all their pronunciations; of other words as rules say them.

    Args:
        phones: of the model, their ids from 1.
        pronunciations: a dictionary in CMUdict's format, in the model's phones.
        own: another one, whose words go before the others'; in the model's phones, or in CMUdict's.
        language: of figures, as num2words has it.

    Raises:
        TranscriptError: a dictionary cannot be read.
        DecodingError: one of one's own with phones that the model lacks.
    """

    def __init__(
        self,
        phones: Sequence[str],
        pronunciations: str | Path | None,
        own: str | Path | None,
        language: str = "en",
    ) -> None:
        super().__init__(("", *phones), None, language)
        self._ids = {phone: number for number, phone in enumerate(phones, 1)}
        self._pronunciations: dict[str, list[Pronunciation]] = {}
        if pronunciations is not None:
            self._pronunciations.update(_read_dictionary(pronunciations))
        if own is not None:
            self._pronunciations.update(self._read_own(own))

    def _read_own(self, path: str | Path) -> Mapping[str, list[Pronunciation]]:
        found: Mapping[str, list[Pronunciation]] = read_weighted_pronunciations(path)
        if self._foreign(found):
            found = {
                word: [way._replace(phones=from_arpabet(way.phones)) for way in ways]
                for word, ways in found.items()
            }
        if foreign := self._foreign(found):
            raise DecodingError(
                f"{path}: has phones that the model lacks, such as {min(foreign)}; the model has {' '.join(self._ids)}"
            )
        return found

    def _foreign(self, pronunciations: Mapping[str, list[Pronunciation]]) -> set[str]:
        used = {phone for ways in pronunciations.values() for way in ways for phone in way.phones}
        return used - self._ids.keys()

    @cached_property
    def _pronouncer(self) -> Pronouncer:
        return Pronouncer({word: [way.phones for way in ways] for word, ways in self._pronunciations.items()})

    def _knows(self, word: str) -> bool:
        return bool(self._entry(word))

    def _entry(self, word: str) -> list[Pronunciation]:
        """The dictionary's ways to say a word, in whatever case it has it."""
        for form in (word, word.upper(), word.lower(), word.capitalize()):
            ways = self._pronunciations.get(form, [])
            if good := [way for way in ways if self._ids.keys() >= set(way.phones)]:
                return good
        return []

    def _ways(self, word: str, guessed: dict[str, str]) -> list[Way]:
        ways = self._entry(word)
        if not ways:
            said = self._pronouncer.say(word.upper())
            if not said.phones or not self._ids.keys() >= set(said.phones):
                return []
            guessed[word] = f"{' '.join(said.phones)}, by {said.source}"
            ways = [Pronunciation(said.phones)]
        return [
            Way(tuple([self._ids[phone] for phone in way.phones]), log_share=way.log_share) for way in ways
        ]

    def _refusal(self, words: Sequence[str]) -> TranscriptError:
        return TranscriptError(
            f"words that the model cannot say: {', '.join(words[:5])}; give them in --pronunciations"
        )


def _combine(word: TextWord, table: Mapping[str, list[Way]], between: tuple[int, ...]) -> list[Way]:
    """The ways of a written word: of each reading its words in each of their ways."""
    found: dict[tuple[int, ...], Way] = {}
    for reading in word.readings:
        options = first_ways((table[said] for said in reading), _MOST_WAYS)
        for chosen in itertools.product(*options):
            tokens: tuple[int, ...] = ()
            begins = []
            for way in chosen:
                tokens += between if tokens else ()
                begins.append(len(tokens))
                tokens += way.tokens
            share = sum(way.log_share for way in chosen)
            if tokens not in found or share > found[tokens].log_share:
                found[tokens] = Way(tokens, tuple(begins), share)
    return list(found.values())
