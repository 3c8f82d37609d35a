"""The front of the encoder: feature frames -> fewer, wider frames for the recurrent layers."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from asr.model.features import frame_mask


class ConvolutionalSubsampling(nn.Module):
    """Two 3x3 convolutions over time and frequency: `(B, T, F)` -> `(B, ceil(T / subsampling), E)`.

    Each convolution halves the frequency axis; how many halve (or take a third of) the time axis makes
    the subsampling. Invalid frames are zero before each convolution, so that padding an utterance with
    frames and padding it with the convolution's own zeros is the same.
    """

    _STRIDES: ClassVar = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2)}

    def __init__(self, features: int, channels: int, *, subsampling: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.strides = self._STRIDES[subsampling]
        first, second = self.strides
        self.first = nn.Conv2d(1, channels, kernel_size=3, stride=(first, 2), padding=1)
        self.second = nn.Conv2d(channels, channels, kernel_size=3, stride=(second, 2), padding=1)
        bins = math.ceil(math.ceil(features / 2) / 2)
        self.project = nn.Linear(channels * bins, size)

    def lengths(self, lengths: Tensor) -> Tensor:
        """Frames out for frames in: ceil(T / stride), once a convolution."""
        for stride in self.strides:
            lengths = torch.div(lengths + stride - 1, stride, rounding_mode="floor")
        return lengths

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, T, F)`, zero past `(B,)` lengths -> `(B, T', E)` and its lengths."""
        hidden = features.unsqueeze(1)  # (B, 1, T, F)
        for convolution, stride in zip((self.first, self.second), self.strides, strict=True):
            hidden = torch.relu(convolution(hidden))  # (B, C, T', F')
            lengths = torch.div(lengths + stride - 1, stride, rounding_mode="floor")
            hidden = hidden * frame_mask(lengths, hidden.shape[2])[:, None, :, None]
        hidden = hidden.transpose(1, 2).flatten(2)  # (B, C, T', F') -> (B, T', C, F') -> (B, T', C * F')
        return self.project(hidden), lengths


class FrameStacking(nn.Module):
    """Every `count` frames side by side as one: `(B, T, F)` -> `(B, ceil(T / count), count * F)`.

    After Sak et al. 2015. The last frame is filled up with zeros; one frame at a time changes nothing.
    """

    def __init__(self, features: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.size = count * features

    def lengths(self, lengths: Tensor) -> Tensor:
        """Frames out for frames in."""
        return torch.div(lengths + self.count - 1, self.count, rounding_mode="floor")

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, T, F)` with `(B,)` lengths -> `(B, T', count * F)` and its lengths."""
        if self.count == 1:
            return features, lengths
        frames = features.shape[1]
        features = features * frame_mask(lengths, frames).unsqueeze(2)
        padded = nn.functional.pad(features, (0, 0, 0, self.count - 1))
        columns = [padded[:, first : frames + first : self.count] for first in range(self.count)]
        return torch.cat(columns, dim=2), self.lengths(lengths)
