"""Vocal tract length perturbation: each utterance as a shorter or longer vocal tract would have spoken it.

The frequency axis is stretched by a factor drawn for each utterance (Jaitly & Hinton 2013), which moves the
formants of a few training speakers to where those of other speakers are.
"""

import torch
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.model.features import LOWEST_HERTZ, FeaturesConfig

# Above this frequency the stretch gives way, so that the highest frequency stays where it is (Lee & Rose 1998).
_BEND = 4800.0


class VocalTractPerturbation(nn.Module):
    """Stretch the frequency axis of `(B, T, F)` log-mel features, each utterance by its own factor.

    Works on the features by linear interpolation between neighbouring mel bins; identity in eval mode.

    Args:
        spread: factors are uniform between 1 - spread and 1 + spread; 0 changes nothing.
        features: must be log-mel energies, with deltas or without.

    Raises:
        ConfigError: a spread out of [0, 0.5), or features without a frequency axis.
    """

    centres: Tensor

    def __init__(self, spread: float, features: FeaturesConfig) -> None:
        super().__init__()
        if not 0 <= spread < 0.5:
            raise ConfigError(f"spec_augment.frequency_warp {spread}; expected 0 to below 0.5")
        if spread and (features.kind != "log_mel" or features.energy):
            raise ConfigError(
                "spec_augment.frequency_warp: needs features.kind log_mel without energy, whose axis is frequency"
            )
        self.spread = spread
        self.nyquist = features.sample_rate / 2
        low, high = _mel(torch.tensor([LOWEST_HERTZ, self.nyquist], dtype=torch.float64)).tolist()
        self.first, self.step = low, (high - low) / (features.n_mels + 1)
        mels = low + self.step * torch.arange(1, features.n_mels + 1, dtype=torch.float64)
        self.register_buffer("centres", _hertz(mels).float(), persistent=False)  # (n_mels,)

    def forward(self, features: Tensor) -> Tensor:
        """Return `(B, T, F)` features, each utterance's stretched by its own factor in training."""
        if not self.training or self.spread == 0:
            return features
        factors = 1 + self.spread * (2 * torch.rand(len(features), device=features.device) - 1)
        return self.stretched(features, factors)

    def stretched(self, features: Tensor, factors: Tensor) -> Tensor:
        """`(B, T, F)` features with what was at frequency f now at f / factor, for `(B,)` factors."""
        batch, frames, _ = features.shape
        bins = len(self.centres)
        source = (_mel(self.sources(factors)) - self.first) / self.step - 1  # (B, bins), counted in bins
        source = source.clamp(0, bins - 1).unsqueeze(1)
        numbers = torch.arange(bins, device=features.device).view(1, -1, 1)
        share = (1 - (source - numbers).abs()).clamp(min=0).to(features.dtype)  # (B, bins from, bins to)
        with torch.autocast(features.device.type, enabled=False):
            # Deltas, if any, are stretched like the bins they are of.
            parts = features.reshape(batch, -1, bins)
            return torch.bmm(parts, share).view(batch, frames, -1)

    def sources(self, factors: Tensor) -> Tensor:
        """The frequency in Hz that each bin takes its energy from, `(B,)` -> `(B, bins)`."""
        factors = factors.unsqueeze(1)
        bend = _BEND * factors.clamp(max=1) / factors
        slope = (self.nyquist - factors * bend) / (self.nyquist - bend)
        above = self.nyquist - slope * (self.nyquist - self.centres)
        return torch.where(self.centres <= bend, factors * self.centres, above)


def _mel(hertz: Tensor) -> Tensor:
    return 2595 * torch.log10(1 + hertz / 700)


def _hertz(mel: Tensor) -> Tensor:
    return 700 * (10 ** (mel / 2595) - 1)
