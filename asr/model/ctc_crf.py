"""CTC-CRF: the probability of the right units relative to all unit sequences that a language model of the units allows.

With log-potentials f_t(k), the log-softmax of a CTC head, and an n-gram P of unit sequences

    ln p(l | x) = ln [ P(l) sum_{pi in B^-1(l)} exp sum_t f_t(pi_t) ] - ln sum_{l'} P(l') sum_{pi in B^-1(l')} exp sum_t f_t(pi_t)

(Xiang & Ou 2019, equations 4 to 6; lattice-free MMI of Povey et al. 2016 with the topology of CTC, Hadian et al. 2018). This module is
the second term, the log partition; `unit_graphs` is the first. B merges repeats and takes the blanks out.

The sum runs over states (a, b, blank or not): the last two units and whether the last frame was a blank. A frame takes

    S = A_blank + A_unit
    A_blank'[a, b] = S[a, b] y(blank)
    A_unit'[b, c] = ( A_unit[b, c] + sum_a S[a, b] P(c | a, b) ) y(c),  but A_blank in place of S where c = b

since a unit follows itself only after a blank. That is one batched matrix product a frame; nothing is pruned.
"""

import math
import threading
from typing import Any

import torch
from torch import Tensor

from asr.data.tokenizer import BLANK
from asr.model.device import loss_device
from asr.model.features import frame_mask

# Scaled probabilities in single precision lose a state that is 1e-38 times as probable as the others. Where all that is left
# of so many frames' probability is less than e to this power, such a state might have mattered: logarithms then.
WINDOW = 8
LEAST_LOG = -50.0


def log_partition(log_potentials: Tensor, lengths: Tensor, table: Tensor) -> Tensor:
    """ln of the sum over all paths of P(their units) and the potentials along them.

    Args:
        log_potentials: `(B, T, V)`, natural log, -inf allowed; column 0 is the blank.
        lengths: `(B,)` int64 frames; what lies past them does not count.
        table: `(H, V, V)` ln P(c | a, b) of `unit_model.unit_table`.

    Returns:
        `(B,)`; its gradient are the probabilities of each unit in each frame. -inf, with a gradient of 0, where no path is possible.
    """
    with torch.autocast(log_potentials.device.type, enabled=False):
        place = loss_device(log_potentials.device)
        potentials = idle_past_ends(log_potentials.to(place), lengths.to(place))
        return _LogPartition.apply(potentials, table.to(potentials)).to(log_potentials.device)


@torch.no_grad()
def unit_posteriors(log_potentials: Tensor, lengths: Tensor, table: Tensor) -> Tensor:
    """Natural-log probability of each unit, or the blank, in each frame, given all of the utterance and the unit model.

    The best of each frame is to CTC-CRF what the best of the emission is to CTC: the emission alone leaves to the unit model
    what that knows. Arguments as of `log_partition`.

    Returns:
        `(B, T, V)`; -inf where no path is possible.
    """
    with torch.autocast(log_potentials.device.type, enabled=False):
        place = loss_device(log_potentials.device)
        potentials = idle_past_ends(log_potentials.float().to(place), lengths.to(place))
        _, posteriors = solve(potentials, table.to(potentials), with_posteriors=True)
    return posteriors.log().to(log_potentials.device)


def idle_past_ends(log_potentials: Tensor, lengths: Tensor) -> Tensor:
    """`(B, T, V)` with a blank of potential 1 and nothing else past each end: that keeps the sum over all states as it is."""
    idle = torch.full_like(log_potentials[0, 0], -math.inf)
    idle[BLANK] = 0
    return torch.where(frame_mask(lengths, log_potentials.shape[1]).unsqueeze(2), log_potentials, idle)


class _LogPartition(torch.autograd.Function):
    """Both recursions at once: the gradient is what they find, and the forward variables can go."""

    @staticmethod
    def forward(ctx: Any, log_potentials: Tensor, table: Tensor) -> Tensor:
        totals, posteriors = solve(log_potentials, table, with_posteriors=ctx.needs_input_grad[0])
        ctx.save_for_backward(posteriors)
        return totals

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (posteriors,) = ctx.saved_tensors
        return posteriors * gradients[0][:, None, None], None


def solve(log_potentials: Tensor, table: Tensor, *, with_posteriors: bool) -> tuple[Tensor, Tensor]:
    """`forward_backward` in probabilities, and again in logarithms for the utterances that need it; the first two of its results."""
    totals, posteriors, unsure = forward_backward(
        log_potentials, table, Probabilities, with_posteriors=with_posteriors
    )
    rows = unsure.nonzero().squeeze(1)
    if len(rows):
        exact, found, _ = forward_backward(
            log_potentials[rows].double(), table.double(), Logarithms, with_posteriors=with_posteriors
        )
        totals[rows], posteriors[rows] = exact.to(totals.dtype), found.to(posteriors.dtype)
    return totals, posteriors


class Probabilities:
    """Sums and products of probabilities, scaled in every frame: fast."""

    zero, one = 0.0, 1.0
    plus, times, matmul = torch.add, torch.mul, torch.bmm

    @staticmethod
    def enter(log_potentials: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, T, V)` logarithms as numbers whose largest in each frame is 1, and what was taken off, `(B, T)`."""
        peaks = log_potentials.amax(dim=2, keepdim=True)
        peaks = torch.where(peaks.isfinite(), peaks, 0.0)
        return (log_potentials - peaks).exp(), peaks.squeeze(2)

    @staticmethod
    def sum(values: Tensor, dims: tuple[int, ...]) -> Tensor:
        return values.sum(dims)

    @staticmethod
    def scale(values: Tensor) -> tuple[Tensor, Tensor]:
        """The sum over each utterance's `(H, V, B)` states, `(B,)`, and what brings it to 1, `(B,)`."""
        total = values.sum((0, 1))
        return total, total.clamp(min=torch.finfo(total.dtype).tiny).reciprocal_()

    @staticmethod
    def log(values: Tensor) -> Tensor:
        return values.log()

    @staticmethod
    def normalise(values: Tensor) -> Tensor:
        """`(..., V)` values as shares that sum to 1; zeros where all are."""
        return values / values.sum(-1, keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)


class Logarithms:
    """The same of logarithms: slow, and exact whatever the potentials are."""

    zero, one = -math.inf, 0.0
    plus, times = torch.logaddexp, torch.add

    @staticmethod
    def enter(log_potentials: Tensor) -> tuple[Tensor, Tensor]:
        return log_potentials, torch.zeros_like(log_potentials[:, :, 0])

    @staticmethod
    def matmul(left: Tensor, right: Tensor) -> Tensor:
        return (left.unsqueeze(3) + right.unsqueeze(1)).logsumexp(2)

    @staticmethod
    def sum(values: Tensor, dims: tuple[int, ...]) -> Tensor:
        return values.logsumexp(dims)

    @staticmethod
    def scale(values: Tensor) -> tuple[Tensor, Tensor]:
        nothing = torch.zeros_like(values[0, 0])
        return nothing, nothing

    @staticmethod
    def log(values: Tensor) -> Tensor:
        return values

    @staticmethod
    def normalise(values: Tensor) -> Tensor:
        return (values - values.logsumexp(-1, keepdim=True)).exp().nan_to_num(0.0)


Numbers = type[Probabilities] | type[Logarithms]


def forward_backward(
    log_potentials: Tensor, table: Tensor, numbers: Numbers, *, with_posteriors: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The log partition, the probability of each unit in each frame, and where the numbers may have lost a path.

    States are tensors `(H, V, B)`: the unit before the last (one for all in histories of one unit), the last unit, the
    utterance. So what a frame multiplies by, `(V, B)`, lies as the states do, and a matrix product writes them as they are read.

    Args:
        log_potentials: `(B, T, V)`; a frame past an utterance's end has 0 for the blank and -inf for all else.
        table: `(H, V, V)` ln P(c | a, b).
        numbers: how to calculate.
        with_posteriors: whether the backward recursion is wanted.

    Returns:
        `(B,)`, `(B, T, V)` (zeros when not wanted) and `(B,)` bool.
    """
    batch, frames, size = log_potentials.shape
    history = table.shape[0]
    following = table.permute(1, 0, 2) if numbers is Logarithms else table.permute(1, 0, 2).exp()  # [b, a, c]
    ends = following[:, :, 0].T.unsqueeze(2)  # (H, V, 1)
    repeats = torch.diagonal(following, dim1=0, dim2=2).T.unsqueeze(1).contiguous().clone()
    repeats[BLANK] = numbers.zero  # after nothing comes no repeat
    # Clones: what is contiguous already would be a view, and they are written to.
    onward = following.transpose(1, 2).contiguous().clone()  # [b, c, a], a unit after another
    onward[:, 0] = numbers.zero
    torch.diagonal(onward, dim1=0, dim2=1).fill_(numbers.zero)
    potentials, peaks = numbers.enter(log_potentials)
    potentials = potentials.permute(1, 2, 0).contiguous()  # (B, T, V) -> (T, V, B)

    blanks, units = _scratch(table, (2, frames + 1, history, size, batch))
    blanks[0] = units[0] = numbers.zero
    blanks[0, 0, BLANK] = numbers.one
    sums = table.new_empty(frames + 1, batch)
    for t in range(frames):
        both = numbers.plus(blanks[t], units[t])
        sums[t], factor = numbers.scale(both)
        seen = numbers.times(potentials[t], factor)  # (V, B)
        entered = numbers.matmul(onward, both.transpose(0, 1))  # [b, c, B]
        repeated = numbers.matmul(repeats, blanks[t].transpose(0, 1)).squeeze(1)  # [b, B]
        if history == 1:
            entered = numbers.plus(numbers.sum(entered, (0,)), repeated)
        else:
            torch.diagonal(entered, dim1=0, dim2=1).copy_(repeated.T)
        numbers.times(both, seen[BLANK].expand(size, batch).contiguous(), out=blanks[t + 1])
        numbers.plus(units[t], entered, out=units[t + 1])
        numbers.times(units[t + 1], seen, out=units[t + 1])
    both = numbers.plus(blanks[-1], units[-1])
    sums[-1], factor = numbers.scale(both)
    totals = numbers.log(numbers.times(numbers.sum(numbers.times(both, ends), (0, 1)), factor))
    logs = numbers.log(sums)
    totals = totals + logs.sum(0) + peaks.sum(1)
    unsure = _unsure(logs)
    if not with_posteriors:
        return totals, torch.zeros_like(log_potentials), unsure

    onward = onward.transpose(1, 2).contiguous()  # [b, a, c]
    repeats = repeats.permute(2, 0, 1)  # [a, b, 0]
    occupied = torch.empty_like(potentials)
    blank = unit = ends.expand(history, size, batch).contiguous()
    for t in range(frames - 1, -1, -1):
        occupied[t] = numbers.sum(numbers.times(units[t + 1], unit), (0,))
        occupied[t, BLANK] = numbers.sum(numbers.times(blanks[t + 1], blank), (0, 1))
        _, factor = numbers.scale(blank)
        seen = numbers.times(potentials[t], factor)
        entering = numbers.times(unit, seen)  # [b, c, B]
        again = entering if history == 1 else torch.diagonal(entering, dim1=0, dim2=1).T  # [b, B]
        moved = numbers.matmul(onward, entering.expand(size, size, batch)).transpose(0, 1)  # [a, b, B]
        both = numbers.plus(numbers.times(blank, seen[BLANK].expand(size, batch).contiguous()), moved)
        unit = numbers.plus(both, entering)
        blank = numbers.plus(both, numbers.times(again, repeats))
    return totals, numbers.normalise(occupied.permute(2, 0, 1)), unsure


class _Kept(threading.local):
    """Memory of this thread, by type."""

    def __init__(self) -> None:
        self.tensors: dict[torch.dtype, Tensor] = {}


_kept = _Kept()


def _scratch(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Memory of the type and place of another tensor, for as long as a call lasts.

    On a CPU it is kept for the next call: batches are all of different size, and blocks of tens of megabytes that come and go
    would leave holes that no other fits.
    """
    if like.device.type != "cpu":
        return like.new_empty(shape)
    count = math.prod(shape)
    kept = _kept.tensors.get(like.dtype)
    if kept is None or kept.numel() < count:
        with torch.inference_mode(False):  # it outlives an inference
            kept = _kept.tensors[like.dtype] = torch.empty(count, dtype=like.dtype)
    return kept[:count].view(shape)


def _unsure(logs: Tensor) -> Tensor:
    """Utterances `(B,)` of which too little was left in some window of frames, by the logarithms `(T, B)` of each frame's sum."""
    sums = torch.nn.functional.pad(logs.cumsum(0), (0, 0, 1, 0))
    window = min(WINDOW, len(logs))
    return ~((sums[window:] - sums[:-window]) > LEAST_LOG).all(0)
