"""How likely units (phones, characters) follow one another: a smoothed n-gram, laid out as a dense table."""

import functools
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from asr.errors import LanguageModelError
from asr.language_model.estimate import estimate
from asr.language_model.ngram import END, START, NgramModel

HIGHEST_ORDER = 3
MOST_ENTRIES = 2**24  # of a dense table: 256 units with a trigram, 4,096 with a bigram


def estimate_unit_model(
    sequences: Iterable[Sequence[str]], units: Sequence[str], *, order: int
) -> NgramModel:
    """A modified Kneser-Ney n-gram of unit sequences.

    Args:
        sequences: the units of each training transcript.
        units: all units, in the order of their ids from 1.
        order: 1 to 3.

    Raises:
        LanguageModelError: an order that a dense table is not made for, or no units at all.
    """
    if not 1 <= order <= HIGHEST_ORDER:
        raise LanguageModelError(f"order {order} of the unit model; expected 1 to {HIGHEST_ORDER}")
    return estimate(sequences, order=order, vocabulary=units)


def unit_table(model: NgramModel, units: Sequence[str]) -> Tensor:
    """ln P(c | a, b) of every unit c after the units a, b.

    Index 0, which is the blank's among units, stands for the edge of an utterance: as a or b for its beginning, as c for its
    end. What the model gives to words that are no units is shared out among the units.

    Args:
        model: an n-gram whose words are the units.
        units: in the order of their ids from 1; V - 1 of them.

    Returns:
        `(H, V, V)` float32, [a, b, c], natural log. H is V for a trigram, and 1 for lower orders, whose histories need no a.

    Raises:
        LanguageModelError: a unit that the model lacks, an order above 3, or a table that would be too large.
    """
    size, before = len(units) + 1, len(units) + 1 if model.order > 2 else 1
    if model.order > HIGHEST_ORDER or before * size * size > MOST_ENTRIES:
        raise LanguageModelError(
            f"a unit model of order {model.order} over {len(units)} units; expected an order of at most {HIGHEST_ORDER} "
            f"and at most {MOST_ENTRIES:,} combinations; take a lower order"
        )
    missing = [unit for unit in units if unit not in model.index]
    if missing:
        raise LanguageModelError(
            f"the unit model lacks the units {', '.join(missing[:10])}; estimate it anew"
        )
    own = np.array([model.index[unit] for unit in units])
    contexts, following = np.array([START, *own]), np.array([END, *own])
    arrays = model.arrays
    parents = np.repeat(np.arange(len(arrays.first_child) - 1), np.diff(arrays.first_child))
    nodes = np.arange(1, len(arrays.word))
    # word id -> index in the table, as a context and as what follows; -1 for what is no unit
    as_context, as_following = (np.full(len(model.words), -1) for _ in range(2))
    as_context[contexts], as_following[following] = np.arange(size), np.arange(size)

    def fill(table: np.ndarray, chosen: np.ndarray, *histories: np.ndarray) -> None:
        """Overwrite what backing off gave where the model has the n-gram itself."""
        places = (*histories, as_following[arrays.word[chosen]])
        known = functools.reduce(np.logical_and, [place >= 0 for place in places])
        table[tuple(place[known] for place in places)] = arrays.log10_prob[chosen[known]]

    singles = arrays.log10_prob[1 + following].astype(np.float64)
    table = np.tile(singles, (size, 1))  # [b, c]
    if model.order > 1:
        first, last = 1 + model.counts[0], 1 + model.counts[0] + model.counts[1]
        pairs = nodes[first - 1 : last - 1]
        table += arrays.log10_backoff[1 + contexts].astype(np.float64)[:, None]
        heads = as_context[arrays.word[parents[pairs - 1]]]
        fill(table, pairs, heads)
    if model.order > 2:
        triples = nodes[last - 1 :]
        backoff = np.zeros((size, size))  # [a, b]
        seconds = as_context[arrays.word[pairs]]
        known = (heads >= 0) & (seconds >= 0)
        backoff[heads[known], seconds[known]] = arrays.log10_backoff[pairs[known]]
        table = backoff[:, :, None] + table[None]
        pair = parents[triples - 1]
        fill(table, triples, as_context[arrays.word[parents[pair - 1]]], as_context[arrays.word[pair]])
        # An utterance begins with one edge: the history of its first unit is (edge, edge).
        table[0, 0] = _after_start(model, following)
    table = table.reshape(before, size, size) * np.log(10.0)
    return torch.log_softmax(torch.from_numpy(table), dim=2).float()


def _after_start(model: NgramModel, following: np.ndarray) -> np.ndarray:
    return np.array([model.score(model.start_state, int(word))[0] for word in following]) / np.log(10.0)


def sequence_scores(table: Tensor, units: Tensor, lengths: Tensor) -> Tensor:
    """ln P of unit sequences, their ends included.

    Args:
        table: of `unit_table`.
        units: `(B, L)` int64 ids from 1, padded with anything.
        lengths: `(B,)` int64.

    Returns:
        `(B,)` of the table's type.
    """
    steps = torch.arange(units.shape[1] + 1, device=units.device)
    inside = steps < lengths.unsqueeze(1)  # (B, L + 1)
    following = torch.nn.functional.pad(units, (0, 1)).masked_fill(~inside, 0)
    last = torch.nn.functional.pad(following, (1, 0))[:, :-1]
    before = torch.nn.functional.pad(last, (1, 0))[:, :-1]
    if table.shape[0] == 1:
        before = torch.zeros_like(before)
    return (table[before, last, following] * (steps <= lengths.unsqueeze(1))).sum(dim=1)
