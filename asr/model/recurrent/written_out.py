"""GRU and plain RNN with the gradient written out by hand: how they run on the CPU.

torch runs its LSTM through oneDNN there, but does the other two operation by operation, frame by frame, and in
training records each and walks the record back. Here everything that does not depend on the frame before
(forward) or after (backward) is one operation over all frames; a sum, a product or two and the recurrent
matrix product are left for the loop.
`scripts/benchmarks/benchmark_cells.py` shows what that saves.
"""

from typing import Any

import torch
from torch import Tensor


class GRURecurrence(torch.autograd.Function):
    """`(T, B, 3H)` projected inputs, `(3H, H)` weights, `(3H,)` biases, `(B, H)` state -> `(T, B, H)`.

    With gates ordered reset, update, new, as torch has them (Cho et al. 2014, with the reset gate after the
    product):

        r_t = sigmoid(x_t^r + W_hr h_{t-1} + b_hr)
        z_t = sigmoid(x_t^z + W_hz h_{t-1} + b_hz)
        n_t = tanh(x_t^n + r_t * (W_hn h_{t-1} + b_hn))
        h_t = (1 - z_t) * n_t + z_t * h_{t-1}
    """

    @staticmethod
    def forward(ctx: Any, projected: Tensor, weight: Tensor, bias: Tensor, hidden: Tensor) -> Tensor:
        size, recurrent = hidden.shape[1], weight.t()
        hiddens, gates, news, products = [hidden], [], [], []
        learns = any(ctx.needs_input_grad)
        for frame in projected.unbind(0):
            sums = torch.addmm(bias, hiddens[-1], recurrent)
            gate = (sums[:, : 2 * size] + frame[:, : 2 * size]).sigmoid_()
            product = sums[:, 2 * size :]
            new = torch.addcmul(frame[:, 2 * size :], gate[:, :size], product).tanh_()
            hiddens.append(torch.lerp(new, hiddens[-1], gate[:, size:]))
            if learns:
                gates.append(gate)
                news.append(new)
                products.append(product)
        if learns:
            ctx.save_for_backward(
                weight, torch.stack(hiddens), torch.stack(gates), torch.stack(news), torch.stack(products)
            )
        return torch.stack(hiddens[1:])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor) -> tuple[Tensor, ...]:
        weight, hiddens, gates, news, products = ctx.saved_tensors
        before = hiddens[:-1]
        frames, batch, size = before.shape
        reset, update = gates.chunk(2, dim=2)
        # Derivatives of h_t by the sums of n_t, and by what W_hh h_{t-1} adds to those of r_t, z_t and n_t.
        of_new = (1 - update) * (1 - news.square())
        of_sums = torch.stack(
            [
                of_new * products * reset * (1 - reset),
                (before - news) * update * (1 - update),
                of_new * reset,
            ],
            dim=2,
        )  # (T, B, 3, H)
        totals = torch.empty_like(before)
        d_sums = hiddens.new_empty(frames, batch, 3 * size)
        d_hidden = torch.zeros_like(before[0])
        for frame in range(frames - 1, -1, -1):
            total, d_sum = totals[frame], d_sums[frame]
            torch.add(d_hiddens[frame], d_hidden, out=total)
            torch.mul(total.unsqueeze(1), of_sums[frame], out=d_sum.view(batch, 3, size))
            d_hidden = torch.addmm(total * update[frame], d_sum, weight)
        d_projected = d_sums.clone()
        torch.mul(totals, of_new, out=d_projected[:, :, 2 * size :])
        flat = d_sums.flatten(0, 1)  # (T * B, 3H)
        return d_projected, flat.t() @ before.flatten(0, 1), flat.sum(dim=0), d_hidden


class RNNRecurrence(torch.autograd.Function):
    """`(T, B, H)` projected inputs, `(H, H)` weights, `(H,)` biases, `(B, H)` state -> `(T, B, H)` (Elman 1990).

    h_t = f(x_t + W_hh h_{t-1} + b_hh), where f is tanh, or max(0, .) when `relu`.
    """

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, projected: Tensor, weight: Tensor, bias: Tensor, hidden: Tensor, relu: bool
    ) -> Tensor:
        hiddens, recurrent = [hidden], weight.t()
        for frame in (projected + bias).unbind(0):
            sums = torch.addmm(frame, hiddens[-1], recurrent)
            hiddens.append(sums.relu_() if relu else sums.tanh_())
        stacked = torch.stack(hiddens)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(weight, stacked)
            ctx.relu = relu
        return stacked[1:].clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_hiddens: Tensor) -> tuple[Tensor | None, ...]:
        weight, hiddens = ctx.saved_tensors
        before, after = hiddens[:-1], hiddens[1:]
        slope = (after > 0).to(after.dtype) if ctx.relu else 1 - after.square()
        d_sums = torch.empty_like(before)
        d_hidden = torch.zeros_like(before[0])
        for frame in range(len(before) - 1, -1, -1):
            d_sum = d_sums[frame]
            torch.mul(torch.add(d_hiddens[frame], d_hidden, out=d_sum), slope[frame], out=d_sum)
            d_hidden = d_sum @ weight
        flat = d_sums.flatten(0, 1)  # (T * B, H)
        return d_sums, flat.t() @ before.flatten(0, 1), flat.sum(dim=0), d_hidden, None
