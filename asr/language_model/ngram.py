"""An n-gram model as a trie in a few flat arrays, made for looking up a word after a state.

Node 0 is the empty n-gram, nodes 1 to W the words in the order of their ids, then come the bigrams, then
the trigrams, each order sorted by (parent, last word). The children of a node are therefore neighbours,
found by binary search, and a word's own node needs no search. A state is the node of the longest piece of
history that the model knows as a context. Every node also knows the node of itself without its first word
(its suffix), which is where backing off goes.

Logarithms are to the base 10 in the arrays, as in the ARPA file that they came from, bit for bit; methods
speak natural logarithms.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

UNKNOWN, START, END = 0, 1, 2
SPECIAL_WORDS = ("<unk>", "<s>", "</s>")
# Their other spellings; SRILM keeps the case of its -unk option.
ALIASES = {"<UNK>": "<unk>", "<S>": "<s>", "</S>": "</s>"}
# Words a model without <unk> has never seen get this, as in KenLM.
LOG10_NEVER_SEEN = -100.0
LN10 = math.log(10.0)
_LEAST = 1e-12


class NgramArrays(NamedTuple):
    """The trie, for compiled code too. n nodes, m of them below the highest order ("inner").

    Attributes:
        word: `(n,)` int32, last word of each node; -1 for the root.
        log10_prob: `(n,)` float32, log10 P(last word | the words before it).
        suffix: `(n,)` int32, node of the longest known proper suffix; the root's is the root.
        log10_backoff: `(m,)` float32.
        first_child: `(m + 1,)` int32; the children of node i are first_child[i] to first_child[i + 1] - 1.
    """

    word: np.ndarray
    log10_prob: np.ndarray
    suffix: np.ndarray
    log10_backoff: np.ndarray
    first_child: np.ndarray


@dataclass(frozen=True, eq=False)
class NgramModel:
    """A back-off n-gram language model.

    Attributes:
        words: spelling of every word id; the first three are `<unk>`, `<s>` and `</s>`.
        counts: how many n-grams of each order, from 1 up.
        arrays: the trie.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    arrays: NgramArrays

    @property
    def order(self) -> int:
        """Length of the longest n-gram."""
        return len(self.counts)

    @cached_property
    def index(self) -> dict[str, int]:
        """Word -> id."""
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def is_character_level(self) -> bool:
        """Whether the model's words are single characters, with `|` for the space between words."""
        own = self.words[len(SPECIAL_WORDS) :]
        return "|" in own and all(len(word) == 1 for word in own)

    def word_id(self, word: str) -> int:
        """Id of a word; `UNKNOWN` for one that the model lacks."""
        return self.index.get(word, UNKNOWN)

    @property
    def start_state(self) -> int:
        """State at the beginning of a sentence."""
        return 1 + START if self.order > 1 else 0

    def score(self, state: int, word: int) -> tuple[float, int]:
        """Natural-log probability of a word id after a state, and the state after it.

        P(w | h) is the n-gram's own where the model has it, else the back-off weight of h times
        P(w | h without its first word); a missing weight is 1.
        """
        arrays, backoff = self.arrays, 0.0
        while True:
            child = self._child(state, word)
            if child >= 0:
                # A node of the highest order is no context: its suffix is the state.
                after = child if child < len(arrays.log10_backoff) else int(arrays.suffix[child])
                return (backoff + float(arrays.log10_prob[child])) * LN10, after
            backoff += float(arrays.log10_backoff[state])
            state = int(arrays.suffix[state])

    def _child(self, state: int, word: int) -> int:
        """The node of `state` and `word`, or -1."""
        if state == 0:
            return 1 + word
        first, last = int(self.arrays.first_child[state]), int(self.arrays.first_child[state + 1])
        found = first + int(np.searchsorted(self.arrays.word[first:last], word))
        return found if found < last and self.arrays.word[found] == word else -1

    def score_words(self, words: Sequence[str]) -> list[float]:
        """Natural-log probability of each word of a sentence, and of its end."""
        state, scores = self.start_state, []
        for word in [*(self.word_id(word) for word in words), END]:
            score, state = self.score(state, word)
            scores.append(score)
        return scores


class NgramTable(NamedTuple):
    """n-grams of one order k, in any order.

    Attributes:
        grams: `(n, k)` int32 word ids.
        log10_prob: `(n,)` float32.
        log10_backoff: `(n,)` float32; of no account in the highest order.
    """

    grams: np.ndarray
    log10_prob: np.ndarray
    log10_backoff: np.ndarray


class Duplicate(Exception):
    """An n-gram stands twice in a table: the order, and the rows."""

    def __init__(self, order: int, rows: tuple[int, int]) -> None:
        super().__init__(f"{order}-gram in rows {rows[0]} and {rows[1]}")
        self.order = order
        self.rows = rows


def build_model(words: Sequence[str], tables: Sequence[NgramTable]) -> NgramModel:
    """Sort n-grams of orders 1, 2, ... into a model.

    Args:
        words: spelling of every id, the three special words first.
        tables: one an order; the first has every word exactly once.

    A context that an n-gram has but no table lists is put in with the probability that backing off gives
    it, so that the n-gram can be found. Raises `Duplicate`.
    """
    skeleton = build_skeleton(len(words), [table.grams for table in tables])
    size = len(skeleton.word)
    log10_prob = np.full(size, np.nan, dtype=np.float32)
    log10_backoff = np.zeros(size, dtype=np.float32)
    log10_prob[0] = 0.0
    for table, nodes in zip(tables, skeleton.nodes, strict=True):
        log10_prob[nodes] = table.log10_prob
        log10_backoff[nodes] = table.log10_backoff
    inner = skeleton.inner
    arrays = NgramArrays(
        skeleton.word, log10_prob, skeleton.suffix, log10_backoff[:inner].copy(), skeleton.first_child
    )
    model = NgramModel(tuple(words), skeleton.counts, arrays)
    for node in np.flatnonzero(np.isnan(log10_prob)):  # contexts put in; shorter ones come first
        parent = int(skeleton.parent[node])
        score, _ = model.score(int(arrays.suffix[parent]), int(arrays.word[node]))
        log10_prob[node] = float(arrays.log10_backoff[parent]) + score / LN10
    return model


class Skeleton(NamedTuple):
    """A trie without probabilities.

    Attributes:
        word, parent, suffix: `(n,)` int32 of each node.
        first_child: `(m + 1,)` int32.
        inner: m, nodes below the highest order.
        counts: nodes of each order.
        nodes: for every table, the node of each of its rows.
    """

    word: np.ndarray
    parent: np.ndarray
    suffix: np.ndarray
    first_child: np.ndarray
    inner: int
    counts: tuple[int, ...]
    nodes: list[np.ndarray]


def build_skeleton(vocabulary_size: int, tables: Sequence[np.ndarray]) -> Skeleton:
    """Number the nodes of n-gram tables `(n, k)`, k = 1, 2, ...; see `build_model`."""
    width = np.int64(vocabulary_size)
    word = [np.array([-1], np.int32), np.arange(vocabulary_size, dtype=np.int32)]
    parent = [np.zeros(1, np.int32), np.zeros(vocabulary_size, np.int32)]
    start = 1 + vocabulary_size
    # node of the first k words of every row of every table, k growing with the loop
    heads = [1 + table[:, 0].astype(np.int64) for table in tables]
    counts = [vocabulary_size]
    for order in range(2, len(tables) + 1):
        wanted = [
            head * width + table[:, order - 1]
            for head, table in zip(heads[order - 1 :], tables[order - 1 :], strict=True)
        ]
        own = np.sort(wanted[0])
        if (own[1:] == own[:-1]).any():
            twice = own[1:][own[1:] == own[:-1]][0]
            first, second = np.flatnonzero(wanted[0] == twice)[:2]
            raise Duplicate(order, (int(first), int(second)))
        missing = [key[~find_keys(own, key)[1]] for key in wanted[1:]]
        if any(map(len, missing)):
            own = np.union1d(own, np.concatenate(missing))
        for index, key in enumerate(wanted, order - 1):
            heads[index] = start + np.searchsorted(own, key)
        word.append((own % width).astype(np.int32))
        parent.append((own // width).astype(np.int32))
        counts.append(len(own))
        start += len(own)
    inner = 1 + sum(counts[:-1])
    all_words, all_parents = np.concatenate(word), np.concatenate(parent)
    children = np.bincount(all_parents[1:], minlength=inner)
    first_child = 1 + np.concatenate([[0], np.cumsum(children)])
    return Skeleton(
        all_words,
        all_parents,
        suffix_links(all_words, all_parents, counts),
        first_child.astype(np.int32),
        inner,
        tuple(counts),
        [head.astype(np.int64) for head in heads],
    )


def suffix_links(word: np.ndarray, parent: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """The node of each node's longest known proper suffix.

    Args:
        word, parent: `(n,)` int32 of a trie whose nodes are sorted by order, parent and word.
        counts: nodes of each order.

    Returns:
        `(n,)` int32; 0, the root, for the root and the words.
    """
    width = np.int64(counts[0])
    base = 1 + counts[0]
    keys = gram_keys(word, parent, counts[0])
    suffix = np.zeros(len(word), np.int32)
    start = base
    for count in counts[1:]:
        words = word[start : start + count].astype(np.int64)
        links = np.zeros(count, np.int64)
        shorter = suffix[parent[start : start + count]].astype(np.int64)
        known = keys[: start - base]
        pending = np.arange(count)
        while len(pending):
            at, last = shorter[pending], words[pending]
            found, hit = find_keys(known, at * width + last)
            links[pending] = np.where(at == 0, 1 + last, base + found)
            pending = pending[(at != 0) & ~hit]
            shorter[pending] = suffix[shorter[pending]]
        suffix[start : start + count] = links
        start += count
    return suffix


def parents(first_child: np.ndarray) -> np.ndarray:
    """`(n,)` int64, each node without its last word; the root, which has none, for the root."""
    children = np.diff(first_child)
    return np.append(0, np.repeat(np.arange(len(children)), children))


def gram_keys(word: np.ndarray, parent: np.ndarray, vocabulary_size: int) -> np.ndarray:
    """parent x V + word of each node beyond the words, int64, ascending over all orders; `(n,)` arrays as of `suffix_links`."""
    base = 1 + vocabulary_size
    return np.asarray(parent[base:].astype(np.int64) * vocabulary_size + word[base:])


def find_keys(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each of `wanted` stands in the ascending `keys`, and whether it does."""
    found = np.searchsorted(keys, wanted)
    if len(keys) == 0:
        return found, np.zeros(len(wanted), dtype=bool)
    return found, keys[np.minimum(found, len(keys) - 1)] == wanted


def left_over(listed: np.ndarray) -> np.ndarray:
    """What the probabilities listed after a context, added up, leave of 1; never quite nothing."""
    return np.maximum(1 - listed, _LEAST)


def backoff_weights(listed: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    """What a context's probabilities leave, over what those of the same words after the shorter context leave (sums of each)."""
    return left_over(listed) / left_over(shorter)
