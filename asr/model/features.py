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

# Where the lowest mel filter begins.
LOWEST_HERTZ = 20.0


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
        energy: add the frame's energy, natural log, as one more coefficient.
        deltas: times the coefficients are followed by their change over time: 1 adds deltas, 2 their
            deltas (accelerations) as well.
        normalisation: "utterance" for zero mean and unit variance of each coefficient over the utterance,
            "global" over the training data, which live recognition can do, or "none".
    """

    kind: Literal["log_mel", "mfcc"] = "log_mel"
    sample_rate: int = 16000
    window: float = 0.025
    hop: float = 0.010
    n_mels: int = 80
    n_mfcc: int = 13
    energy: bool = False
    deltas: Literal[0, 1, 2] = 0
    normalisation: Literal["utterance", "global", "none"] = "utterance"


class Features(nn.Module):
    """`(B, N)` waveforms -> `(B, T, F)` features.

    The mel filterbank is torchaudio's with the HTK scale; `log(energy + 1e-6)`, natural logarithm, so
    that digital silence is finite (Davis & Mermelstein 1980 for the MFCC).
    """

    FLOOR = 1e-6
    dct: Tensor
    mean: Tensor
    deviation: Tensor

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
            f_min=LOWEST_HERTZ,
            center=False,
        )
        if config.kind == "mfcc":
            transform = torchaudio.functional.create_dct(config.n_mfcc, config.n_mels, norm="ortho")
            self.register_buffer("dct", transform, persistent=False)  # (n_mels, n_mfcc)
        if config.normalisation == "global":
            # Of the training data; they travel in the checkpoint.
            self.register_buffer("mean", torch.zeros(self.size))
            self.register_buffer("deviation", torch.ones(self.size))

    @property
    def size(self) -> int:
        """F, the number of features a frame."""
        static = self.config.n_mfcc if self.config.kind == "mfcc" else self.config.n_mels
        return (static + self.config.energy) * (1 + self.config.deltas)

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
            features, lengths = self.raw(waveforms, waveform_lengths)
            mask = frame_mask(lengths, features.shape[1])
            if self.config.normalisation == "utterance":
                features = normalise_over_frames(features, lengths, mask)
            else:
                features = self.normalised(features)
            return features.masked_fill(~mask.unsqueeze(2), 0.0), lengths

    def raw(self, waveforms: Tensor, waveform_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, T, F)` features before normalisation, rubbish past each of the `(B,)` lengths in frames."""
        features = self.static(waveforms)
        lengths = self.lengths(waveform_lengths)
        parts = [features]
        for _ in range(self.config.deltas):
            parts.append(deltas(parts[-1], lengths))
        return (torch.cat(parts, dim=2) if len(parts) > 1 else features), lengths

    def static(self, waveforms: Tensor) -> Tensor:
        """`(B, N)` -> `(B, T, F / (1 + deltas))`: what each whole window holds by itself."""
        waveforms = waveforms.float()
        if self.config.energy:
            spectrum = self.mel_spectrogram.spectrogram(waveforms)  # (B, bins, T)
            mel = self.mel_spectrogram.mel_scale(spectrum)
        else:
            mel = self.mel_spectrogram(waveforms)
        features = torch.log(mel.transpose(1, 2) + self.FLOOR)  # (B, F, T) -> (B, T, F)
        if self.config.kind == "mfcc":
            features = features @ self.dct
        if self.config.energy:
            # Parseval: the windowed frame's sum of squares. All bins but the first, and the last of an even
            # transform, stand for two.
            twice = spectrum[:, 1 : (self.window_samples + 1) // 2].sum(dim=1)
            energy = (spectrum.sum(dim=1) + twice) / self.window_samples
            features = torch.cat([features, torch.log(energy + self.FLOOR).unsqueeze(2)], dim=2)
        return features

    def normalised(self, features: Tensor) -> Tensor:
        """`(B, T, F)` by the training data's mean and deviation, where that is the normalisation."""
        if self.config.normalisation != "global":
            return features
        return (features - self.mean) / self.deviation


DELTA_REACH = 2  # frames to both sides


def deltas(features: Tensor, lengths: Tensor) -> Tensor:
    """The slope of each coefficient over five frames (Furui 1986; HTK book, equation 5.16).

        d_t = sum over n = 1, 2 of n (c_{t+n} - c_{t-n}) / (2 sum of n^2)

    Beyond the ends of the utterance its first and last frame go on.

    Args:
        features: `(B, T, F)`.
        lengths: `(B,)` valid frames.
    """
    last = (lengths - 1).clamp(min=0).unsqueeze(1)
    steps = torch.arange(features.shape[1], device=features.device).unsqueeze(0)

    def shifted(by: int) -> Tensor:
        index = torch.minimum((steps + by).clamp(min=0), last)  # (B, T)
        return features.gather(1, index.unsqueeze(2).expand(-1, -1, features.shape[2]))

    reach = range(1, DELTA_REACH + 1)
    total = sum((n * (shifted(n) - shifted(-n)) for n in reach), torch.zeros_like(features))
    return total / (2 * sum(n * n for n in reach))


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
