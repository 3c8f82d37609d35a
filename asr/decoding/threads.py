"""Many utterances through a search, over threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from asr.decoding.emission import Emission

E = TypeVar("E", Emission, np.ndarray)
T = TypeVar("T")


def in_threads(decode: Callable[[E], T], emissions: Sequence[E], threads: int) -> list[T]:
    """What `decode` makes of each emission, over threads that run at the same time; results in order.

    NumPy's matrix products, of the recurrent language model, take one thread each meanwhile: more would wait for each other.
    """
    if threads < 2 or len(emissions) < 2:
        return [decode(emission) for emission in emissions]
    decode(emissions[0][:1])  # compile, or load, once
    with _matrix_products().limit(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(decode, emissions))


@cache
def _matrix_products() -> ThreadpoolController:
    """The libraries that compute them."""
    return ThreadpoolController()
