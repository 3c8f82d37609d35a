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

from asr.language_model.ngram import Skeleton, backoff_weights, left_over

log = logging.getLogger(__name__)

_BLOCK = 4_000_000  # n-grams looked at together


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
    # P(h) of every context; every word and sentence end follows one of each length.
    times = np.bincount(skeleton.parent[1:], weights=raw[1:], minlength=skeleton.inner)
    share = times / raw[1 : ends[0]].sum()
    is_context = np.zeros(len(prob), bool)
    for nodes in reversed(orders):
        listed, shorter = _listed(skeleton, nodes, prob, kept)
        for begin in range(nodes.start, nodes.stop, _BLOCK):
            these = slice(begin, min(nodes.stop, begin + _BLOCK))
            block = begin + np.flatnonzero(kept[these] & ~is_context[these])
            change = _change(skeleton, block, prob, backoff, listed=listed, shorter=shorter)
            kept[block] = np.expm1(-share[skeleton.parent[block]] * change) >= threshold
        is_context[skeleton.parent[nodes][kept[nodes]]] = True
        log.info("%d n-grams kept of %d, pruned by entropy", int(kept[nodes].sum()), nodes.stop - nodes.start)
    for begin, nodes in zip([1, *ends], orders, strict=False):
        contexts = slice(begin, nodes.start)
        listed, shorter = _listed(skeleton, nodes, prob, kept)
        backoff[contexts] = backoff_weights(listed[contexts], shorter[contexts])
        lost = nodes.start + np.flatnonzero(~kept[nodes])
        prob[lost] = backoff[skeleton.parent[lost]] * prob[skeleton.suffix[lost]]


def _change(
    skeleton: Skeleton,
    block: np.ndarray,
    prob: np.ndarray,
    backoff: np.ndarray,
    *,
    listed: np.ndarray,
    shorter: np.ndarray,
) -> np.ndarray:
    """-D / P(h) of the nodes in `block`, each left out as if all others stayed."""
    context = skeleton.parent[block]
    own, below = prob[block], prob[skeleton.suffix[block]]
    after = np.log(backoff_weights(listed[context] - own, shorter[context] - below))
    rest = left_over(listed[context]) * (after - np.log(backoff[context]))
    return np.asarray(own * (np.log(below / own) + after) + rest)


def _listed(
    skeleton: Skeleton, nodes: slice, prob: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of what is kept of one order: sum of P(v|h) and of P(v|h') for each context h, `(m,)` each."""
    chosen = nodes.start + np.flatnonzero(kept[nodes])
    context = skeleton.parent[chosen]
    seen = np.bincount(context, weights=prob[chosen], minlength=skeleton.inner)
    return seen, np.bincount(context, weights=prob[skeleton.suffix[chosen]], minlength=skeleton.inner)
