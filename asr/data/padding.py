"""Rows of different length as one tensor."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def pad_waveforms(waveforms: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """B waveforms `(N_i,)` -> `(B, N)` float32, zero-padded, and `(B,)` their lengths."""
    return pad_rows([np.asarray(waveform, dtype=np.float32) for waveform in waveforms], np.float32)


def pad_rows(rows: Sequence[np.ndarray], dtype: type) -> tuple[Tensor, Tensor]:
    """B rows `(L_i,)` -> `(B, L)` of a type, zero-padded, and `(B,)` int64 their lengths."""
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    padded: np.ndarray = np.zeros((len(rows), max((1, *map(len, rows)))), dtype=dtype)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return torch.from_numpy(padded), lengths
