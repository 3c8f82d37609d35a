"""Searches that run at once."""

import itertools
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from asr.decoding.threads import ahead


def products() -> set[int]:
    """The threads that NumPy's matrix products take."""
    libraries = [one for one in threadpool_info() if one["user_api"] == "blas" and "numpy" in one["filepath"]]
    return {one["num_threads"] for one in libraries}


def test_results_come_in_order_whatever_takes_long():
    slow = {0: 0.1, 3: 0.05}

    def work(item: int) -> int:
        time.sleep(slow.get(item, 0.0))
        return item * item

    for threads in (1, 2, 5):
        assert list(ahead(work, range(9), threads)) == [(item, item * item) for item in range(9)]
    assert list(ahead(work, [], 3)) == []


def test_work_is_no_further_ahead_than_twice_the_threads():
    begun: list[int] = []
    for item, _ in ahead(begun.append, itertools.count(), 2):
        assert max(begun) <= item + 5
        if item == 20:
            break


def test_a_result_does_not_wait_for_items_that_are_not_there_yet():
    found = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        time.sleep(0.2)
        yield 1
        assert found.wait(10), "the first result was kept back"
        yield 2

    for item, _ in ahead(lambda item: item, items(), 2):
        if item == 0:
            found.set()


def test_what_the_work_raises_comes_in_its_turn_and_ends_it():
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    for threads in (1, 3):
        results = ahead(work, range(100), threads)
        assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="three"):
            next(results)
        assert list(results) == []


def test_matrix_products_have_their_threads_again_however_searches_overlap():
    if not products():
        pytest.skip("NumPy's matrix products are of a library that threadpoolctl does not know")
    inside: list[set[int]] = []

    def work(item: int) -> int:
        inside.append(products())
        np.ones((8, 8)) @ np.ones((8, 8))
        return item

    setting = threading.Thread(target=lambda: threadpool_limits(limits=2, user_api="blas"))
    setting.start()
    setting.join()
    assert products() == {2}
    first = ahead(work, range(50), 2)
    second = ahead(work, range(60), 3)
    assert [next(first)[0], next(second)[0], next(first)[0]] == [0, 0, 1]
    first.close()
    assert [item for item, _ in second] == list(range(1, 60))
    assert products() == {2}
    assert inside
    assert set().union(*inside) == {1}
