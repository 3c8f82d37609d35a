"""Waveforms -> normalised log-mel or MFCC features, batched, on the model's device.

Framing starts at sample 0 and uses only whole windows (`center=False`), and normalisation sees only
valid frames: an utterance has the same features alone and padded in any batch.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torchaudio
from torch import Tensor, nn

from asr.errors import ConfigError


@dataclass(frozen=True)
class FeaturesConfig:
    """What the encoder sees of the sound.

    Attributes:
        kind: "log_mel" (energies of a mel filterbank, natural log) or "mfcc" (their cosine transform).
        sample_rate: rate of the waveforms in Hz; audio of other rates is resampled to it.
        window: length of the analysis window in seconds.
        hop: time from one frame to the next in seconds.
        n_mels: mel filters.
        n_mfcc: cepstral coefficients kept, for kind "mfcc".
        normalisation: "utterance" for zero mean and unit variance a coefficient over the utterance, or
            "none".
    """

    kind: Literal["log_mel", "mfcc"] = "log_mel"
    sample_rate: int = 16000
    window: float = 0.025
    hop: float = 0.010
    n_mels: int = 80
    n_mfcc: int = 13
    normalisation: Literal["utterance", "none"] = "utterance"


class Features(nn.Module):
    """`(B, N)` waveforms -> `(B, T, F)` features.

    The mel filterbank is torchaudio's with the HTK scale; `log(energy + 1e-6)`, natural logarithm, so
    that digital silence is finite (Davis & Mermelstein 1980 for the MFCC).
    """

    FLOOR = 1e-6
    dct: Tensor

    def __init__(self, config: FeaturesConfig) -> None:
        super().__init__()
        self.config = config
        self.window_samples = round(config.window * config.sample_rate)
        self.hop_samples = round(config.hop * config.sample_rate)
        if self.hop_samples < 1 or self.window_samples < self.hop_samples:
            raise ConfigError(
                f"features.window {config.window} s, features.hop {config.hop} s; expected 0 < hop <= window"
            )
        if config.kind == "mfcc" and config.n_mfcc > config.n_mels:
            raise ConfigError(f"features.n_mfcc {config.n_mfcc}; expected at most n_mels ({config.n_mels})")
        # The transform is as long as the window: with center=False a frame is valid when its whole
        # transform lies inside the utterance.
        self.mel_spectrogram = torchaudio.transforms.MelSpectrogram(
            sample_rate=config.sample_rate,
            n_fft=self.window_samples,
            win_length=self.window_samples,
            hop_length=self.hop_samples,
            n_mels=config.n_mels,
            f_min=20.0,
            center=False,
        )
        if config.kind == "mfcc":
            transform = torchaudio.functional.create_dct(config.n_mfcc, config.n_mels, norm="ortho")
            self.register_buffer("dct", transform, persistent=False)  # (n_mels, n_mfcc)

    @property
    def size(self) -> int:
        """F, the number of features a frame."""
        return self.config.n_mfcc if self.config.kind == "mfcc" else self.config.n_mels

    def lengths(self, waveform_lengths: Tensor) -> Tensor:
        """Frames for a number of samples: T = 1 + (N - window) // hop, at least 0."""
        return (
            1 + torch.div(waveform_lengths - self.window_samples, self.hop_samples, rounding_mode="floor")
        ).clamp(min=0)

    def forward(self, waveforms: Tensor, waveform_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features in float32, whatever autocast says.

        Args:
            waveforms: `(B, N)` float32 in [-1, 1], zero-padded; N >= one window.
            waveform_lengths: `(B,)` int64 samples.

        Returns:
            `(B, T, F)` features, zero past each utterance's end, and `(B,)` their lengths in frames.
        """
        with torch.autocast(waveforms.device.type, enabled=False):
            mel = self.mel_spectrogram(waveforms.float()).transpose(1, 2)  # (B, F, T) -> (B, T, F)
            features = torch.log(mel + self.FLOOR)
            if self.config.kind == "mfcc":
                features = features @ self.dct
            lengths = self.lengths(waveform_lengths)
            mask = frame_mask(lengths, features.shape[1])
            if self.config.normalisation == "utterance":
                features = normalise_over_frames(features, lengths, mask)
            return features.masked_fill(~mask.unsqueeze(2), 0.0), lengths


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """`(B, T)` bool, true on the valid frames of each utterance."""
    return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(1)


def normalise_over_frames(features: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
    """Zero mean and unit variance of each feature over the utterance's valid frames.

    Args:
        features: `(B, T, F)`.
        lengths: `(B,)` valid frames.
        mask: `(B, T)` true on valid frames.

    Returns:
        `(B, T, F)`; invalid frames hold rubbish.
    """
    count = lengths.clamp(min=1).view(-1, 1, 1)
    valid = mask.unsqueeze(2)
    mean = features.masked_fill(~valid, 0.0).sum(dim=1, keepdim=True) / count
    centred = features - mean
    variance = centred.masked_fill(~valid, 0.0).square().sum(dim=1, keepdim=True) / count
    return centred / (variance + 1e-5).sqrt()
