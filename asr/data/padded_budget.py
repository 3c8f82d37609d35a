"""How many utterances of different length go together: as long as they are, once the shorter ones are padded, they fit a budget."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


class PaddedBudget:
    """A batch as it fills up.

    Args:
        most: of the longest length times the number of items.
        items: at most.
    """

    def __init__(self, most: float, *, items: float = math.inf) -> None:
        self.most, self.items = most, items
        self._count, self._longest = 0, 0.0

    def take(self, length: float) -> bool:
        """Add an item, where it fits; the first one does in any case."""
        longest = max(self._longest, length)
        if self._count and (self._count >= self.items or longest * (self._count + 1) > self.most):
            return False
        self._count, self._longest = self._count + 1, longest
        return True


def fill_batches(
    items: Iterable[Item], length: Callable[[Item], float], *, most: float, at_most: float = math.inf
) -> Iterator[list[Item]]:
    """Items in their order, as many together as fit.

    Args:
        items: of any number.
        length: of an item.
        most: of the longest length of a batch times its items; one item alone may be longer.
        at_most: items in a batch.
    """
    batch: list[Item] = []
    budget = PaddedBudget(most, items=at_most)
    for item in items:
        if not budget.take(length(item)):
            yield batch
            batch, budget = [], PaddedBudget(most, items=at_most)
            budget.take(length(item))
        batch.append(item)
    if batch:
        yield batch
