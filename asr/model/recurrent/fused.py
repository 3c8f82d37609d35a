"""Layers of torch's own cells: LSTM, GRU and the plain RNN.

There are two ways to run both directions over utterances of unequal length, which give the same numbers:

- *packed*: cuDNN's own handling of sequences of unequal length. The way on CUDA. On the CPU the packed
  path misses oneDNN and trains about twice slower (`scripts/benchmarks/benchmark_training.py` shows the ratio).
- *reversed*: two one-directional passes over plain padded tensors, the second fed with each utterance
  reversed within its own length. The way on the CPU, and the one that exports to ONNX.

A pass is one call of torch, but for training GRU and plain RNN on the CPU, which torch has no fast kernel for there
(`written_out`).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from asr.model.recurrent.layer import Cell, Join, RecurrentLayer, State
from asr.model.recurrent.written_out import GRURecurrence, RNNRecurrence

_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class FusedLayer(RecurrentLayer):
    """A layer of torch's own cells (Hochreiter & Schmidhuber 1997; Cho et al. 2014; Elman 1990).

    Weights live in a plain `nn.LSTM`, `nn.GRU` or `nn.RNN`, under torch's own names. Forget-gate biases of
    the LSTM start at 1 (Jozefowicz et al. 2015).
    """

    _MODULES: ClassVar = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN, "rnn_relu": nn.RNN}

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        *,
        bidirectional: bool = True,
        join: Join = "concatenate",
    ) -> None:
        super().__init__(hidden_size, bidirectional=bidirectional, join=join)
        self.cell = cell
        self.name = cell.split("_", maxsplit=1)[0]
        options = {"nonlinearity": cell.removeprefix("rnn_")} if self.name == "rnn" else {}
        module = self._MODULES[cell](
            input_size, hidden_size, batch_first=True, bidirectional=bidirectional, **options
        )
        self.add_module(self.name, module)
        if cell == "lstm":
            with torch.no_grad():
                for direction in ("", "_reverse")[: 1 + bidirectional]:
                    # torch orders the gates input, forget, cell, output.
                    getattr(module, f"bias_ih_l0{direction}")[hidden_size : 2 * hidden_size].fill_(1.0)
                    getattr(module, f"bias_hh_l0{direction}")[hidden_size : 2 * hidden_size].fill_(0.0)

    @property
    def module(self) -> nn.RNNBase:
        """torch's layer, which holds the weights."""
        module = getattr(self, self.name)
        assert isinstance(module, nn.RNNBase)
        return module

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Run over `(B, T, I)` inputs with `(B,)` lengths >= 1."""
        if inputs.is_cuda and self.bidirectional and not self.truncation:
            return self.forward_packed(inputs, lengths)
        return self.forward_reversed(inputs, lengths)

    def forward_packed(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Both directions in one packed call."""
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        outputs, _ = self.module(packed)
        padded, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])
        return self.joined(padded)

    def run(self, inputs: Tensor, state: State | None, *, backward: bool = False) -> tuple[Tensor, State]:
        """One direction; see `RecurrentLayer.run`."""
        direction = "_reverse" if backward else ""
        weights = [getattr(self.module, f"{name}_l0{direction}") for name in _WEIGHTS]
        # torch's GRU and RNN are slow on the CPU only with a gradient to come.
        trains = torch.is_grad_enabled() and not torch.onnx.is_in_onnx_export()
        if self.cell != "lstm" and inputs.device.type == "cpu" and trains:
            return self._run_written_out(inputs, state, *weights)
        if state is None:
            zeros = inputs.new_zeros(1, inputs.shape[0], self.hidden_size)
            begin = (zeros, zeros)
        else:
            begin = tuple(part.unsqueeze(0) for part in state)  # type: ignore[assignment]
        run = getattr(torch._VF, self.cell)
        outputs, *end = run(
            inputs,
            begin if self.cell == "lstm" else begin[0],
            weights,
            True,
            1,
            0.0,
            self.training,
            False,
            True,
        )
        return outputs, tuple(part.squeeze(0) for part in end)

    def _run_written_out(  # noqa: PLR0917
        self,
        inputs: Tensor,
        state: State | None,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
    ) -> tuple[Tensor, State]:
        """The same for GRU and plain RNN on the CPU; the recurrence in the precision of the weights."""
        # (B, T, I) -> (B, T, nH) -> (T, B, nH): the loop takes a frame of the whole batch at a time.
        projected = nn.functional.linear(inputs, weight_ih, bias_ih).transpose(0, 1)
        with torch.autocast(inputs.device.type, enabled=False):
            projected = projected.to(weight_hh.dtype)
            hidden = projected.new_zeros(len(inputs), self.hidden_size) if state is None else state[0]
            if self.cell == "gru":
                outputs = GRURecurrence.apply(projected, weight_hh, bias_hh, hidden)
            else:
                outputs = RNNRecurrence.apply(projected, weight_hh, bias_hh, hidden, self.cell == "rnn_relu")
        return outputs.transpose(0, 1), (outputs[-1],)  # (T, B, H) -> (B, T, H)
