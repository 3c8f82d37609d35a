"""Words and the tokens that a network emits for them, as a tree: phones, or the letters of their spelling.

It is kept in the cache folder, and mapped into memory from there.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path

import numpy as np

from asr.decoding.alphabet import Alphabet, spellable
from asr.decoding.hotwords import spell_hot_word
from asr.decoding.lexicon import Trie, build_trie
from asr.errors import DecodingError
from asr.language_model.ngram import SPECIAL_WORDS, UNKNOWN, NgramModel
from asr.mapped_arrays import MappedArrays, map_arrays, write_arrays

log = logging.getLogger(__name__)

MAGIC = b"asr-lexicon\x00\x00\x00\x00\x02"

Pronunciations = Mapping[str, Sequence[Sequence[str]]]  # word -> its pronunciations


@dataclass(frozen=True, eq=False)
class PronunciationLexicon:
    """E entries as a tree. An entry is a word said in one way, or several words that are found as one; W words in all.

    Attributes:
        columns: of the network's head, the blank included.
        separator: the token between words, of letters the space; none of phones.
        trie: of the entries' tokens.
        first_word: `(E + 1,)` int32, where an entry's words begin among all words.
        text: the words in UTF-8, parted by line feeds.
        first_byte: `(W + 1,)` int32, where each word begins in `text`; a last one would begin at its end.
        tokens: token ids of all words, one after the other.
        first_token: `(W + 1,)` int32, where each word's begin.
        lm: the language model that the words are linked with.
        lm_word: `(U,)` int32, the ids of what it reads: of all words, or of their characters; 0, its unknown word,
            for each word without one.
        first_lm_word: `(E + 1,)` int32, where an entry's begin.
    """

    columns: int
    separator: tuple[int, ...]
    trie: Trie
    first_word: np.ndarray
    text: bytes
    first_byte: np.ndarray
    tokens: np.ndarray
    first_token: np.ndarray
    lm: NgramModel | None
    lm_word: np.ndarray
    first_lm_word: np.ndarray

    def __len__(self) -> int:
        """E."""
        return len(self.first_word) - 1

    def spell(self, entries: Iterable[int]) -> list[int]:
        """What the network emits for entries, one after the other."""
        tokens: list[int] = []
        for own in chain.from_iterable(map(self.tokens_of, entries)):
            tokens += [*(self.separator if tokens else ()), *own]
        return tokens

    def tokens_of(self, entry: int) -> list[list[int]]:
        """The token ids of each word of an entry."""
        first = self.first_token[self.first_word[entry] : self.first_word[entry + 1] + 1].tolist()
        return [self.tokens[start:end].tolist() for start, end in pairwise(first)]

    def words_of(self, entry: int) -> list[str]:
        """The words of an entry."""
        first = self.first_byte[self.first_word[entry] : self.first_word[entry + 1] + 1].tolist()
        return [self.text[start : end - 1].decode() for start, end in pairwise(first)]

    def all_words(self) -> list[str]:
        """The W words of all entries, one after the other."""
        return self.text.decode().split("\n")

    def texts(self) -> list[str]:
        """The words of each entry, parted by spaces."""
        words, first = self.all_words(), self.first_word.tolist()
        return [" ".join(words[first[entry] : first[entry + 1]]) for entry in range(len(self))]

    def entries_of(self, word: str) -> list[int]:
        """The entries that are this one word, one for each way to say it; a look into the text, with no table of all words."""
        letters = word.encode()
        text = np.frombuffer(self.text, np.uint8)
        places = np.flatnonzero(self._bytes_of_word == len(letters) + 1)
        for number, letter in enumerate(letters):
            places = places[text[self.first_byte[places] + number] == letter]
        entries = np.searchsorted(self.first_word, places, side="right") - 1
        return [int(entry) for entry in entries if self.first_word[entry + 1] - self.first_word[entry] == 1]

    @cached_property
    def _bytes_of_word(self) -> np.ndarray:
        """How many bytes each word has, with the line feed behind it."""
        return np.diff(self.first_byte)

    def linked(self, lm: NgramModel, *, strict: bool = True) -> "PronunciationLexicon":
        """The same lexicon, its words, or their characters, found in a language model.

        Raises:
            DecodingError: a language model of characters beside phones; or, where that is `strict`, one that knows none of
                the words.
        """
        if self.lm is lm:
            return self
        source = "lexicon" if self.separator else "pronunciations"
        units, first = self.all_words(), self.first_word
        if lm.is_character_level:
            if not self.separator:
                raise DecodingError(
                    "pronunciations: need a language model of words; this one is of characters"
                )
            spelled = [text.replace(" ", "|") for text in self.texts()]
            units, first = list("".join(spelled)), _starts(spelled)
        ids = np.array([lm.word_id(unit) for unit in units], np.int32)
        known = np.count_nonzero(ids != UNKNOWN)
        if known == 0 and strict:
            own = lm.words[len(SPECIAL_WORDS) :]
            raise DecodingError(
                f"{source}: none of its {len(units)} words, such as {units[0]!r}, is in the language model, which has "
                f"words such as {next(iter(own), '')!r}; they must be spelled alike"
            )
        if self.separator and strict and known < len(units):
            log.warning(
                "%s: %d of %d words are not in the language model", source, len(units) - known, len(units)
            )
        return replace(self, lm=lm, lm_word=ids, first_lm_word=first)


def build_pronunciation_lexicon(
    pronunciations: Pronunciations,
    phones: Sequence[str],
    *,
    phrases: Iterable[str] = (),
    within: Collection[str] = (),
    source: str,
) -> PronunciationLexicon:
    """The words that the model's phones can say, as a tree.

    Args:
        pronunciations: of the words.
        phones: of the model; ids count from 1, 0 is the blank.
        phrases: hot words; those of several words become entries of their own, each word in its first pronunciation.
        within: words that are no entries, but parts of phrases alone.
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
    phrases = list(phrases)
    if 2 * len(words) < total or not (words or within or phrases):
        raise DecodingError(
            f"{source}: {total - len(words)} of {total} pronunciations have phones that the model lacks, such as "
            f"{' '.join(list(unknown)[:5])}; the model has {' '.join(phones)}"
        )
    if len(words) < total:
        log.warning(
            "%s: %d of %d pronunciations have phones that the model lacks; they are left out",
            *(source, total - len(words), total),
        )
    if within:
        own = [at for at, (word,) in enumerate(words) if word not in within]
        words, said = [words[at] for at in own], [said[at] for at in own]
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
    return lay_out(words, said, columns=len(phones) + 1)


def build_spelling_lexicon(
    words: Iterable[str], alphabet: Alphabet, *, phrases: Iterable[str] = ()
) -> PronunciationLexicon:
    """Words that are spelled, with a space between them, and hot words and phrases as well, as a tree.

    Args:
        words: the only ones allowed, beside the phrases.
        alphabet: of the model.
        phrases: hot words; each becomes an entry, those of several words, too.

    Raises:
        DecodingError: tokens that are no characters, no space among them, or words that the alphabet cannot spell.
    """
    alphabet.require_characters("lexicon")
    if alphabet.space < 0:
        raise DecodingError(
            f"lexicon: of words, but the model's alphabet {alphabet} has no space to part them"
        )
    entries: dict[tuple[str, ...], None] = {}
    entries.update(((word,), None) for word in spellable(alphabet, words, source="lexicon"))
    for phrase in phrases:
        spell_hot_word(alphabet, phrase, 0.0)
        entries[tuple(phrase.split())] = None
    spelled = [tuple(tuple(alphabet.ids[letter] for letter in word) for word in entry) for entry in entries]
    return lay_out(list(entries), spelled, columns=len(alphabet.symbols), separator=(alphabet.space,))


def lay_out(
    words: Sequence[tuple[str, ...]],
    spelled: Sequence[tuple[tuple[int, ...], ...]],
    *,
    columns: int,
    separator: tuple[int, ...] = (),
) -> PronunciationLexicon:
    """A lexicon of entries: their words, and the token ids of each word; see `PronunciationLexicon`."""
    flat = list(chain.from_iterable(spelled))
    first_word, first_token = _starts(words), _starts(flat)
    encoded = [word.encode() for word in chain.from_iterable(words)]
    first_byte = _starts(encoded) + np.arange(len(encoded) + 1, dtype=np.int32)
    # Within an entry of several words the separator stands between them, and so it does in the tree.
    parted = [list(chain(own[0], *((*separator, *word) for word in own[1:]))) for own in spelled]
    return PronunciationLexicon(
        columns,
        separator,
        build_trie(parted, vocabulary_size=columns),
        first_word,
        b"\n".join(encoded),
        first_byte,
        np.fromiter(chain.from_iterable(flat), np.int32, int(first_token[-1])),
        first_token,
        None,
        np.zeros(len(encoded), np.int32),
        first_word,
    )


def _starts(parts: Sequence[Sequence[object]]) -> np.ndarray:
    """`(n + 1,)` int32, where each part begins when they stand one after the other, and where the last ends."""
    return np.cumsum(np.fromiter(chain([0], map(len, parts)), np.int64, len(parts) + 1)).astype(np.int32)


_ARRAYS = ("first_word", "first_byte", "tokens", "first_token", "lm_word", "first_lm_word")


def write_lexicon(path: str | Path, lexicon: PronunciationLexicon) -> None:
    """Write a lexicon to be mapped into memory, atomically. Raises AsrError when the file cannot be written."""
    header = {"columns": lexicon.columns, "separator": lexicon.separator}
    arrays = {**lexicon.trie._asdict(), **{name: getattr(lexicon, name) for name in _ARRAYS}}
    write_arrays(path, MAGIC, MappedArrays(header, lexicon.text, arrays))


def map_lexicon(path: str | Path, lm: NgramModel | None) -> PronunciationLexicon:
    """Map what `write_lexicon` wrote of a lexicon that was linked with the same language model.

    Raises:
        DecodingError: another format, shorter than its header says, or arrays that do not fit together.
    """
    content = map_arrays(path, MAGIC, what="lexicon", error=DecodingError, remedy="remove it")
    arrays = dict(content.arrays)
    try:
        trie = Trie(*(arrays.pop(name) for name in Trie._fields))
        columns, separator = content.header["columns"], tuple(content.header["separator"])
        lexicon = PronunciationLexicon(columns, separator, trie, text=content.text, lm=lm, **arrays)
        nodes, words = len(trie.token), len(lexicon.first_byte) - 1
        fits = (
            (len(trie.first_child), len(trie.first_entry)) == (nodes + 1, nodes + 1)
            and (trie.first_child[-1], trie.first_entry[-1]) == (nodes, len(trie.entry))
            and (len(lexicon), len(lexicon.first_lm_word)) == (len(trie.entry), len(trie.entry) + 1)
            and (lexicon.first_word[-1], len(lexicon.first_token)) == (words, words + 1)
            and lexicon.first_token[-1] == len(lexicon.tokens)
            and lexicon.first_lm_word[-1] == len(lexicon.lm_word)
            and lexicon.first_byte[-1] == len(lexicon.text) + 1
        )
    except (KeyError, TypeError, IndexError):
        fits = False
    if not fits:
        raise DecodingError(f"{path}: broken lexicon: its arrays do not fit together; remove it")
    return lexicon
