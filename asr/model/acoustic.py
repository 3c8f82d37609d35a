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
    """What one CTC head says of a batch.

    Attributes:
        log_probs: `(B, T', V)` float32, natural log; each frame sums to 1 in probability. Token 0 is
            the CTC blank. Undefined past each length.
        lengths: `(B,)` int64 encoder frames.
    """

    log_probs: Tensor
    lengths: Tensor


class Heads(NamedTuple):
    """What all CTC heads say of a batch, as `Emission.log_probs`.

    Attributes:
        letters: `(B, T', V)`.
        phones: `(B, T', P)`, of a model with a head for phones.
        lengths: `(B,)` int64 encoder frames.
    """

    letters: Tensor
    phones: Tensor | None
    lengths: Tensor


@dataclass(frozen=True)
class AcousticModelConfig:
    """Everything that shapes an acoustic model but its vocabulary.

    Attributes:
        features: from waveform to features.
        spec_augment: what training hides of the features.
        encoder: from features to encodings.
        objective: what stands on the encoder beside the CTC head.
        phones: the phones that a second CTC head hears, in the order of their ids from 1; none without it.
    """

    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    spec_augment: SpecAugmentConfig = field(default_factory=SpecAugmentConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    phones: tuple[str, ...] = ()


class AcousticModel(nn.Module):
    """Features, encoder and CTC head; a head for phones, a transducer or an attention decoder beside it where
    configured.

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
        self.phone_head = nn.Linear(self.encoder.size, len(config.phones) + 1) if config.phones else None
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
        """The letters' log-probabilities of a batch.

        Args:
            waveforms: `(B, N)` float32 in [-1, 1] at `sample_rate`, zero-padded.
            waveform_lengths: `(B,)` int64 samples, each >= `minimum_samples`.
        """
        features, lengths = self.features(waveforms, waveform_lengths)
        return self.emission(self.encoder(self.spec_augment(features, lengths), lengths))

    def emission(self, encoding: Encoding) -> Emission:
        """The letters' log-probabilities of what the encoder made of a batch."""
        return Emission(log_probs_of(self.head, encoding.hidden), encoding.lengths)

    def heads(self, features: Tensor, feature_lengths: Tensor) -> Heads:
        """The log-probabilities of all heads, of `(B, T, F)` features."""
        encoding = self.encoder(features, feature_lengths)
        return Heads(*self.log_probs(encoding.hidden), encoding.lengths)

    def log_probs(self, hidden: Tensor) -> tuple[Tensor, Tensor | None]:
        """`(B, T', E)` encodings -> `(B, T', V)` of the letters, and `(B, T', P)` of the phones where there is a head."""
        phones = None if self.phone_head is None else log_probs_of(self.phone_head, hidden)
        return log_probs_of(self.head, hidden), phones


def log_probs_of(head: nn.Module, hidden: Tensor) -> Tensor:
    """`(B, T', V)` that a CTC head gives to `(B, T', E)` encodings."""
    return torch.log_softmax(head(hidden).float(), dim=2)
