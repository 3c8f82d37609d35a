"""Lines of a text, joined to texts of some length, in batches."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from asr.data.padded_budget import fill_batches

_LONGEST_LINE = 100  # words; longer ones go on in the next text
_NEIGHBOURS = 20000  # texts, shuffled, of which those alike in length share a batch


class Shape(Protocol):
    """How long texts and batches are: the fields of `RecurrentLmConfig`, say."""

    @property
    def words_per_text(self) -> int: ...
    @property
    def words_per_batch(self) -> int: ...
    @property
    def seed(self) -> int: ...


def text_batches(
    ids: np.ndarray, starts: np.ndarray, shape: Shape, *, epoch: int
) -> Iterator[list[np.ndarray]]:
    """The texts of an epoch in batches, those alike in length together, in an order of its own.

    Args:
        ids: of all words, one after the other.
        starts: where each line begins in them, and where the last one ends.
        shape: lengths, and the seed of what is drawn.
        epoch: the order's.
    """
    generator = np.random.default_rng((shape.seed, epoch))
    texts = _texts(ids, starts, shape.words_per_text, generator)
    order = generator.permutation(len(texts))
    for first in range(0, len(order), _NEIGHBOURS):
        near = sorted(order[first : first + _NEIGHBOURS].tolist(), key=lambda text: len(texts[text]))
        gathered = list(
            fill_batches(
                (texts[text] for text in near), lambda text: len(text) + 1, most=shape.words_per_batch
            )
        )
        for batch in generator.permutation(len(gathered)).tolist():
            yield gathered[batch]


def count_texts(ids: np.ndarray, starts: np.ndarray, shape: Shape) -> int:
    """About how many texts an epoch has."""
    return len(_texts(ids, starts, shape.words_per_text, np.random.default_rng((shape.seed, 0))))


def _texts(
    ids: np.ndarray, starts: np.ndarray, words_per_text: int, generator: np.random.Generator
) -> list[np.ndarray]:
    """Lines joined to texts."""
    longest = max(_LONGEST_LINE, 2 * words_per_text)
    texts, at = [], 0
    wanted = generator.integers(1, 2 * words_per_text + 1, len(starts)) if words_per_text else None
    while at < len(starts) - 1:
        end = at + 1
        if wanted is not None:
            end = max(end, int(np.searchsorted(starts, starts[at] + wanted[at])))
            end = min(end, len(starts) - 1)
        joined = ids[starts[at] : starts[end]]
        texts += [joined[first : first + longest] for first in range(0, len(joined), longest)]
        at = end
    return texts
