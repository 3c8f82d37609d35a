"""The LSTM whose gates see the cell: peepholes, as in Graves, Mohamed & Hinton 2013.

torch has no such cell. The input's share of all gates is one matrix product over all frames; what is left
for the loop over time is the recurrent product and a few operations a frame, and its gradient is written
out by hand, again with everything that does not depend on the frame after it taken out of the loop.
"""

from typing import Any

import torch
from torch import Tensor, nn

from asr.model.recurrent.layer import Join, RecurrentLayer, State


class PeepholeLayer(RecurrentLayer):
    """A layer of LSTM cells with peephole connections (Gers, Schraudolph & Schmidhuber 2002).

    With gates ordered input, forget, cell, output as torch has them, and diagonal peephole weights
    (Graves et al. 2013, equations 3 to 7):

        i_t = sigmoid(W_xi x_t + W_hi h_{t-1} + w_ci * c_{t-1} + b_i)
        f_t = sigmoid(W_xf x_t + W_hf h_{t-1} + w_cf * c_{t-1} + b_f)
        c_t = f_t * c_{t-1} + i_t * tanh(W_xc x_t + W_hc h_{t-1} + b_c)
        o_t = sigmoid(W_xo x_t + W_ho h_{t-1} + w_co * c_t + b_o)
        h_t = o_t * tanh(c_t)

    The recurrence is computed in the precision of the weights, also under autocast.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, bidirectional: bool = True, join: Join = "concatenate"
    ) -> None:
        super().__init__(hidden_size, bidirectional=bidirectional, join=join)
        self.ahead = PeepholeWeights(input_size, hidden_size)
        self.behind = PeepholeWeights(input_size, hidden_size) if bidirectional else None

    def run(self, inputs: Tensor, state: State | None, *, backward: bool = False) -> tuple[Tensor, State]:
        """One direction, a loop over time; see `RecurrentLayer.run`."""
        weights = self.behind if backward else self.ahead
        assert weights is not None
        with torch.autocast(inputs.device.type, enabled=False):
            inputs = inputs.to(weights.weight_ih.dtype)
            if state is None:
                zeros = inputs.new_zeros(inputs.shape[0], self.hidden_size)
                state = (zeros, zeros)
            # (B, T, I) -> (T, B, I): the loop takes a frame of the whole batch at a time.
            hidden, last, cell = _PeepholeRecurrence.apply(
                inputs.transpose(0, 1).contiguous(),
                weights.weight_ih,
                weights.weight_hh,
                weights.bias,
                weights.peephole,
                *state,
            )
        return hidden.transpose(0, 1), (last, cell)  # (T, B, H) -> (B, T, H)


class PeepholeWeights(nn.Module):
    """Weights of one direction: `weight_ih` (4H, I), `weight_hh` (4H, H), `bias` (4H,), `peephole` (3, H).

    The rows of `peephole` belong to the input, forget and output gate. Uniform between -1 / sqrt(H) and
    1 / sqrt(H), as torch's cells; forget-gate biases start at 1.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        self.peephole = nn.Parameter(torch.empty(3, hidden_size))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-(hidden_size**-0.5), hidden_size**-0.5)
            self.bias[hidden_size : 2 * hidden_size].fill_(1.0)


class _PeepholeRecurrence(torch.autograd.Function):
    """`(T, B, I)` inputs, weights and state -> `(T, B, H)`, and h and c after the last frame."""

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any,
        inputs: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias: Tensor,
        peephole: Tensor,
        hidden: Tensor,
        cell: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        frames, (batch, size) = len(inputs), hidden.shape
        projected = torch.nn.functional.linear(inputs, weight_ih, bias)  # (T, B, 4H), all frames at once
        recurrent, (into, out) = weight_hh.t(), (peephole[:2], peephole[2])
        hiddens, cells = [hidden], [cell]
        gates, candidates, outs, squashed = [], [], [], []
        for frame in projected.unbind(0):
            sums = torch.addmm(frame, hiddens[-1], recurrent)
            before = cells[-1]
            gate = torch.addcmul(
                sums[:, : 2 * size].view(batch, 2, size), into, before.unsqueeze(1)
            ).sigmoid_()
            candidate = sums[:, 2 * size : 3 * size].tanh()
            cell = torch.addcmul(gate[:, 1] * before, gate[:, 0], candidate)
            opened = torch.addcmul(sums[:, 3 * size :], out, cell).sigmoid_()
            squash = cell.tanh()
            hiddens.append(opened * squash)
            cells.append(cell)
            gates.append(gate)
            candidates.append(candidate)
            outs.append(opened)
            squashed.append(squash)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(
                inputs,
                weight_ih,
                weight_hh,
                peephole,
                torch.stack(hiddens[:frames]),
                torch.stack(cells),
                torch.stack(gates),
                torch.stack(candidates),
                torch.stack(outs),
                torch.stack(squashed),
            )
        return torch.stack(hiddens[1:]), hiddens[-1].clone(), cells[-1].clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor, d_last: Tensor, d_cell: Tensor) -> tuple[Tensor, ...]:
        inputs, weight_ih, weight_hh, peephole, hiddens, cells, gates, candidates, outs, squashed = (
            ctx.saved_tensors
        )
        before, after = cells[:-1], cells[1:]
        into, forget = gates.unbind(2)
        # Derivatives of every gate's sum towards c_t, and of o_t's sum and c_t towards h_t.
        towards_cell = torch.stack(
            [
                candidates * into * (1 - into),
                before * forget * (1 - forget),
                into * (1 - candidates.square()),
            ],
            dim=2,
        )  # (T, B, 3, H)
        of_out = squashed * outs * (1 - outs)
        of_cell = outs * (1 - squashed.square()) + of_out * peephole[2]
        carried = forget + (towards_cell[:, :, :2] * peephole[:2]).sum(dim=2)
        size = before.shape[2]
        d_sums = inputs.new_empty(*before.shape[:2], 4 * size)
        d_hidden = d_last
        for frame in range(len(inputs) - 1, -1, -1):
            d_hidden = d_hidden + d_hiddens[frame]
            d_cell = torch.addcmul(d_cell, d_hidden, of_cell[frame])
            d_sum = d_sums[frame]
            torch.mul(d_cell.unsqueeze(1), towards_cell[frame], out=d_sum[:, : 3 * size].view(-1, 3, size))
            torch.mul(d_hidden, of_out[frame], out=d_sum[:, 3 * size :])
            d_hidden = d_sum @ weight_hh
            d_cell = d_cell * carried[frame]
        flat = d_sums.flatten(0, 1)  # (T * B, 4H)
        d_peephole = torch.stack(
            [
                (d_sums[:, :, :size] * before).sum(dim=(0, 1)),
                (d_sums[:, :, size : 2 * size] * before).sum(dim=(0, 1)),
                (d_sums[:, :, 3 * size :] * after).sum(dim=(0, 1)),
            ]
        )
        return (
            d_sums @ weight_ih,
            flat.t() @ inputs.flatten(0, 1),
            flat.t() @ hiddens.flatten(0, 1),
            flat.sum(dim=0),
            d_peephole,
            d_hidden,
            d_cell,
        )

    @staticmethod
    def symbolic(  # noqa: PLR0917
        g: Any, inputs: Any, weight_ih: Any, weight_hh: Any, bias: Any, peephole: Any, hidden: Any, cell: Any
    ) -> Any:
        """The same as one LSTM node of ONNX, whose gates are ordered input, output, forget, cell."""
        size = weight_hh.type().sizes()[1]

        def ordered(value: Any, blocks: tuple[int, ...], step: int) -> Any:
            parts = [
                g.op(
                    "Slice",
                    value,
                    _constant(g, [step * block]),
                    _constant(g, [step * (block + 1)]),
                    _constant(g, [0]),
                )
                for block in blocks
            ]
            return g.op("Concat", *parts, axis_i=0)

        def leading(value: Any) -> Any:
            return g.op("Unsqueeze", value, _constant(g, [0]))

        gates = (0, 3, 1, 2)
        biases = ordered(bias, gates, size)
        zeros = g.op("Sub", biases, biases)  # ONNX adds a second bias
        holes = g.op("Reshape", ordered(peephole, (0, 2, 1), 1), _constant(g, [1, 3 * size]))
        outputs, last, last_cell = g.op(
            "LSTM",
            inputs,
            leading(ordered(weight_ih, gates, size)),
            leading(ordered(weight_hh, gates, size)),
            leading(g.op("Concat", biases, zeros, axis_i=0)),
            g.op("prim::Constant").setType(_optional()),
            leading(hidden),
            leading(cell),
            holes,
            hidden_size_i=size,
            outputs=3,
        )
        # (T, 1, B, H) -> (T, B, H), (1, B, H) -> (B, H)
        return (
            g.op("Squeeze", outputs, _constant(g, [1])),
            g.op("Squeeze", last, _constant(g, [0])),
            g.op("Squeeze", last_cell, _constant(g, [0])),
        )


def _constant(g: Any, values: list[int]) -> Any:
    return g.op("Constant", value_t=torch.tensor(values, dtype=torch.int64))


def _optional() -> Any:
    """The type of an input that is left out."""
    return torch._C.OptionalType.ofTensor()
