"""What the compiled searches do with arrays. Importing this module imports numba.

NumPy's own, `np.partition`, `np.full` and assignments to slices, say the same, but numba takes nine seconds to compile them.
"""

import numpy as np

from asr.decoding.compilation import njit


@njit(cache=True, nogil=True, inner=True)
def grown(array: np.ndarray, capacity: int) -> np.ndarray:
    """A larger array that begins as `(n,)` this one does."""
    larger = np.empty(capacity, array.dtype)
    copy_into(larger, array, array.shape[0])
    return larger


@njit(cache=True, nogil=True, inner=True)
def filled(size: int, value: int) -> np.ndarray:
    """`(size,)` int32 of one value."""
    array = np.empty(size, np.int32)
    for at in range(size):
        array[at] = value
    return array


@njit(cache=True, nogil=True, inner=True)
def copy_into(target: np.ndarray, source: np.ndarray, size: int) -> None:
    """Copy the first `size` values."""
    for at in range(size):
        target[at] = source[at]


@njit(cache=True, nogil=True, inner=True)
def nth_highest(values: np.ndarray, size: int, n: int) -> float:
    """Of the first `size` values, none of them NaN, the one that n - 1 others stand above or beside (Hoare 1961, Find)."""
    rest = np.empty(size, values.dtype)
    copy_into(rest, values, size)
    first, last, wanted = 0, size - 1, n - 1
    while first < last:
        pivot = rest[(first + last) // 2]
        left, right = first, last
        while left <= right:
            while rest[left] > pivot:
                left += 1
            while rest[right] < pivot:
                right -= 1
            if left <= right:
                rest[left], rest[right] = rest[right], rest[left]
                left += 1
                right -= 1
        if wanted <= right:
            last = right
        elif wanted >= left:
            first = left
        else:
            break
    return rest[wanted]
