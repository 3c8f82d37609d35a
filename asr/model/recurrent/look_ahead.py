"""A little of the future for one-directional layers."""

import torch
from torch import Tensor, nn

from asr.model.features import frame_mask


class LookAhead(nn.Module):
    """Row convolution: each unit mixes its own next frames (Wang et al. 2016; Amodei et al. 2016, section 3.6).

        r_{t,i} = sum over j = 0 ... frames of W_{i,j} h_{t+j,i}

    It begins as the identity, W_{i,0} = 1 and small weights of the future. Frames past the end count as zero.

    Args:
        size: E.
        frames: of the future.
    """

    def __init__(self, size: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        weight = torch.empty(size, 1, frames + 1).uniform_(-0.1, 0.1) / max(1, frames)
        weight[:, 0, 0] = 1.0
        self.weight = nn.Parameter(weight)

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        """`(B, T, E)` with `(B,)` lengths -> `(B, T, E)`."""
        hidden = hidden * frame_mask(lengths, hidden.shape[1]).unsqueeze(2)
        return self.mix(nn.functional.pad(hidden, (0, 0, 0, self.frames)))

    def mix(self, hidden: Tensor) -> Tensor:
        """`(B, T + frames, E)` -> `(B, T, E)`: the frames that have all their future."""
        columns = hidden.transpose(1, 2)  # (B, T, E) -> (B, E, T), as convolutions want it
        mixed = nn.functional.conv1d(columns, self.weight.to(columns.dtype), groups=columns.shape[1])
        return mixed.transpose(1, 2)  # (B, E, T) -> (B, T, E)
