"""Many utterances through a compiled search, over threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def in_threads(decode: Callable[[np.ndarray], T], emissions: Sequence[np.ndarray], threads: int) -> list[T]:
    """What `decode` makes of each emission, over threads that run at the same time; results in order."""
    if threads < 2 or len(emissions) < 2:
        return [decode(log_probs) for log_probs in emissions]
    decode(emissions[0][:1])  # compile, or load, once
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(decode, emissions))
