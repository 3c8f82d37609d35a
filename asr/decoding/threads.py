"""Many utterances through a search, over threads."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController, threadpool_limits

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
    """Each item with what `work` makes of it, in order and as soon as it is there.

    Threads are meanwhile at work on the next items, on twice their number at most. What the work raises is raised here, in its turn.
    """
    if threads < 2:
        yield from ((item, work(item)) for item in items)
        return

    def alone(item: Item) -> T:
        with _PRODUCTS:
            return work(item)

    waiting: deque[tuple[Item, Future[T]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(alone, item)))
                while waiting and (len(waiting) > 2 * threads or waiting[0][1].done()):
                    yield _result(waiting)
            while waiting:
                yield _result(waiting)
        finally:
            for _, result in waiting:
                result.cancel()


def _result(waiting: deque[tuple[Item, Future[T]]]) -> tuple[Item, T]:
    item, result = waiting.popleft()
    return item, result.result()


class _OneThreadEach:
    """NumPy's matrix products, of the recurrent language model, take one thread each while any search is inside: more would wait for each other.

    Searches of several transcriptions come and go at any time; what was set before is set again when the last one has left.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._lock = threading.Lock()
        self._libraries: ThreadpoolController | None = None
        self._limit: threadpool_limits | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                _in_a_thread_of_its_own(self._begin)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                _in_a_thread_of_its_own(self._end)

    def _begin(self) -> None:
        if self._libraries is None:
            self._libraries = ThreadpoolController()
        self._limit = self._libraries.limit(limits=1, user_api="blas")

    def _end(self) -> None:
        if self._limit is not None:
            self._limit.restore_original_limits()


def _in_a_thread_of_its_own(set_number: Callable[[], None]) -> None:
    """threadpoolctl heeds nobody but the thread that has set OpenBLAS's threads, as long as that is alive."""
    thread = threading.Thread(target=set_number)
    thread.start()
    thread.join()


_PRODUCTS = _OneThreadEach()
