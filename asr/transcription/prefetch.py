"""Work in the background: the next batch is read while the network is at this one."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")


class _Raised:
    """An exception on its way from one thread to the other."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


def prefetch(items: Iterable[T], *, ahead: int = 1) -> Generator[T, None, None]:
    """The items in order, made in a thread that is up to `ahead` items in front of whoever takes them.

    What the making raises is raised here. When the taker stops early, the maker stops before its next item; after
    `close()` it is at work no more, so that what the items are made of can be closed as well.
    """
    made: queue.Queue[object] = queue.Queue(maxsize=max(1, ahead))
    stop = threading.Event()

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                made.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:
            put(_Raised(error))
        else:
            put(_END)

    thread = threading.Thread(target=make, name="prefetch", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()
