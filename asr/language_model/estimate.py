"""Interpolated modified Kneser-Ney smoothing (Chen & Goodman 1999, section 3 and equations 24 to 27).

    P(w | h) = max(0, a(hw) - D(a(hw))) / sum_v a(hv) + gamma(h) P(w | h without its first word)

a is the adjusted count (see `counting`), D one of three discounts an order for counts of one, two and
more, gamma(h) what makes the sum over words 1. Unigrams are interpolated with the uniform distribution over
all words, `</s>` and `<unk>` among them, which is what gives `<unk>` its probability.
"""

import itertools
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from asr.errors import LanguageModelError
from asr.language_model.counting import Counts, OrderCounts, count_ngrams
from asr.language_model.ngram import (
    START,
    NgramModel,
    NgramTable,
    Skeleton,
    build_model,
    build_skeleton,
)
from asr.language_model.pruning import prune_by_entropy

log = logging.getLogger(__name__)

# What SRILM and KenLM write for the probability of <s>, which no sentence ever asks for.
LOG10_START = -99.0


class Discounts(NamedTuple):
    """What is taken off counts of one, two, and three or more."""

    one: float
    two: float
    more: float


FALLBACK = Discounts(0.5, 1.0, 1.5)


def estimate(
    sentences: Iterable[Sequence[str]],
    *,
    order: int = 3,
    prune: Sequence[int] = (),
    prune_entropy: float = 0.0,
    vocabulary: Iterable[str] | None = None,
    vocabulary_size: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> NgramModel:
    """Estimate a model from text.

    Args:
        sentences: each a sequence of words.
        order: length of the longest n-gram.
        prune: for each order, n-grams seen this often or less are left out, their mass given to
            backing off; the last value holds for the orders above it, the first (words) must be 0.
        prune_entropy: n-grams without which perplexity rises by less than this share are left out, too
            (see `pruning`); 1e-9 to 1e-7 as a rule.
        vocabulary: words to keep, seen or not; others become `<unk>`. None keeps every word.
        vocabulary_size: so many words are kept, the most frequent; None keeps every word.
        progress: called with the number of words read, now and then.

    Raises:
        LanguageModelError: no words, thresholds that fall from one order to the next or below 0, or a size of 0.
    """
    thresholds = _thresholds(prune, order)
    if not 0 <= prune_entropy < math.inf:
        raise LanguageModelError(f"prune_entropy {prune_entropy}; expected 0 or more, such as 1e-8")
    counts = count_ngrams(
        sentences, order=order, vocabulary=vocabulary, vocabulary_size=vocabulary_size, progress=progress
    )
    return smooth(counts, thresholds, prune_entropy)


def smooth(counts: Counts, thresholds: Sequence[int], prune_entropy: float = 0.0) -> NgramModel:
    """Turn counts into a model; `thresholds` as `prune` of `estimate`, one an order."""
    tables = [table.grams for table in counts.orders]
    vocabulary_size = len(counts.words)
    skeleton = build_skeleton(vocabulary_size, tables)
    size = len(skeleton.word)
    prob = np.zeros(size)
    backoff = np.ones(skeleton.inner)
    kept = np.ones(size, dtype=bool)
    prob[0] = 1 / (vocabulary_size - 1)  # uniform over the words; <s> is never predicted
    for order, table in enumerate(counts.orders, 1):
        _smooth_order(
            order, table, skeleton, prob=prob, backoff=backoff, kept=kept, threshold=thresholds[order - 1]
        )
        log.info(
            "order %d: %d n-grams, %d kept", order, len(table.raw), int(kept[skeleton.nodes[order - 1]].sum())
        )
    if prune_entropy:
        raw = np.zeros(size, np.int64)
        for table, nodes in zip(counts.orders, skeleton.nodes, strict=True):
            raw[nodes] = table.raw
        prune_by_entropy(skeleton, prob, backoff, kept, raw=raw, threshold=prune_entropy)
    prob[1 + START] = 0.0
    log10_prob = np.full(size, LOG10_START)
    log10_prob[prob > 0] = np.log10(prob[prob > 0])
    # A context without children has weight 1; a weight of 0 cannot arise: discounts are above 0.
    log10_backoff = np.zeros(size)
    log10_backoff[: skeleton.inner] = np.log10(backoff)
    everything = np.arange(vocabulary_size, dtype=np.int32)[:, None]
    written = [_table(everything, np.arange(1, 1 + vocabulary_size), log10_prob, log10_backoff)]
    for grams, nodes in zip(tables[1:], skeleton.nodes[1:], strict=True):
        chosen = kept[nodes]
        written.append(_table(grams[chosen], nodes[chosen], log10_prob, log10_backoff))
    return build_model(counts.words, written)


def _smooth_order(
    order: int,
    table: OrderCounts,
    skeleton: Skeleton,
    *,
    prob: np.ndarray,
    backoff: np.ndarray,
    kept: np.ndarray,
    threshold: int,
) -> None:
    """Fill in the probabilities of one order and the back-off weights of the order below."""
    discounts = find_discounts(table.adjusted, order=order)
    nodes = skeleton.nodes[order - 1]
    parents = skeleton.parent[nodes]
    adjusted = table.adjusted.astype(np.float64)
    off = np.array([0.0, *discounts])[np.minimum(table.adjusted, 3)]
    kept[nodes] = table.raw > threshold
    # What is left of the count goes to the n-gram; the discount, or all of a pruned count, to backing off.
    left = np.where(kept[nodes], adjusted - off, 0.0)
    totals = np.bincount(parents, weights=adjusted, minlength=skeleton.inner)
    freed = np.bincount(parents, weights=adjusted - left, minlength=skeleton.inner)
    has_children = totals > 0
    backoff[has_children] = freed[has_children] / totals[has_children]
    if order == 1:
        prob[1 : 1 + skeleton.counts[0]] = backoff[0] * prob[0]  # words never seen, <unk> among them
    prob[nodes] = left / totals[parents] + backoff[parents] * prob[skeleton.suffix[nodes]]


def find_discounts(adjusted: np.ndarray, *, order: int) -> Discounts:
    """The three discounts from counts of counts n1 to n4 (Chen & Goodman 1999, equation 26).

    Y = n1 / (n1 + 2 n2);  D1 = 1 - 2 Y n2/n1;  D2 = 2 - 3 Y n3/n2;  D3+ = 3 - 4 Y n4/n3.

    Text too small, or too regular, for them (no n-gram seen just once, a discount that is not between 0
    and the count) gets 0.5, 1 and 1.5, which the log says.
    """
    ones, twos, threes, fours = (int((adjusted == count).sum()) for count in (1, 2, 3, 4))
    if ones and twos and threes:
        share = ones / (ones + 2 * twos)
        found = Discounts(
            1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes
        )
        if 0 < found.one <= 1 and 0 < found.two <= 2 and 0 < found.more <= 3:
            return found
    # Where every n-gram was seen five times and more (a few units in much text) the discounts hardly matter.
    level = logging.WARNING if ones + twos + threes + fours else logging.INFO
    log.log(
        level,
        "order %d: %d, %d, %d, %d n-grams with counts of 1 to 4 give no Kneser-Ney discounts; using %s",
        *(order, ones, twos, threes, fours, ", ".join(map(str, FALLBACK))),
    )
    return FALLBACK


def _table(
    grams: np.ndarray, nodes: np.ndarray, log10_prob: np.ndarray, log10_backoff: np.ndarray
) -> NgramTable:
    return NgramTable(grams, log10_prob[nodes].astype(np.float32), log10_backoff[nodes].astype(np.float32))


def _thresholds(prune: Sequence[int], order: int) -> list[int]:
    thresholds = [*prune, *[prune[-1] if prune else 0] * (order - len(prune))]
    if len(prune) > order:
        raise LanguageModelError(
            f"prune {list(prune)}: {len(prune)} thresholds for order {order}; expected at most {order}"
        )
    if thresholds[0] != 0 or any(a > b for a, b in itertools.pairwise(thresholds)):
        raise LanguageModelError(
            f"prune {list(prune)}: expected 0 for words (limit them by a vocabulary), then rising, such as 0 0 1"
        )
    return thresholds
