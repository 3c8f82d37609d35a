"""Many utterances through a search, over threads."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from asr.decoding.emission import Emission

E = TypeVar("E", Emission, np.ndarray)
Item = TypeVar("Item")
T = TypeVar("T")


def in_threads(decode: Callable[[E], T], emissions: Sequence[E], threads: int) -> list[T]:
    """What `decode` makes of each emission, over threads that run at the same time; results in order."""
    if threads < 2 or len(emissions) < 2:
        return [decode(emission) for emission in emissions]
    decode(emissions[0][:1])  # compile, or load, once
    return [result for _, result in ahead(decode, emissions, threads)]


def ahead(
    work: Callable[[Item], T], items: Iterable[Item], threads: int
) -> Generator[tuple[Item, T], None, None]:
    """Each item with what `work` makes of it, in order; threads are at work on the next ones meanwhile, on twice their number at most.

    What the work raises is raised here. NumPy's matrix products, of the recurrent language model, take one thread each meanwhile:
    more would wait for each other.
    """
    if threads < 2:
        yield from ((item, work(item)) for item in items)
        return
    waiting: deque[tuple[Item, Future[T]]] = deque()
    with _matrix_products().limit(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) > 2 * threads:
                    first, result = waiting.popleft()
                    yield first, result.result()
            while waiting:
                first, result = waiting.popleft()
                yield first, result.result()
        finally:
            for _, result in waiting:
                result.cancel()


@cache
def _matrix_products() -> ThreadpoolController:
    """The libraries that compute them."""
    return ThreadpoolController()
