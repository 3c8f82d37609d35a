"""The best texts of a search that recombines, from what it dropped: the N best ways through a lattice of words.

When hypotheses with different words become the same for the future, the best goes on and the others are remembered
with the gap in score between them. So every text that the search went through can be put together again: a final
history, in which the beginning up to some word is replaced by one that was dropped in its favour, and so on (N-best
from traceback; Chow & Schwartz 1989). The score of what comes after is the same for all.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np


class Traceback(NamedTuple):
    """What a search has remembered, h histories and r recombinations.

    Attributes:
        parent, label: `(h,)` int32, a history without its last label, and that label; the parent of history 0,
            the empty one, is -1.
        committed: `(h,)` float64, the part of a history's score that is not acoustic (natural log).
        winner, loser: `(r,)` int32, histories of which the first was kept, in the order it happened in.
        gap: `(r,)` float64, by how much the winner was better.
    """

    parent: np.ndarray
    label: np.ndarray
    committed: np.ndarray
    winner: np.ndarray
    loser: np.ndarray
    gap: np.ndarray


class TracedText(NamedTuple):
    """Labels of a text, its score as the search saw it, and the part of that which is not acoustic (natural logs)."""

    labels: tuple[int, ...]
    score: float
    other: float


# The labels of a text from some place on: the first, and the rest.
_Labels = tuple[int, "_Labels"] | None


def best_texts(
    traceback: Traceback, finals: Sequence[tuple[float, float, int]], *, count: int
) -> Iterator[TracedText]:
    """Texts from the best down; the same labels may come again.

    Args:
        traceback: of the search.
        finals: score, the part of it that is not acoustic, and history of what the search ended with.
        count: how many will be asked for at most; what cannot be among them is not looked at.
    """
    parent, label, committed = traceback.parent, traceback.label, traceback.committed
    dropped = _by_winner(traceback)
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
            rest = (int(label[history]), rest)
            history = int(parent[history])
        labels = []
        while rest is not None:
            first, rest = rest
            labels.append(first)
        yield TracedText(tuple(labels), -negative, other)


def _by_winner(traceback: Traceback) -> dict[int, list[tuple[float, int, int]]]:
    """Gap, loser and number of the recombinations of each winner, the least gap first."""
    order = np.lexsort((traceback.gap, traceback.winner))
    columns = (traceback.winner, traceback.gap, traceback.loser, np.arange(len(traceback.winner)))
    dropped: dict[int, list[tuple[float, int, int]]] = {}
    for winner, *rest in zip(*(column[order].tolist() for column in columns), strict=True):
        dropped.setdefault(winner, []).append(tuple(rest))
    return dropped
