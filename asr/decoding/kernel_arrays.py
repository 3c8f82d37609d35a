"""What the compiled searches do with arrays, and with trees that lie in arrays. Importing this module imports numba.

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


@njit(cache=True, nogil=True)
def spell(parent: np.ndarray, label: np.ndarray, node: int) -> np.ndarray:
    """The labels on the way to a node of a tree, int32; the root's parent is -1."""
    length = 0
    at = node
    while parent[at] >= 0:
        length += 1
        at = parent[at]
    labels = np.empty(length, np.int32)
    while length > 0:
        length -= 1
        labels[length] = label[node]
        node = parent[node]
    return labels


@njit(cache=True, nogil=True)
def shared_labels(nodes: np.ndarray, parent: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The first labels, int32, which the ways to all of some nodes have in common; a node has a higher number than its parent."""
    shared = nodes[0] if nodes.shape[0] else 0
    for at in range(1, nodes.shape[0]):
        node = nodes[at]
        while shared != node:
            if shared > node:
                shared = parent[shared]
            else:
                node = parent[node]
    return spell(parent, label, shared)
