"""Batches within a budget of padded length."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from asr.data.padded_budget import PaddedBudget, fill_batches


def test_what_is_longer_makes_all_longer() -> None:
    budget = PaddedBudget(12.0)
    assert [budget.take(length) for length in (2.0, 4.0, 5.0, 4.0, 4.0)] == [True, True, False, True, False]
    assert [PaddedBudget(12.0).take(length) for length in (20.0, 5.0)] == [
        True,
        True,
    ]  # the first in any case
    few = PaddedBudget(100.0, items=2)
    assert [few.take(1.0) for _ in range(3)] == [True, True, False]


@given(st.lists(st.integers(1, 20)), st.integers(1, 60), st.integers(1, 6))
def test_batches_keep_the_order_fit_and_are_as_large_as_they_can_be(
    lengths: list[int], most: int, at_most: int
) -> None:
    batches = list(fill_batches(lengths, float, most=most, at_most=at_most))
    assert [length for batch in batches for length in batch] == lengths

    def fits(batch: list[int]) -> bool:
        return len(batch) == 1 or (len(batch) <= at_most and max(batch) * len(batch) <= most)

    assert all(fits(batch) for batch in batches)
    assert not any(fits([*one, other[0]]) for one, other in itertools.pairwise(batches))
