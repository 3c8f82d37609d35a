"""What every recurrent layer is: `(B, T, I)` in, `(B, T, O)` out, the same alone and in any batch.

The backward direction must begin at each utterance's own last frame, not in the padding. Fed with each
utterance reversed within its own length it does, whatever the cell is; the forward direction never sees
the padding that comes after the utterance. A cell has to say only how it runs over padded tensors from
left to right.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Cell = Literal["rnn_tanh", "rnn_relu", "gru", "lstm", "lstm_peephole"]
Join = Literal["concatenate", "sum"]

# What a direction carries from one frame to the next: (h,) or (h, c), each (B, H).
State = tuple[Tensor, ...]


class RecurrentLayer(nn.Module):
    """`(B, T, I)` -> `(B, T, O)`; frames past an utterance's length hold rubbish.

    O is H for one direction and for the sum of two, 2H for their concatenation (Schuster & Paliwal 1997).

    Attributes:
        size: O.
        truncation: in training, frames after which no gradient flows further back in time (truncated
            backpropagation through time, Williams & Peng 1990); 0 lets it flow to the beginning.
    """

    def __init__(self, hidden_size: int, *, bidirectional: bool, join: Join) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        self.join = join
        self.size = 2 * hidden_size if bidirectional and join == "concatenate" else hidden_size
        self.truncation = 0

    def run(self, inputs: Tensor, state: State | None, *, backward: bool = False) -> tuple[Tensor, State]:
        """One direction from left to right over `(B, T, I)`, T >= 1: `(B, T, H)` and the state after it.

        Args:
            inputs: all of whose frames count.
            state: None begins with zeros.
            backward: with the weights of the backward direction; the inputs are reversed already.
        """
        raise NotImplementedError

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Run over `(B, T, I)` inputs with `(B,)` lengths >= 1."""
        return self.forward_reversed(inputs, lengths)

    def forward_reversed(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """One direction after the other, the second on inputs reversed within their lengths."""
        ahead = self._truncated(inputs, backward=False)
        if not self.bidirectional:
            return ahead
        behind = self._truncated(reverse_within_lengths(inputs, lengths), backward=True)
        return self.joined(torch.cat([ahead, reverse_within_lengths(behind, lengths)], dim=2))

    def joined(self, both: Tensor) -> Tensor:
        """`(B, T, 2H)` -> `(B, T, O)`."""
        if self.join == "concatenate":
            return both
        ahead, behind = both.chunk(2, dim=2)
        return ahead + behind

    def _truncated(self, inputs: Tensor, *, backward: bool) -> Tensor:
        if not (self.truncation and self.training):
            return self.run(inputs, None, backward=backward)[0]
        outputs, state = [], None
        for piece in inputs.split(self.truncation, dim=1):
            hidden, state = self.run(piece, state, backward=backward)
            state = tuple(part.detach() for part in state)
            outputs.append(hidden)
        return torch.cat(outputs, dim=1)


def reverse_within_lengths(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each `(T, F)` sequence of a `(B, T, F)` batch within its own length; padding stays put.

    >>> reverse_within_lengths(torch.tensor([[[1], [2], [3], [0]]]), torch.tensor([3])).flatten().tolist()
    [3, 2, 1, 0]
    """
    batch, frames, _ = sequences.shape
    steps = torch.arange(frames, device=sequences.device)
    length = lengths.unsqueeze(1)
    mirrored = torch.where(steps < length, length - 1 - steps, steps)  # (B, T)
    rows = mirrored + frames * torch.arange(batch, device=sequences.device).unsqueeze(1)
    return sequences.flatten(0, 1).index_select(0, rows.flatten()).view_as(sequences)
