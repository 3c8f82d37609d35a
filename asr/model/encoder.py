"""Features -> encodings: subsampling, then a deep stack of recurrent layers.

After Graves, Mohamed & Hinton 2013 ("Speech recognition with deep recurrent neural networks") for the
deep bidirectional stack, Amodei et al. 2016 (Deep Speech 2) for the convolutions in front of it and the
look-ahead behind it, and Chan et al. 2016 (LAS) for the pyramid.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.model.recurrent import Cell, Join, build_layer
from asr.model.recurrent.look_ahead import LookAhead
from asr.model.regularisation import FrameBatchNorm, FrameDropout, FrameLayerNorm, NoNorm, SharedDropout
from asr.model.subsampling import ConvolutionalSubsampling, FrameStacking


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of the network.

    Attributes:
        layers: recurrent layers.
        hidden_size: cells a direction.
        subsampling: feature frames a encoder frame: 1, 2, 3 or 4.
        channels: channels of the two convolutions.
        dropout: share of activations dropped between layers, in training.
        variational_dropout: drop the same activations in every frame of an utterance (Gal & Ghahramani
            2016) instead of drawing anew each frame.
        cell: "lstm", "gru", "rnn_tanh", "rnn_relu", or "lstm_peephole" as in Graves 2013.
        bidirectional: read utterances from both ends; false reads them as they come, which live
            recognition needs.
        join: the two directions side by side ("concatenate") or added ("sum").
        front_end: what subsamples: two convolutions ("convolution"), or frames side by side ("stack"),
            which leaves the features as they are when subsampling is 1.
        normalisation: of what comes out of each layer: "layer" normalises each frame, "batch" over the
            valid frames of a batch, "none" nothing.
        residual: add to what comes out of a layer what went in, where both have the same shape.
        projection: linear units after each layer, which make its output narrower; 0 for none.
        pyramid: layers, from the second on, before which two frames become one; each halves the frame
            rate once more.
        look_ahead: encoder frames of the future that a row convolution after the last layer sees, for
            one-directional networks.
        truncation: encoder frames after which no gradient flows further back in time, for one-directional
            networks; 0 for no such limit.
        initial_range: weights start uniformly between this and its negative; 0 for each kind of weight's
            usual beginning.
    """

    layers: int = 3
    hidden_size: int = 192
    subsampling: Literal[1, 2, 3, 4] = 4
    channels: int = 32
    dropout: float = 0.3
    variational_dropout: bool = False
    cell: Cell = "lstm"
    bidirectional: bool = True
    join: Join = "concatenate"
    front_end: Literal["convolution", "stack"] = "convolution"
    normalisation: Literal["layer", "batch", "none"] = "layer"
    residual: bool = False
    projection: int = 0
    pyramid: int = 0
    look_ahead: int = 0
    truncation: int = 0
    initial_range: float = 0.0

    @property
    def frames_per_encoding(self) -> int:
        """Feature frames from one frame of the last layer to the next."""
        return self.subsampling * 2**self.pyramid


class Encoding(NamedTuple):
    """What the encoder makes of a batch; rubbish past each length.

    Attributes:
        hidden: `(B, T', E)`, the last layer with look-ahead and dropout.
        lengths: `(B,)` int64 encoder frames.
        layers: `(B, T_l, E)` of every recurrent layer, normalised, before dropout; T_l is T', or more of
            the layers below the top of a pyramid.
    """

    hidden: Tensor
    lengths: Tensor
    layers: tuple[Tensor, ...]


class Encoder(nn.Module):
    """`(B, T, F)` features -> `(B, T', E)` encodings.

    Raises:
        ConfigError: parts of the configuration that do not fit together.
    """

    def __init__(self, config: EncoderConfig, *, features: int) -> None:
        super().__init__()
        _check(config)
        self.config = config
        both = config.bidirectional and config.join == "concatenate"
        self.size = config.projection or config.hidden_size * (2 if both else 1)
        self.subsampling: ConvolutionalSubsampling | FrameStacking = (
            ConvolutionalSubsampling(
                features, config.channels, subsampling=config.subsampling, size=self.size
            )
            if config.front_end == "convolution"
            else FrameStacking(features, config.subsampling)
        )
        self.norm = _norm(config, self.subsampling.size)
        # Two frames side by side go into a layer that halves the frame rate.
        self.halving = FrameStacking(self.size, 2)
        widths = [self.subsampling.size, *[self.size] * (config.layers - 1)]
        layers = [
            build_layer(
                config.cell,
                width * (2 if self.halves(number) else 1),
                config.hidden_size,
                bidirectional=config.bidirectional,
                join=config.join,
            )
            for number, width in enumerate(widths)
        ]
        for layer in layers:
            layer.truncation = config.truncation
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(_norm(config, self.size) for _ in range(config.layers))
        self.dropout = (SharedDropout if config.variational_dropout else FrameDropout)(config.dropout)
        self.projections = nn.ModuleList(
            nn.Linear(layer.size, config.projection) for layer in layers if config.projection
        )
        self.look_ahead = LookAhead(self.size, config.look_ahead) if config.look_ahead else None

    def halves(self, number: int) -> bool:
        """Whether two frames become one before layer `number`, counted from 0."""
        return 1 <= number <= self.config.pyramid

    def lengths(self, feature_lengths: Tensor) -> Tensor:
        """Encoder frames for feature frames."""
        lengths = self.subsampling.lengths(feature_lengths)
        for _ in range(self.config.pyramid):
            lengths = self.halving.lengths(lengths)
        return lengths

    def forward(self, features: Tensor, lengths: Tensor) -> Encoding:
        """Encode.

        Args:
            features: `(B, T, F)`, zero past each utterance's end.
            lengths: `(B,)` valid feature frames, >= 1.
        """
        hidden, lengths = self.subsampling(features, lengths)
        hidden = self.norm(hidden, lengths)
        layers: list[Tensor] = []
        for number, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            if self.halves(number):
                hidden, lengths = self.halving(hidden, lengths)
            outputs = layer(self.dropout(hidden), lengths)
            if self.config.projection:
                outputs = self.projections[number](outputs)
            hidden = self.residual(hidden, norm(outputs, lengths))
            layers.append(hidden)
        if self.look_ahead is not None:
            hidden = self.look_ahead(hidden, lengths)
        return Encoding(self.dropout(hidden), lengths, tuple(layers))

    def residual(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """The outputs of a layer, with its inputs added where the configuration and the shapes say so."""
        if self.config.residual and inputs.shape[2] == outputs.shape[2]:
            return inputs + outputs
        return outputs


def initialise_uniformly(module: nn.Module, spread: float) -> None:
    """Every weight but those of normalisation uniform within `spread` of 0 (Graves et al. 2013: 0.1).

    A spread of 0 leaves them alone.
    """
    if spread > 0:
        with torch.no_grad():
            for part in module.modules():
                if not isinstance(part, nn.LayerNorm | nn.BatchNorm1d):
                    for parameter in part.parameters(recurse=False):
                        parameter.uniform_(-spread, spread)


def _norm(config: EncoderConfig, size: int) -> nn.Module:
    if config.normalisation == "layer":
        return FrameLayerNorm(size)
    return FrameBatchNorm(size) if config.normalisation == "batch" else NoNorm()


def _check(config: EncoderConfig) -> None:
    if config.layers < 1 or config.hidden_size < 1:
        raise ConfigError(
            f"model.layers {config.layers}, model.hidden_size {config.hidden_size}; expected at least 1 each"
        )
    if not 0 <= config.pyramid < config.layers:
        raise ConfigError(
            f"model.pyramid {config.pyramid}; expected 0 to {config.layers - 1}, one less than model.layers"
        )
    for name in ("look_ahead", "truncation"):
        if getattr(config, name) < 0 or (getattr(config, name) and config.bidirectional):
            raise ConfigError(
                f"model.{name} {getattr(config, name)}; expected frames for a one-directional network "
                "(model.bidirectional false), or 0"
            )
    if config.projection < 0 or config.initial_range < 0:
        raise ConfigError("model.projection and model.initial_range; expected 0 or more")
