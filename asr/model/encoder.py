"""Features -> encodings: convolutional subsampling, then a deep bidirectional LSTM.

After Graves, Mohamed & Hinton 2013 ("Speech recognition with deep recurrent neural networks") for the
deep bidirectional stack, and Amodei et al. 2016 (Deep Speech 2) for the convolutions in front of it.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from asr.model.features import frame_mask
from asr.model.recurrent import build_layer


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of the network.

    Attributes:
        layers: bidirectional LSTM layers.
        hidden_size: LSTM cells a direction.
        subsampling: feature frames a encoder frame: 1, 2, 3 or 4.
        channels: channels of the two convolutions.
        dropout: share of activations dropped between layers, in training.
        variational_dropout: drop the same activations in every frame of an utterance (Gal & Ghahramani
            2016) instead of drawing anew each frame.
    """

    layers: int = 3
    hidden_size: int = 192
    subsampling: Literal[1, 2, 3, 4] = 4
    channels: int = 32
    dropout: float = 0.3
    variational_dropout: bool = False


class Encoding(NamedTuple):
    """What the encoder makes of a batch; rubbish past each length.

    Attributes:
        hidden: `(B, T', E)`, the last layer with dropout.
        lengths: `(B,)` int64 encoder frames.
        layers: `(B, T', E)` of every recurrent layer, normalised, before dropout.
    """

    hidden: Tensor
    lengths: Tensor
    layers: tuple[Tensor, ...]


class ConvolutionalSubsampling(nn.Module):
    """Two 3x3 convolutions over time and frequency: `(B, T, F)` -> `(B, ceil(T / subsampling), E)`.

    Each convolution halves the frequency axis; how many halve (or take a third of) the time axis makes
    the subsampling. Invalid frames are zero before each convolution, so that padding an utterance with
    frames and padding it with the convolution's own zeros is the same.
    """

    _STRIDES: ClassVar = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2)}

    def __init__(self, features: int, channels: int, *, subsampling: int, size: int) -> None:
        super().__init__()
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


class SharedDropout(nn.Module):
    """Variational dropout of `(B, T, E)`: one mask an utterance, the same in all its frames."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, hidden: Tensor) -> Tensor:
        """Drop in training, pass on otherwise."""
        if not self.training or self.share == 0:
            return hidden
        kept = hidden.new_ones(hidden.shape[0], 1, hidden.shape[2])
        return hidden * nn.functional.dropout(kept, self.share)


class Encoder(nn.Module):
    """`(B, T, F)` features -> `(B, T', E)` encodings, E = 2 * hidden_size."""

    def __init__(self, config: EncoderConfig, *, features: int) -> None:
        super().__init__()
        self.config = config
        self.size = 2 * config.hidden_size
        self.subsampling = ConvolutionalSubsampling(
            features, config.channels, subsampling=config.subsampling, size=self.size
        )
        self.norm = nn.LayerNorm(self.size)
        self.layers = nn.ModuleList(
            build_layer("lstm", self.size, config.hidden_size) for _ in range(config.layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(self.size) for _ in range(config.layers))
        dropout = SharedDropout if config.variational_dropout else nn.Dropout
        self.dropout = dropout(config.dropout)

    def lengths(self, feature_lengths: Tensor) -> Tensor:
        """Encoder frames for feature frames."""
        return self.subsampling.lengths(feature_lengths)

    def forward(self, features: Tensor, lengths: Tensor) -> Encoding:
        """Encode.

        Args:
            features: `(B, T, F)`, zero past each utterance's end.
            lengths: `(B,)` valid feature frames, >= 1.
        """
        hidden, lengths = self.subsampling(features, lengths)
        hidden = self.norm(hidden)
        layers: list[Tensor] = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = norm(layer(self.dropout(hidden), lengths))
            layers.append(hidden)
        return Encoding(self.dropout(hidden), lengths, tuple(layers))
