"""Words that a pronunciation dictionary lacks, said in its phones: by espeak-ng's rules, or letter by letter."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from functools import cached_property
from typing import NamedTuple

from asr.data.american_phones import fold_american, to_arpabet
from asr.data.espeak import espeak
from asr.data.letter_sounds import LetterSounds, Phones
from asr.errors import AsrError

log = logging.getLogger(__name__)

# What espeak-ng's phones of American English become in dictionaries: its own, those of `asr.data.american_phones`, CMUdict's.
_WRITTEN: tuple[Callable[[Iterable[str]], Phones], ...] = (tuple, fold_american, to_arpabet)

# Words of the dictionary that espeak-ng is tried on, and how alike its phones and theirs must be (1: the same).
_TRIED, _ALIKE = 60, 0.75


class Said(NamedTuple):
    """A pronunciation, and where it is from."""

    phones: Phones
    source: str


class Pronouncer:
    """Says words in the phones of a dictionary.

    espeak-ng's rules are taken where espeakng-loader is installed and they say the dictionary's own words as it does: they are those of
    American English. Otherwise words are said by the sounds that letters have in the dictionary.

    Args:
        pronunciations: of the dictionary's words.
    """

    def __init__(self, pronunciations: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._pronunciations = pronunciations

    def say(self, word: str) -> Said:
        """How a word is probably said; without phones where letters of it are not in the dictionary."""
        written = self._written
        if written is not None:
            try:
                # Lower case: espeak-ng may spell out what is all capitals.
                phones = written(espeak().phones(word.lower()))
            except AsrError:  # nothing to say
                phones = ()
            if phones and self._phones.issuperset(phones):
                return Said(phones, "espeak-ng's rules")
        return Said(self._letters.say(word), "the sounds of its letters in the dictionary")

    @cached_property
    def _phones(self) -> frozenset[str]:
        return frozenset(phone for ways in self._pronunciations.values() for way in ways for phone in way)

    @cached_property
    def _letters(self) -> LetterSounds:
        return LetterSounds(self._pronunciations)

    @cached_property
    def _written(self) -> Callable[[Iterable[str]], Phones] | None:
        """How the dictionary writes espeak-ng's phones; None where espeak-ng is missing or speaks otherwise."""
        try:
            rules = espeak()
        except AsrError as error:
            log.warning("%s for better pronunciations of words that the dictionary lacks", error)
            return None
        step = max(1, len(self._pronunciations) // _TRIED)
        spoken = []
        for word in list(self._pronunciations)[::step]:
            with suppress(AsrError):  # nothing to say, such as of a sign
                spoken.append((self._pronunciations[word], rules.phones(word.lower())))
        if not spoken:
            return None
        alike = {
            written: sum(_likeness(written(phones), ways) for ways, phones in spoken) / len(spoken)
            for written in _WRITTEN
        }
        best = max(alike, key=alike.__getitem__)
        return best if alike[best] >= _ALIKE else None


def _likeness(phones: Phones, ways: Iterable[Sequence[str]]) -> float:
    return max(SequenceMatcher(None, phones, way, autojunk=False).ratio() for way in ways)
