"""How single words are said: hot words and phrases, which need few of a dictionary's hundred thousand."""

import logging
import threading
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from asr.data.pronouncing import Pronouncer
from asr.data.pronunciation import read_all_pronunciations
from asr.decoding.pronunciation_lexicon import PronunciationLexicon

log = logging.getLogger(__name__)


class SaidWords:
    """Pronunciations of words as they are asked for; safe to use from several threads.

    A word is looked up in the lexicon, then in the dictionary, which is read when a word is first looked up there, and kept.
    What neither has is said by rule (`Pronouncer`), and the log shows how.

    Args:
        path: the dictionary.
        phones: of the model; ids count from 1.
        lexicon: words that are at hand, of the same dictionary and the same phones.
    """

    def __init__(self, path: str, phones: Sequence[str], lexicon: PronunciationLexicon | None = None) -> None:
        self.path = path
        self.phones = tuple(phones)
        self._lexicon = lexicon
        self._lock = threading.Lock()
        self._guessed = lru_cache(maxsize=10_000)(self._guess)

    def ways(self, words: Iterable[str]) -> dict[str, list[tuple[str, ...]]]:
        """The pronunciations of each word; a word that cannot be said in the model's phones is left out.

        Raises:
            TranscriptError: the dictionary cannot be read.
        """
        found = {}
        for word in dict.fromkeys(words):
            ways = self._known(word)
            if not ways and (guess := self._guessed(word)):
                ways = [guess]
            if ways:
                found[word] = ways
        return found

    def without(self, words: Iterable[str]) -> list[str]:
        """Those that neither lexicon nor dictionary has. Raises as `ways`."""
        return [word for word in dict.fromkeys(words) if not self._known(word)]

    def _known(self, word: str) -> list[tuple[str, ...]]:
        lexicon = self._lexicon
        if lexicon is not None and (entries := lexicon.entries_of(word)):
            return [
                tuple(self.phones[token - 1] for token in lexicon.tokens_of(entry)[0]) for entry in entries
            ]
        return self._read().get(word, [])

    def _guess(self, word: str) -> tuple[str, ...]:
        self._read()
        with self._lock:
            said = self._pronouncer.say(word)
        if not said.phones or not set(self.phones).issuperset(said.phones):
            return ()
        log.warning(
            "%r: not in %s; taken as said %s, by %s", word, self.path, " ".join(said.phones), said.source
        )
        return said.phones

    def _read(self) -> dict[str, list[tuple[str, ...]]]:
        with self._lock:
            return self._dictionary

    @cached_property
    def _dictionary(self) -> dict[str, list[tuple[str, ...]]]:
        return read_all_pronunciations(self.path)

    @cached_property
    def _pronouncer(self) -> Pronouncer:
        return Pronouncer(self._dictionary)
