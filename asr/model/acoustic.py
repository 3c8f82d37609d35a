"""The acoustic model: waveforms in, log-probabilities of tokens out, in training and in use alike."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from asr.model.encoder import Encoder, EncoderConfig, Encoding, initialise_uniformly
from asr.model.features import Features, FeaturesConfig
from asr.model.objectives import ObjectiveConfig, build_objective
from asr.model.spec_augment import SpecAugment, SpecAugmentConfig


class Emission(NamedTuple):
    """What the network says of a batch.

    Attributes:
        log_probs: `(B, T', V)` float32, natural log; each frame sums to 1 in probability. Token 0 is
            the CTC blank. Rubbish past each length.
        lengths: `(B,)` int64 encoder frames.
    """

    log_probs: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class AcousticModelConfig:
    """Everything that shapes an acoustic model but its vocabulary.

    Attributes:
        features: from waveform to features.
        spec_augment: what training hides of the features.
        encoder: from features to encodings.
        objective: what stands on the encoder beside the CTC head.
    """

    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    spec_augment: SpecAugmentConfig = field(default_factory=SpecAugmentConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)


class AcousticModel(nn.Module):
    """Features, encoder and CTC head; a transducer or an attention decoder beside it where configured.

    Args:
        config: its shape.
        vocabulary_size: V, the blank included.
    """

    def __init__(self, config: AcousticModelConfig, *, vocabulary_size: int) -> None:
        super().__init__()
        self.config = config
        self.vocabulary_size = vocabulary_size
        self.features = Features(config.features)
        self.spec_augment = SpecAugment(config.spec_augment, features=config.features)
        self.encoder = Encoder(config.encoder, features=self.features.size)
        self.head = nn.Linear(self.encoder.size, vocabulary_size)
        self.objective = build_objective(
            config.objective, encoding_size=self.encoder.size, vocabulary_size=vocabulary_size
        )
        initialise_uniformly(self, config.encoder.initial_range)

    @property
    def sample_rate(self) -> int:
        """Rate in Hz that waveforms must have."""
        return self.config.features.sample_rate

    @property
    def seconds_per_frame(self) -> float:
        """Time from one encoder frame to the next."""
        return self.features.hop_samples / self.sample_rate * self.config.encoder.frames_per_encoding

    @property
    def minimum_samples(self) -> int:
        """The shortest waveform that gives a frame."""
        return self.features.window_samples

    def emission_lengths(self, waveform_lengths: Tensor) -> Tensor:
        """Encoder frames T' for samples N, `(B,)` -> `(B,)`.

        The one place that knows: the validator, the sampler, the loss and the decoder all call it.
        """
        return self.encoder.lengths(self.features.lengths(waveform_lengths))

    def forward(self, waveforms: Tensor, waveform_lengths: Tensor) -> Emission:
        """Log-probabilities of a batch.

        Args:
            waveforms: `(B, N)` float32 in [-1, 1] at `sample_rate`, zero-padded.
            waveform_lengths: `(B,)` int64 samples, each >= `minimum_samples`.
        """
        features, lengths = self.features(waveforms, waveform_lengths)
        return self.emit(self.spec_augment(features, lengths), lengths)

    def emit(self, features: Tensor, feature_lengths: Tensor) -> Emission:
        """Log-probabilities of `(B, T, F)` features."""
        return self.emission(self.encoder(features, feature_lengths))

    def emission(self, encoding: Encoding) -> Emission:
        """Log-probabilities of what the encoder made of a batch."""
        logits = self.head(encoding.hidden)
        return Emission(torch.log_softmax(logits.float(), dim=2), encoding.lengths)
