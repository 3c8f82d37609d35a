"""Cepstral features of a recording of any length, a frame every 10 ms, for models of phones."""

import numpy as np
import torch

from asr.model.features import Features, FeaturesConfig, deltas

_HOP, _WINDOW = 0.010, 0.025  # seconds
_BLOCK = 1000  # frames whose slopes are taken together
_REACH = 4  # frames on either side that a slope of slopes looks at


class Cepstra:
    """Thirteen cepstral coefficients with slopes and their slopes, each of mean 0 and variance 1 over the recording.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._features = Features(
            FeaturesConfig("mfcc", sample_rate, _WINDOW, _HOP, n_mels=40, n_mfcc=13, normalisation="none")
        )
        self._window, self._hop = self._features.window_samples, self._features.hop_samples
        # The window of a frame reaches beyond its hop by as much on either side.
        self._waiting = np.zeros((self._window - self._hop) // 2, np.float32)
        self._static: list[torch.Tensor] = []
        self._samples = 0

    def feed(self, block: np.ndarray) -> None:
        """Take in the next `(N,)` samples."""
        self._samples += len(block)
        self._take(np.concatenate([self._waiting, block.astype(np.float32)]))

    def finish(self) -> np.ndarray:
        """`(T, 39)` float16; frame t is about the 10 ms that begin t x 10 ms into the recording. Nothing may be fed afterwards."""
        frames = max(1, -(-self._samples // self._hop))
        missing = frames - sum(map(len, self._static))
        needed = (missing - 1) * self._hop + self._window
        self._take(np.pad(self._waiting, (0, max(0, needed - len(self._waiting)))))
        return _with_slopes(torch.cat(self._static)[:frames])

    def _take(self, samples: np.ndarray) -> None:
        count = max(0, 1 + (len(samples) - self._window) // self._hop)
        if count:
            used = torch.from_numpy(samples[: (count - 1) * self._hop + self._window])
            with torch.inference_mode():
                self._static.append(self._features.static(used[None])[0])
        self._waiting = samples[count * self._hop :]


def _with_slopes(static: torch.Tensor) -> np.ndarray:
    """`(T, 13)` coefficients -> `(T, 39)`, normalised."""
    parts: list[np.ndarray] = []
    with torch.inference_mode():
        for first in range(0, len(static), _BLOCK):
            low, high = max(0, first - _REACH), min(len(static), first + _BLOCK + _REACH)
            piece = static[None, low:high]
            lengths = torch.tensor([high - low])
            slopes = deltas(piece, lengths)
            whole = torch.cat([piece, slopes, deltas(slopes, lengths)], dim=2)[0]
            parts.append(whole[first - low : first - low + _BLOCK].numpy())
    features = np.concatenate(parts)
    del parts
    features -= features.mean(axis=0, dtype=np.float64).astype(np.float32)
    features /= np.sqrt(np.square(features).mean(axis=0, dtype=np.float64) + 1e-5).astype(np.float32)
    return features.astype(np.float16)
