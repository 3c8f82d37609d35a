"""Words and the tokens that a network emits for them, as a tree: phones, or the letters of their spelling."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from asr.decoding.alphabet import Alphabet, spellable
from asr.decoding.hotwords import spell_hot_word
from asr.decoding.lexicon import Trie, build_trie
from asr.errors import DecodingError

log = logging.getLogger(__name__)

Pronunciations = Mapping[str, Sequence[Sequence[str]]]  # word -> its pronunciations


class PronunciationLexicon(NamedTuple):
    """Entries as a tree. An entry is a word said in one way, or several words that are found as one.

    Attributes:
        words: `(E,)` the words of each entry.
        tokens: `(E,)` the token ids of each of these words.
        trie: the tree of them; of several entries that end at a node it names the last.
        node: `(E,)` int32, where each ends.
        separator: the token between words, of letters the space; none of phones.
    """

    words: tuple[tuple[str, ...], ...]
    tokens: tuple[tuple[tuple[int, ...], ...], ...]
    trie: Trie
    node: np.ndarray
    separator: tuple[int, ...] = ()

    def spell(self, entries: Iterable[int]) -> list[int]:
        """What the network emits for entries, one after the other."""
        tokens: list[int] = []
        for entry in entries:
            for own in self.tokens[entry]:
                tokens += [*(self.separator if tokens else ()), *own]
        return tokens


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
        for way in dict.fromkeys(map(tuple, ways)):
            total += 1
            tokens = tuple(ids.get(phone, 0) for phone in way)
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
    return _as_tree(words, said, vocabulary_size=len(phones) + 1)


def build_spelling_lexicon(
    words: Iterable[str], alphabet: Alphabet, *, hot_words: Mapping[str, float] | None = None
) -> PronunciationLexicon:
    """Words that are spelled, with a space between them, and the hot words as well, as a tree.

    Args:
        words: the only ones allowed, beside the hot words.
        alphabet: of the model.
        hot_words: phrase -> weight; phrases of several words become entries of their own.

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
    for phrase, weight in (hot_words or {}).items():
        spell_hot_word(alphabet, phrase, weight)
        parts = phrase.split()
        entries.update(((word,), None) for word in parts)
        entries[tuple(parts)] = None
    spelled = [tuple(tuple(alphabet.ids[letter] for letter in word) for word in entry) for entry in entries]
    size = len(alphabet.symbols)
    return _as_tree(list(entries), spelled, vocabulary_size=size, separator=(alphabet.space,))


def _as_tree(
    words: list[tuple[str, ...]],
    tokens: list[tuple[tuple[int, ...], ...]],
    *,
    vocabulary_size: int,
    separator: tuple[int, ...] = (),
) -> PronunciationLexicon:
    nothing = Trie(np.empty((0, 0), np.int32), np.empty(0, np.int32), np.empty(0, np.int32))
    lexicon = PronunciationLexicon(tuple(words), tuple(tokens), nothing, np.empty(0, np.int32), separator)
    spelled = [lexicon.spell([entry]) for entry in range(len(words))]
    trie = build_trie(spelled, vocabulary_size=vocabulary_size)
    return lexicon._replace(trie=trie, node=_ends(trie, spelled))


def _ends(trie: Trie, spelled: Sequence[Sequence[int]]) -> np.ndarray:
    """`(E,)` int32, the node at which each entry ends."""
    child = trie.child
    ends = np.zeros(len(spelled), np.int32)
    for number, tokens in enumerate(spelled):
        node = 0
        for token in tokens:
            node = int(child[node, token])
        ends[number] = node
    return ends
