"""One bidirectional LSTM layer over padded batches, fast on CPU and GPU behind the same weights.

The backward direction must begin at each utterance's own last frame, not in the padding. There are two
ways to get that, which give the same numbers:

- *packed*: cuDNN's own handling of sequences of unequal length. The way on CUDA. On the CPU the packed
  path misses oneDNN and trains about twice slower (`scripts/benchmark_training.py` shows the ratio).
- *reversed*: two one-directional passes over plain padded tensors, the second fed with each utterance
  reversed within its own length. The way on the CPU, and the one that exports to ONNX.
"""

import torch
from torch import Tensor, nn


class BidirectionalLSTM(nn.Module):
    """`(B, T, I)` -> `(B, T, 2H)`, the two directions concatenated (Schuster & Paliwal 1997).

    Weights live in a plain `nn.LSTM`, under torch's own names. Forget-gate biases start at 1
    (Jozefowicz et al. 2015). Frames past an utterance's length hold rubbish; mask them.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True, bidirectional=True)
        with torch.no_grad():
            for direction in ("", "_reverse"):
                # torch orders the gates input, forget, cell, output.
                getattr(self.lstm, f"bias_ih_l0{direction}")[hidden_size : 2 * hidden_size].fill_(1.0)
                getattr(self.lstm, f"bias_hh_l0{direction}")[hidden_size : 2 * hidden_size].fill_(0.0)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Run both directions over `(B, T, I)` inputs with `(B,)` lengths >= 1."""
        if inputs.is_cuda:
            return self.forward_packed(inputs, lengths)
        return self.forward_reversed(inputs, lengths)

    def forward_packed(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Both directions in one packed call."""
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        outputs, _ = self.lstm(packed)
        padded, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])
        return padded

    def forward_reversed(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """One direction after the other, the second on inputs reversed within their lengths."""
        ahead = self._run(inputs, "")
        behind = self._run(reverse_within_lengths(inputs, lengths), "_reverse")
        return torch.cat([ahead, reverse_within_lengths(behind, lengths)], dim=2)

    def _run(self, inputs: Tensor, direction: str) -> Tensor:
        weights = [
            getattr(self.lstm, f"{name}_l0{direction}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        zeros = inputs.new_zeros(1, inputs.shape[0], self.hidden_size)
        outputs, _, _ = torch._VF.lstm(
            inputs, (zeros, zeros), weights, True, 1, 0.0, self.training, False, True
        )
        return outputs


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
