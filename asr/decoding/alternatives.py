"""The best texts of a search that recombines, from what it dropped: the N best ways through a lattice of words.

When hypotheses with different words become the same for the future, the best goes on and the others are remembered
with the gap in score between them. So every text that the search went through can be put together again: a final
history, in which the beginning up to some word is replaced by one that was dropped in its favour, and so on (N-best
from traceback; Chow & Schwartz 1989). The score of what comes after is the same for all.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:  # importing it imports numba
    from asr.decoding.lexicon_beam_kernel import WordHistories


class TracedText(NamedTuple):
    """Labels of a text, its score as the search saw it, and the part of that which is not acoustic (natural logs)."""

    labels: tuple[int, ...]
    score: float
    other: float


class _Endings:
    """What texts end with, as numbers: the same words have the same number, 0 if there are none."""

    def __init__(self, words_of: Callable[[int], Sequence[str]]) -> None:
        self._words_of = cache(words_of)
        self._number: dict[tuple[str, int], int] = {}
        self._parts: dict[int, tuple[int, int]] = {}

    def prepend(self, label: int, ending: int) -> int:
        """The number of a label's words and the ending that comes after them."""
        number = ending
        for word in reversed(self._words_of(label)):
            number = self._number.setdefault((word, number), len(self._number) + 1)
        self._parts.setdefault(number, (label, ending))
        return number

    def labels(self, ending: int) -> tuple[int, ...]:
        """Of all that have these words, those found first."""
        found = []
        while ending:
            label, ending = self._parts[ending]
            found.append(label)
        return tuple(found)


def best_texts(
    histories: "WordHistories",
    finals: Sequence[tuple[float, float, int]],
    *,
    count: int,
    words_of: Callable[[int], Sequence[str]],
) -> Iterator[TracedText]:
    """Texts from the best down, each once, by the labels that score best of those with its words.

    Args:
        histories: of the search, the recombinations among them.
        finals: score, the part of it that is not acoustic, and history of what the search ended with.
        count: how many will be asked for at most; what cannot be among them is not looked at.
        words_of: the words of a label: one may have several labels, its pronunciations.
    """
    parent, entry, committed = histories.parent, histories.entry, histories.committed
    dropped = _by_winner(histories)
    endings = _Endings(words_of)
    order = itertools.count()  # of equal scores, the one found first
    queue: list[tuple[float, int, float, int, int, int]] = []
    best: list[float] = []  # scores of the `count` best texts known so far, the least on top

    def propose(score: float, other: float, history: int, ending: int, before: int) -> bool:
        if len(best) == count and score <= best[0]:
            return False
        (heapq.heappush if len(best) < count else heapq.heapreplace)(best, score)
        heapq.heappush(queue, (-score, next(order), other, history, ending, before))
        return True

    for score, other, history in finals:
        propose(score, other, history, 0, 1 << 31)
    # A history may be followed by the same ending for several reasons, the best of them comes first; up to when
    # something before it could be replaced then.
    reached: dict[tuple[int, int], int] = {}
    while queue:
        negative, _, other, history, ending, before = heapq.heappop(queue)
        while True:
            replaced = reached.get((history, ending), -1)
            if before <= replaced:
                break  # whatever could come of it has been proposed, and was better
            reached[history, ending] = before
            tried: dict[int, int] = {}
            for gap, loser, when in dropped.get(history, ()):
                # What is replaced earlier in the text was dropped earlier; anything else would go round in circles.
                # A later one of the same pair leaves more to be replaced before it, so it is worth trying as well.
                if not replaced <= when < before or when <= tried.get(loser, -1):
                    continue
                tried[loser] = when
                change = float(committed[loser] - committed[history])
                if not propose(-negative - gap, other + change, loser, ending, when):
                    break
            if history == 0:
                if replaced < 0:
                    yield TracedText(endings.labels(ending), -negative, other)
                break
            ending = endings.prepend(int(entry[history]), ending)
            history = int(parent[history])


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
