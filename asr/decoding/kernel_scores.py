"""What both compiled searches reckon with: sums of probabilities, and the language model. Importing this module imports numba."""

from typing import Any

import numpy as np

from asr.decoding.compilation import njit
from asr.language_model.ngram import NgramArrays

# For arguments: numba compiles a function once more for each type of integer, constants among them.
int64: Any = np.int64


@njit(cache=True, nogil=True)
def log_add(left: float, right: float) -> float:
    """ln (e^left + e^right)."""
    if left < right:
        left, right = right, left
    if right == -np.inf:
        return left
    return left + np.log1p(np.exp(right - left))


@njit(cache=True, nogil=True)
def lm_score(lm: NgramArrays, state: int, word: int) -> tuple[float, int]:
    """log10 P(word | state) and the state after it."""
    backoff = 0.0
    inner = lm.log10_backoff.shape[0]
    words, first_child = lm.word, lm.first_child
    while True:
        child = -1
        if state == 0:
            child = 1 + word
        else:
            low, high = first_child[state], first_child[state + 1]
            last = high
            while low < high:
                middle = (low + high) // 2
                if words[middle] < word:
                    low = middle + 1
                else:
                    high = middle
            if low < last and words[low] == word:
                child = low
        if child >= 0:
            after = child if child < inner else lm.suffix[child]
            return backoff + lm.log10_prob[child], after
        backoff += lm.log10_backoff[state]
        state = lm.suffix[state]
