"""Rows of different length as one array."""

from collections.abc import Sequence

import numpy as np


def pad_waveforms(waveforms: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """B waveforms `(N_i,)` -> `(B, N)` float32, zero-padded, and `(B,)` their lengths."""
    return pad_rows([np.asarray(waveform, dtype=np.float32) for waveform in waveforms], np.float32)


def pad_rows(rows: Sequence[np.ndarray], dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """B rows `(L_i,)` -> `(B, L)` of a type, zero-padded, and `(B,)` int64 their lengths."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded: np.ndarray = np.zeros((len(rows), max((1, *map(len, rows)))), dtype=dtype)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return padded, lengths
