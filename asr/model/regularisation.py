"""What keeps activations in bounds between layers: normalisation over valid frames, dropout."""

import torch
import torch.distributed
from torch import Tensor, nn

from asr.model.features import frame_mask


class FrameLayerNorm(nn.LayerNorm):
    """Layer normalisation of each frame by itself (Ba, Kiros & Hinton 2016)."""

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Normalise `(B, T, E)`; no frame looks at another, so the lengths do not matter."""
        return super().forward(hidden)


class FrameBatchNorm(nn.BatchNorm1d):
    """Batch normalisation over the valid frames of all utterances (Ioffe & Szegedy 2015; Laurent et al. 2016).

    Statistics of padding would depend on what happens to be batched together. In use the running statistics
    hold, so that an utterance comes out the same in any batch. Processes that train together share them.
    """

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Normalise `(B, T, E)` with `(B,)` lengths, which training needs."""
        if not self.training:
            return self._scaled(hidden, self.running_mean, self.running_var)
        assert lengths is not None
        mask = frame_mask(lengths, hidden.shape[1]).unsqueeze(2)
        count = mask.sum()
        values = (hidden if hidden.dtype == torch.float64 else hidden.float()).masked_fill(~mask, 0.0)
        mean = values.sum(dim=(0, 1)) / count
        variance = (values - mean).masked_fill(~mask, 0.0).square().sum(dim=(0, 1)) / count
        self._remember(mean.detach(), variance.detach())
        return self._scaled(hidden, mean, variance)

    def _scaled(self, hidden: Tensor, mean: Tensor | None, variance: Tensor | None) -> Tensor:
        assert mean is not None
        assert variance is not None
        return (hidden - mean) * (variance + self.eps).rsqrt() * self.weight + self.bias

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            both = torch.stack([mean, variance])
            torch.distributed.all_reduce(both)
            mean, variance = both / torch.distributed.get_world_size()
        assert self.momentum is not None
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)


class NoNorm(nn.Module):
    """No normalisation."""

    def forward(self, hidden: Tensor, lengths: Tensor | None = None) -> Tensor:
        """`(B, T, E)` as it is."""
        return hidden


class FrameDropout(nn.Module):
    """Dropout of `(B, T, E)`, drawn anew for each activation (Srivastava et al. 2014).

    The same as `nn.Dropout`, whose draws on the CPU take a tenth of a training step: here sixteen random bits
    decide on each activation, so that the share is exact to 1/65536.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, hidden: Tensor) -> Tensor:
        """Drop in training, pass on otherwise."""
        return self.dropped(hidden) if self.training and self.share > 0 else hidden

    def dropped(self, hidden: Tensor) -> Tensor:
        """Some activations 0, the others larger to make up for it."""
        if hidden.device.type != "cpu":
            return nn.functional.dropout(hidden, self.share)
        count = hidden.numel()
        draws = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.int16)[:count].view(hidden.shape) >= round(self.share * 2**16) - 2**15
        return hidden * kept.to(hidden.dtype) * (1 / (1 - self.share))


class SharedDropout(FrameDropout):
    """Variational dropout of `(B, T, E)`: one mask an utterance, the same in all its frames."""

    def dropped(self, hidden: Tensor) -> Tensor:
        """Some activations 0 in all frames of an utterance, the others larger to make up for it."""
        kept = hidden.new_ones(hidden.shape[0], 1, hidden.shape[2])
        return hidden * nn.functional.dropout(kept, self.share)
