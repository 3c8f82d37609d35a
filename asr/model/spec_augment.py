"""What training does to the features: SpecAugment's bands of time and frequency set to the mean (Park et al. 2019),
and another vocal tract."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asr.model.features import FeaturesConfig
from asr.model.vocal_tract import VocalTractPerturbation


@dataclass(frozen=True)
class SpecAugmentConfig:
    """How much of the features is hidden during training.

    Attributes:
        frequency_masks: bands of mel bins hidden in each utterance.
        frequency_width: widest band, in bins.
        time_masks: stretches of time hidden in each utterance of `time_masks_per` seconds or more;
            shorter utterances get proportionally fewer, at least one.
        time_width: longest stretch, in frames.
        time_ratio: longest stretch as a share of the utterance.
        time_masks_per: seconds of speech that `time_masks` stretches are meant for; 0 gives every
            utterance `time_masks` of them.
        frequency_warp: stretch the frequency axis of each utterance by up to this share, up or down, as
            another speaker's vocal tract would.
    """

    frequency_masks: int = 2
    frequency_width: int = 27
    time_masks: int = 2
    time_width: int = 40
    time_ratio: float = 0.2
    time_masks_per: float = 0.0
    frequency_warp: float = 0.0


class SpecAugment(nn.Module):
    """Hide random bands of `(B, T, F)` features, each utterance its own; identity in eval mode."""

    def __init__(self, config: SpecAugmentConfig, *, features: FeaturesConfig) -> None:
        super().__init__()
        self.config = config
        self.frames_per_second = 1 / features.hop
        self.vocal_tract = VocalTractPerturbation(config.frequency_warp, features)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Return the features with masked stretches set to 0, the mean of normalised features."""
        if not self.training:
            return features
        config = self.config
        features = self.vocal_tract(features)
        batch, frames, size = features.shape
        hidden = _random_bands(
            torch.full((batch,), size, device=features.device),
            torch.full((batch,), float(config.frequency_width), device=features.device),
            count=config.frequency_masks,
            size=size,
        ).unsqueeze(1)  # (B, 1, F)
        widest = (lengths * config.time_ratio).clamp(max=config.time_width)
        hidden = hidden | _random_bands(
            lengths, widest, count=config.time_masks, size=frames, active=self._time_masks(lengths)
        ).unsqueeze(2)  # (B, T, 1)
        return features.masked_fill(hidden, 0.0)

    def _time_masks(self, lengths: Tensor) -> Tensor | None:
        """`(B,)` stretches for each utterance, or None for all of them."""
        if self.config.time_masks_per <= 0:
            return None
        seconds = lengths / self.frames_per_second
        return (seconds / self.config.time_masks_per * self.config.time_masks).ceil().clamp(min=1)


def _random_bands(
    extents: Tensor, widest: Tensor, *, count: int, size: int, active: Tensor | None = None
) -> Tensor:
    """`(B, size)` bool: the union of `count` bands, each of uniform width up to `widest`, placed uniformly
    within `extents` (both `(B,)`); of these only the first `active` bands of an utterance are used."""
    batch = len(extents)
    shape = (batch, count)
    widths = torch.rand(shape, device=extents.device) * (widest.unsqueeze(1) + 1)
    widths = widths.floor()
    starts = (torch.rand(shape, device=extents.device) * (extents.unsqueeze(1) - widths + 1)).floor()
    if active is not None:
        numbers = torch.arange(count, device=extents.device)
        widths = widths * (numbers < active.unsqueeze(1))
    positions = torch.arange(size, device=extents.device).view(1, 1, -1)
    inside = (positions >= starts.unsqueeze(2)) & (
        positions < (starts + widths).unsqueeze(2)
    )  # (B, count, size)
    return inside.any(dim=1)
