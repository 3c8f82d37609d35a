"""Words and how they are said, as a tree of phones; kept in the cache folder, and mapped into memory from there."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from asr.decoding.lexicon import Trie, build_trie
from asr.errors import DecodingError
from asr.language_model.ngram import UNKNOWN, NgramModel
from asr.mapped_arrays import MappedArrays, map_arrays, write_arrays

log = logging.getLogger(__name__)

MAGIC = b"asr-lexicon\x00\x00\x00\x00\x01"

Pronunciations = Mapping[str, Sequence[Sequence[str]]]  # word -> its pronunciations


@dataclass(frozen=True, eq=False)
class PronunciationLexicon:
    """E entries as a tree. An entry is a word said in one way, or several words that are found as one; W words in all.

    Attributes:
        trie: of the entries' phones.
        first_word: `(E + 1,)` int32, where an entry's words begin among all words.
        text: the words in UTF-8, parted by line feeds.
        first_byte: `(W + 1,)` int32, where each word begins in `text`; a last one would begin at its end.
        phones: phone ids of all words, one after the other.
        first_phone: `(W + 1,)` int32, where each word's begin.
        lm: the language model that the words are linked with.
        lm_word: `(W,)` int32, the words' ids in it; 0, its unknown word, without one.
    """

    trie: Trie
    first_word: np.ndarray
    text: bytes
    first_byte: np.ndarray
    phones: np.ndarray
    first_phone: np.ndarray
    lm: NgramModel | None
    lm_word: np.ndarray

    def __len__(self) -> int:
        """E."""
        return len(self.first_word) - 1

    def spoken(self, entry: int) -> list[tuple[str, list[int]]]:
        """The words of an entry, each with its phone ids."""
        return [
            (self._word(word), self.phones[self.first_phone[word] : self.first_phone[word + 1]].tolist())
            for word in range(self.first_word[entry], self.first_word[entry + 1])
        ]

    def words_of(self, entry: int) -> list[str]:
        """The words of an entry."""
        return [self._word(word) for word in range(self.first_word[entry], self.first_word[entry + 1])]

    def all_words(self) -> list[str]:
        """The W words of all entries, one after the other."""
        return self.text.decode().split("\n")

    def texts(self) -> list[str]:
        """The words of each entry, parted by spaces."""
        words, first = self.all_words(), self.first_word.tolist()
        return [" ".join(words[first[entry] : first[entry + 1]]) for entry in range(len(self))]

    def linked(self, lm: NgramModel) -> "PronunciationLexicon":
        """The same lexicon, its words found in a language model.

        Raises:
            DecodingError: a language model of characters, or one that knows none of the words.
        """
        if self.lm is lm:
            return self
        if lm.is_character_level:
            raise DecodingError("pronunciations: need a language model of words; this one is of characters")
        words = self.all_words()
        ids = np.array([lm.word_id(word) for word in words], np.int32)
        if (ids == UNKNOWN).all():
            raise DecodingError(
                f"pronunciations: none of their {len(words)} words, such as {words[0]!r}, is in the language model; "
                "they must be spelled alike"
            )
        return replace(self, lm=lm, lm_word=ids)

    def _word(self, word: int) -> str:
        return self.text[self.first_byte[word] : self.first_byte[word + 1] - 1].decode()


def build_pronunciation_lexicon(
    pronunciations: Pronunciations, phones: Sequence[str], *, phrases: Iterable[str] = (), source: str
) -> PronunciationLexicon:
    """The words that the model's phones can say, as a tree.

    Args:
        pronunciations: of the words.
        phones: of the model; ids count from 1, 0 is the blank.
        phrases: hot words; those of several words become entries of their own, each word in its first pronunciation.
        source: the beginning of messages.

    Raises:
        DecodingError: most pronunciations have phones that the model lacks, or a phrase has a word without one.
    """
    ids = {phone: number for number, phone in enumerate(phones, 1)}
    words: list[tuple[str, ...]] = []
    said: list[tuple[tuple[int, ...], ...]] = []
    first: dict[str, tuple[int, ...]] = {}
    unknown: dict[str, None] = {}
    total = 0
    for word, ways in pronunciations.items():
        for way in ways if len(ways) == 1 else dict.fromkeys(map(tuple, ways)):
            total += 1
            tokens = tuple([ids.get(phone, 0) for phone in way])
            if not tokens or 0 in tokens:
                unknown.update((phone, None) for phone in way if phone not in ids)
                continue
            words.append((word,))
            said.append((tokens,))
            first.setdefault(word, tokens)
    if 2 * len(words) < total or not words:
        raise DecodingError(
            f"{source}: {total - len(words)} of {total} pronunciations have phones that the model lacks, such as "
            f"{' '.join(list(unknown)[:5])}; the model has {' '.join(phones)}"
        )
    if len(words) < total:
        log.warning(
            "%s: %d of %d pronunciations have phones that the model lacks; they are left out",
            *(source, total - len(words), total),
        )
    for phrase in phrases:
        parts = tuple(phrase.split())
        missing = [word for word in parts if word not in first]
        if missing or not parts:
            raise DecodingError(
                f"hot word {phrase!r}: no pronunciation of {', '.join(missing) or 'it'} in {source}; add a line "
                "'WORD  its phones' to a copy of that file and give it as --pronunciations, or decode by letters "
                "(--pronunciations none)"
            )
        if len(parts) > 1:
            words.append(parts)
            said.append(tuple(first[word] for word in parts))
    return _laid_out(words, said, columns=len(phones) + 1)


def _laid_out(
    words: Sequence[tuple[str, ...]], said: Sequence[tuple[tuple[int, ...], ...]], *, columns: int
) -> PronunciationLexicon:
    flat = list(chain.from_iterable(said))
    first_word, first_phone = _starts(words), _starts(flat)
    tokens = np.fromiter(chain.from_iterable(flat), np.int32, int(first_phone[-1]))
    encoded = [word.encode() for word in chain.from_iterable(words)]
    first_byte = _starts(encoded) + np.arange(len(encoded) + 1, dtype=np.int32)
    lengths = np.diff(first_phone[first_word])
    return PronunciationLexicon(
        build_trie(tokens, lengths, vocabulary_size=columns),
        first_word,
        b"\n".join(encoded),
        first_byte,
        tokens,
        first_phone,
        None,
        np.zeros(len(encoded), np.int32),
    )


def _starts(parts: Sequence[Sequence[object]]) -> np.ndarray:
    """`(n + 1,)` int32, where each part begins when they stand one after the other, and where the last ends."""
    return np.cumsum(np.fromiter(chain([0], map(len, parts)), np.int64, len(parts) + 1)).astype(np.int32)


_ARRAYS = ("first_word", "first_byte", "phones", "first_phone", "lm_word")


def write_lexicon(path: str | Path, lexicon: PronunciationLexicon) -> None:
    """Write a lexicon to be mapped into memory, atomically. Raises AsrError when the file cannot be written."""
    arrays = {**lexicon.trie._asdict(), **{name: getattr(lexicon, name) for name in _ARRAYS}}
    write_arrays(path, MAGIC, MappedArrays({}, lexicon.text, arrays))


def map_lexicon(path: str | Path, lm: NgramModel | None) -> PronunciationLexicon:
    """Map what `write_lexicon` wrote of a lexicon that was linked with the same language model.

    Raises:
        DecodingError: another format, shorter than its header says, or arrays that do not fit together.
    """
    content = map_arrays(path, MAGIC, what="lexicon", error=DecodingError, remedy="remove it")
    arrays = dict(content.arrays)
    try:
        trie = Trie(*(arrays.pop(name) for name in Trie._fields))
        lexicon = PronunciationLexicon(trie, text=content.text, lm=lm, **arrays)
        nodes, words = len(trie.parent), len(lexicon.lm_word)
        fits = (
            (len(trie.child), len(trie.token), len(trie.first_entry)) == (nodes, nodes, nodes + 1)
            and (trie.first_entry[-1], len(lexicon)) == (len(trie.entry), len(trie.entry))
            and (len(lexicon.first_byte), len(lexicon.first_phone)) == (words + 1, words + 1)
            and (lexicon.first_word[-1], lexicon.first_phone[-1]) == (words, len(lexicon.phones))
            and lexicon.first_byte[-1] == len(lexicon.text) + 1
        )
    except (KeyError, TypeError, IndexError):
        fits = False
    if not fits:
        raise DecodingError(f"{path}: broken lexicon: its arrays do not fit together; remove it")
    return lexicon
