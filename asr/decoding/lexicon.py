"""Word lists, and the tree of their spellings that the beam search walks."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.errors import DecodingError
from asr.files import read_text


def read_lexicon(path: str | Path) -> list[str]:
    """Words of a lexicon file: one a line, alone or followed by its letters (`GO G O |`, as flashlight has it).

    Raises:
        DecodingError: cannot be read, empty, or letters that do not spell the word; the line is named.
    """
    words: dict[str, None] = {}
    text = read_text(path, what="the lexicon", error=DecodingError)
    for number, line in enumerate(text.split("\n"), 1):
        word, *letters = line.split() or [""]
        if letters and "".join(letters).rstrip("|") != word:
            raise DecodingError(
                f"{path}:{number}: {line!r}; expected a word, or a word and its letters such as 'GO G O |'"
            )
        if word:
            words[word] = None
    if not words:
        raise DecodingError(f"{path}: no words in the lexicon; expected one a line")
    return list(words)


class Trie(NamedTuple):
    """E token sequences as a tree of n nodes, breadth first: node 0 is the root, and the children of a node follow each other.

    Attributes:
        first_child: `(n + 1,)` int32, where the children of a node begin; those of the next begin where they end.
        token: `(n,)` int32, the token that leads to a node, ascending among the children of one; 0 for the root.
        first_entry: `(n + 1,)` int32, where the sequences that end at a node begin in `entry`.
        entry: `(E,)` int32, the sequences' numbers by the node that they end at, ascending at each.
    """

    first_child: np.ndarray
    token: np.ndarray
    first_entry: np.ndarray
    entry: np.ndarray


def build_trie(sequences: Sequence[Sequence[int]], *, vocabulary_size: int) -> Trie:
    """The tree of some token sequences; ids are below V, the vocabulary's size."""
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    tokens = np.fromiter(chain.from_iterable(sequences), np.int64, int(lengths.sum()))
    starts = np.cumsum(lengths) - lengths
    ends = np.zeros(len(lengths), np.int64)  # the node that each sequence has come to
    keys = [np.zeros(0, np.int64)]  # parent x V + token of the nodes of each depth
    size, depth = 1, 0
    going_on = np.flatnonzero(lengths > 0)
    while len(going_on):
        wanted = ends[going_on] * vocabulary_size + tokens[starts[going_on] + depth]
        own, place = np.unique(wanted, return_inverse=True)
        ends[going_on] = size + place
        keys.append(own)
        size, depth = size + len(own), depth + 1
        going_on = going_on[lengths[going_on] > depth]
    edges = np.concatenate(keys)
    entry = np.argsort(ends, kind="stable")
    return Trie(
        (1 + np.searchsorted(edges // vocabulary_size, np.arange(size + 1))).astype(np.int32),
        np.append(0, edges % vocabulary_size).astype(np.int32),
        np.searchsorted(ends[entry], np.arange(size + 1)).astype(np.int32),
        entry.astype(np.int32),
    )


def best_in_subtree(trie: Trie, values: np.ndarray) -> np.ndarray:
    """For each node, `(n,)`, the highest of the `(E,)` values of the entries that end at it or below; -inf without any."""
    best = np.full(len(trie.token), -np.inf)
    ended = np.flatnonzero(np.diff(trie.first_entry))
    if len(ended):
        best[ended] = np.maximum.reduceat(values[trie.entry], trie.first_entry[ended])
    depths = [0, 1]  # the first node of each depth
    while depths[-1] < len(best):
        depths.append(int(trie.first_child[depths[-1]]))
    for first, last in zip(depths[-3::-1], depths[-2:0:-1], strict=True):
        at = first + np.flatnonzero(np.diff(trie.first_child[first : last + 1]))
        below = np.maximum.reduceat(best[: trie.first_child[last]], trie.first_child[at])
        best[at] = np.maximum(best[at], below)
    return best
