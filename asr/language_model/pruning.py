"""Leaving out the n-grams that a back-off model can best do without (Stolcke 1998, "Entropy-based pruning").

Without the n-gram hw, w is predicted after h by backing off, with a new weight a'(h) for what is not listed after h.
That costs, in relative entropy,

    D = -P(h) { P(w|h) [ln P(w|h') + ln a'(h) - ln P(w|h)]  +  (1 - sum_{v listed after h} P(v|h)) [ln a'(h) - ln a(h)] }

    a(h)  = (1 - sum_v P(v|h)) / (1 - sum_v P(v|h'))
    a'(h) = (1 - sum_v P(v|h) + P(w|h)) / (1 - sum_v P(v|h') + P(w|h'))

h' being h without its first word, and perplexity times exp(D). P(h) is how often the text has h: the lower orders of a Kneser-Ney model would
say how many words it follows (Chelba, Brants, Neveitt & Xu 2010).
"""

import itertools
import logging

import numpy as np

from asr.language_model.ngram import Skeleton

log = logging.getLogger(__name__)

_BLOCK = 4_000_000  # n-grams looked at together
_LEAST = 1e-12  # of a probability that is what others leave of 1


def prune_by_entropy(
    skeleton: Skeleton,
    prob: np.ndarray,
    backoff: np.ndarray,
    kept: np.ndarray,
    *,
    raw: np.ndarray,
    threshold: float,
) -> None:
    """Leave out n-grams, the longest first; contexts of n-grams that stay, stay.

    Args:
        skeleton: all n-grams, n nodes, m of them contexts.
        prob: `(n,)` of each node; on return that of backing off, where it is left out.
        backoff: `(m,)`, on return for the n-grams that are left.
        kept: `(n,)` bool, on return without those that are left out.
        raw: `(n,)` times that the text has each n-gram.
        threshold: perplexity may rise by this share for the lack of one n-gram.
    """
    ends = (1 + np.cumsum(skeleton.counts)).tolist()
    orders = [slice(*pair) for pair in itertools.pairwise(ends)]
    for nodes in reversed(orders):
        _prune_order(skeleton, nodes, prob, backoff, kept, raw=raw, threshold=threshold)
        log.info("%d n-grams kept of %d, pruned by entropy", int(kept[nodes].sum()), nodes.stop - nodes.start)
    for begin, nodes in zip([1, *ends], orders, strict=False):
        contexts = slice(begin, nodes.start)
        seen, below = _listed(skeleton, nodes, prob, kept)
        backoff[contexts] = _left(seen[contexts]) / _left(below[contexts])
        lost = nodes.start + np.flatnonzero(~kept[nodes])
        prob[lost] = backoff[skeleton.parent[lost]] * prob[skeleton.suffix[lost]]


def _prune_order(
    skeleton: Skeleton,
    nodes: slice,
    prob: np.ndarray,
    backoff: np.ndarray,
    kept: np.ndarray,
    *,
    raw: np.ndarray,
    threshold: float,
) -> None:
    """Decide on the n-grams of one order, each as if all others stayed."""
    seen, below = _listed(skeleton, nodes, prob, kept)
    times = np.bincount(skeleton.parent[nodes], weights=raw[nodes], minlength=skeleton.inner)
    share = times / raw[1 : 1 + skeleton.counts[0]].sum()  # P(h); every word and sentence end follows some h
    is_context = np.zeros(len(prob), bool)
    longer = slice(nodes.stop, len(prob))
    is_context[skeleton.parent[longer][kept[longer]]] = True
    for begin in range(nodes.start, nodes.stop, _BLOCK):
        these = slice(begin, min(nodes.stop, begin + _BLOCK))
        block = begin + np.flatnonzero(kept[these] & ~is_context[these])
        context = skeleton.parent[block]
        own, shorter = prob[block], prob[skeleton.suffix[block]]
        left = _left(seen[context])
        after = np.log(_left(seen[context] - own) / _left(below[context] - shorter))
        change = own * (np.log(shorter / own) + after) + left * (after - np.log(backoff[context]))
        kept[block] = np.expm1(-share[context] * change) >= threshold


def _listed(
    skeleton: Skeleton, nodes: slice, prob: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of what is kept of one order: sum of P(v|h) and of P(v|h') for each context h, `(m,)` each."""
    chosen = nodes.start + np.flatnonzero(kept[nodes])
    context = skeleton.parent[chosen]
    seen = np.bincount(context, weights=prob[chosen], minlength=skeleton.inner)
    return seen, np.bincount(context, weights=prob[skeleton.suffix[chosen]], minlength=skeleton.inner)


def _left(sum_of_probabilities: np.ndarray) -> np.ndarray:
    """What they leave of 1."""
    return np.maximum(1 - sum_of_probabilities, _LEAST)
