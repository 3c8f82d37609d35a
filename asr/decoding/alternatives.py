"""The best texts of a search that recombines, from what it dropped: the N best ways through a lattice of words.

When hypotheses with different words become the same for the future, the best goes on and the others are remembered
with the gap in score between them. So every text that the search went through can be put together again: a final
history, in which the beginning up to some word is replaced by one that was dropped in its favour, and so on (N-best
from traceback; Chow & Schwartz 1989). The score of what comes after is the same for all.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:  # importing it imports numba
    from asr.decoding.lexicon_beam_kernel import WordHistories


class TracedText(NamedTuple):
    """Labels of a text, its score as the search saw it, and the part of that which is not acoustic (natural logs)."""

    labels: tuple[int, ...]
    score: float
    other: float


# The labels of a text from some place on: the first, and the rest.
_Labels = tuple[int, "_Labels"] | None


def best_texts(
    histories: "WordHistories", finals: Sequence[tuple[float, float, int]], *, count: int
) -> Iterator[TracedText]:
    """Texts from the best down; the same labels may come again.

    Args:
        histories: of the search, the recombinations among them.
        finals: score, the part of it that is not acoustic, and history of what the search ended with.
        count: how many will be asked for at most; what cannot be among them is not looked at.
    """
    parent, entry, committed = histories.parent, histories.entry, histories.committed
    dropped = _by_winner(histories)
    order = itertools.count()  # of equal scores, the one found first
    queue: list[tuple[float, int, float, int, _Labels, int]] = []
    best: list[float] = []  # scores of the `count` best texts known so far, the least on top

    def propose(score: float, other: float, history: int, rest: _Labels, before: int) -> bool:
        if len(best) == count and score <= best[0]:
            return False
        (heapq.heappush if len(best) < count else heapq.heapreplace)(best, score)
        heapq.heappush(queue, (-score, next(order), other, history, rest, before))
        return True

    for score, other, history in finals:
        propose(score, other, history, None, 1 << 31)
    while queue:
        negative, _, other, history, rest, before = heapq.heappop(queue)
        while True:
            tried: dict[int, int] = {}
            for gap, loser, when in dropped.get(history, ()):
                # What is replaced earlier in the text was dropped earlier; anything else would go round in circles.
                # A later one of the same pair leaves more to be replaced before it, so it is worth trying as well.
                if when >= before or when <= tried.get(loser, -1):
                    continue
                tried[loser] = when
                change = float(committed[loser] - committed[history])
                if not propose(-negative - gap, other + change, loser, rest, when):
                    break
            if history == 0:
                break
            rest = (int(entry[history]), rest)
            history = int(parent[history])
        labels = []
        while rest is not None:
            first, rest = rest
            labels.append(first)
        yield TracedText(tuple(labels), -negative, other)


def _by_winner(histories: "WordHistories") -> dict[int, list[tuple[float, int, int]]]:
    """Gap, loser and number of the recombinations of each winner, the least gap first."""
    count = int(histories.size[1])
    winner, loser, gap = (part[:count] for part in (histories.winner, histories.loser, histories.gap))
    order = np.lexsort((gap, winner))
    dropped: dict[int, list[tuple[float, int, int]]] = {}
    for at, *rest in zip(
        *(part[order].tolist() for part in (winner, gap, loser)), order.tolist(), strict=True
    ):
        dropped.setdefault(at, []).append(tuple(rest))
    return dropped
