"""Word lists, and the tree of their spellings that the beam search walks."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.errors import DecodingError


def read_lexicon(path: str | Path) -> list[str]:
    """Words of a lexicon file: one a line, alone or followed by its letters (`GO G O |`, as flashlight has it).

    Raises:
        DecodingError: cannot be read, empty, or letters that do not spell the word; the line is named.
    """
    words: dict[str, None] = {}
    try:
        for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
            word, *letters = line.split() or [""]
            if letters and "".join(letters).rstrip("|") != word:
                raise DecodingError(
                    f"{path}:{number}: {line!r}; expected a word, or a word and its letters such as 'GO G O |'"
                )
            if word:
                words[word] = None
    except OSError as error:
        raise DecodingError(f"{path}: cannot read the lexicon: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DecodingError(f"{path}: not UTF-8 text (byte {error.start}); expected a word a line") from None
    if not words:
        raise DecodingError(f"{path}: no words in the lexicon; expected one a line")
    return list(words)


class Trie(NamedTuple):
    """Spellings as a tree; node 0 is the root.

    Attributes:
        child: `(n, V)` int32, the node after a token; -1 where no word goes on so.
        entry: `(n,)` int32, index of the word that ends at the node; -1 where none does.
        parent: `(n,)` int32; the root's is -1. Parents have lower numbers than their children.
    """

    child: np.ndarray
    entry: np.ndarray
    parent: np.ndarray


def build_trie(spellings: Iterable[Sequence[int]], *, vocabulary_size: int) -> Trie:
    """The tree of token sequences; `entry` counts them from 0."""
    nodes: dict[int, int] = {}  # parent x V + token -> node
    ends: list[tuple[int, int]] = []
    for number, tokens in enumerate(spellings):
        node = 0
        for token in tokens:
            node = nodes.setdefault(node * vocabulary_size + token, len(nodes) + 1)
        ends.append((node, number))
    size = len(nodes) + 1
    child = np.full(size * vocabulary_size, -1, np.int32)
    parent = np.full(size, -1, np.int32)
    keys = np.fromiter(nodes.keys(), np.int64, len(nodes))
    targets = np.fromiter(nodes.values(), np.int64, len(nodes))
    child[keys] = targets
    parent[targets] = keys // vocabulary_size
    entry = np.full(size, -1, np.int32)
    for node, number in ends:
        entry[node] = number
    return Trie(child.reshape(size, vocabulary_size), entry, parent)


def highest_below(trie: Trie, values: np.ndarray) -> np.ndarray:
    """For each node, the highest of its words' `values` and those of all nodes below; -inf without words."""
    highest = np.where(trie.entry >= 0, np.append(values, -np.inf)[trie.entry], -np.inf).tolist()
    parents = trie.parent.tolist()
    for node in range(len(parents) - 1, 0, -1):
        parent = parents[node]
        highest[parent] = max(highest[parent], highest[node])
    return np.array(highest)
