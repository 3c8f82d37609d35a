"""All ways to say a transcript, as an acyclic graph of units, and the sum over all of its alignments.

Each node is a unit as it is said at one place in one pronunciation of one word; a path from the start to an end is one way
to say all of it. CTC's topology stands on top: a blank may follow every node, a unit follows one of its own kind only
after a blank. For a single chain of units the sum is CTC's (Graves et al. 2006).
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from asr.data.tokenizer import BLANK
from asr.model.ctc_crf import idle_past_ends
from asr.model.device import loss_device

# The ways to say each word of a transcript, as unit ids from 1.
Ways = Sequence[Sequence[Sequence[int]]]


class UnitGraphs(NamedTuple):
    """A batch of graphs. Node 0 of each is its start; N nodes, K arcs into a node and J out of it, at most.

    Attributes:
        units: `(B, N)` int64, the unit of each node; 0 for the start, and for padding.
        sources: `(K, B, N)` int64, where arcs into a node come from; 0 for padding.
        weights: `(K, B, N)` float32, ln of their weights; -inf for padding.
        targets, target_weights: `(J, B, N)`, the same arcs by where they come from.
        ends: `(B, N)` float32, ln of the weight of ending at a node.
        totals: `(B,)` float32, ln of the summed weight of all paths.
    """

    units: Tensor
    sources: Tensor
    weights: Tensor
    targets: Tensor
    target_weights: Tensor
    ends: Tensor
    totals: Tensor

    def to(self, device: torch.device) -> "UnitGraphs":
        """The same on a device."""
        return UnitGraphs(*(part.to(device) for part in self))

    def repeat(self, times: int) -> "UnitGraphs":
        """The batch several times over."""
        return UnitGraphs(
            *(
                part.repeat(1, times, 1) if part.ndim == 3 else part.repeat(times, *[1] * (part.ndim - 1))
                for part in self
            )
        )


class UnitGraph(NamedTuple):
    """One graph: a unit and `(source, ln weight)` arcs for each node, and the ln weight of ending there."""

    units: list[int]
    arcs: list[list[tuple[int, float]]]
    ends: list[float]


def build_graph(words: Ways, table: np.ndarray | None) -> UnitGraph:
    """The graph of a transcript.

    Args:
        words: the ways to say each word; each way has at least one unit.
        table: `(H, V, V)` ln P(c | a, b) of `unit_model.unit_table`, which weighs each path by its units' probability; without
            it, all ways to say a word are as likely.
    """
    units, arcs = [BLANK], [[]]  # type: tuple[list[int], list[list[tuple[int, float]]]]
    # Nodes that a word may follow, each with the unit before its own.
    open_nodes: list[tuple[int, int]] = [(0, BLANK)]
    for ways in words:
        after: list[tuple[int, int]] = []
        for way in ways:
            nodes = open_nodes
            for position, unit in enumerate(way):
                prior = -math.log(len(ways)) if table is None and position == 0 else 0.0
                # Nodes with the same last two units have the same future, and become one; of lower orders all do.
                merged: dict[int, list[tuple[int, float]]] = {}
                for node, before in nodes:
                    last = units[node]
                    if table is None:
                        key, weight = BLANK, prior
                    else:
                        key = last if len(table) > 1 else BLANK
                        weight = float(table[before if len(table) > 1 else 0, last, unit])
                    merged.setdefault(key, []).append((node, weight))
                nodes = []
                for key, entering in merged.items():
                    nodes.append((len(units), key))
                    units.append(unit)
                    arcs.append(entering)
            after += nodes
        open_nodes = after
    ends = [-math.inf] * len(units)
    for node, before in open_nodes:
        ends[node] = 0.0 if table is None else float(table[before if len(table) > 1 else 0, units[node], 0])
    return UnitGraph(units, arcs, ends)


def fewest_frames(words: Ways) -> int:
    """Frames that the shortest way to say a transcript needs: one a unit, and a blank between two that are alike."""
    best = {BLANK: 0}
    for ways in words:
        after: dict[int, int] = {}
        for way in ways:
            inside = len(way) + sum(a == b for a, b in itertools.pairwise(way))
            least = min(frames + (last == way[0]) for last, frames in best.items()) + inside
            after[way[-1]] = min(after.get(way[-1], least), least)
        best = after
    return min(best.values())


def batch_graphs(graphs: Sequence[UnitGraph]) -> UnitGraphs:
    """Pad graphs into a batch."""
    outgoing: list[list[list[tuple[int, float]]]] = []
    totals = []
    for graph in graphs:
        out: list[list[tuple[int, float]]] = [[] for _ in graph.units]
        reached = [0.0]
        for node, entering in enumerate(graph.arcs):
            for source, weight in entering:
                out[source].append((node, weight))
            if node:
                reached.append(_log_sum([reached[source] + weight for source, weight in entering]))
        totals.append(_log_sum([a + b for a, b in zip(reached, graph.ends, strict=True)]))
        outgoing.append(out)
    size = (len(graphs), max(len(graph.units) for graph in graphs))
    units, ends = np.zeros(size, np.int64), np.full(size, -math.inf, np.float32)
    for row, graph in enumerate(graphs):
        units[row, : len(graph.units)] = graph.units
        ends[row, : len(graph.ends)] = graph.ends
    parts = [
        units,
        *_pad([g.arcs for g in graphs], size),
        *_pad(outgoing, size),
        ends,
        np.array(totals, np.float32),
    ]
    return UnitGraphs(*map(torch.from_numpy, parts))


def _pad(arcs: list[list[list[tuple[int, float]]]], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Other ends and weights of the arcs of each node, `(K, B, N)`."""
    width = max((1, *(len(found) for graph in arcs for found in graph)))
    nodes, weights = np.zeros((width, *size), np.int64), np.full((width, *size), -math.inf, np.float32)
    for row, graph in enumerate(arcs):
        for node, found in enumerate(graph):
            for number, (other, weight) in enumerate(found):
                nodes[number, row, node], weights[number, row, node] = other, weight
    return nodes, weights


def _log_sum(values: Sequence[float]) -> float:
    top = max(values)
    return top if top == -math.inf else top + math.log(sum(math.exp(value - top) for value in values))


def graph_log_likelihood(log_potentials: Tensor, lengths: Tensor, graphs: UnitGraphs) -> Tensor:
    """ln of the sum, over all paths through a graph and all of their alignments, of weight and potentials.

    Args:
        log_potentials: `(B, T, V)`, natural log, -inf allowed; column 0 is the blank.
        lengths: `(B,)` int64 frames; what lies past them does not count.
        graphs: of the batch's transcripts.

    Returns:
        `(B,)`; its gradient are the probabilities of each unit in each frame. -inf, with a gradient of 0, where no path fits.
    """
    place = loss_device(log_potentials.device)
    potentials = idle_past_ends(log_potentials.to(place), lengths.to(place))
    return _GraphLikelihood.apply(potentials, graphs.to(place)).to(log_potentials.device)


class _GraphLikelihood(torch.autograd.Function):
    """Forward and backward recursion over the nodes, in logarithms: a path may be all but impossible and still the only one."""

    @staticmethod
    def forward(ctx: Any, log_potentials: Tensor, graphs: UnitGraphs) -> Tensor:
        dtype = log_potentials.dtype
        frames, (batch, nodes) = log_potentials.shape[1], graphs.units.shape
        units = graphs.units.unsqueeze(1).expand(batch, frames, nodes)
        at_unit = log_potentials.gather(2, units).transpose(0, 1)  # (B, T, N) -> (T, B, N)
        at_blank = log_potentials[:, :, BLANK].T.unsqueeze(2)  # (T, B, 1)
        into = _Arcs(graphs.units, graphs.sources, graphs.weights.to(dtype))
        out_of = _Arcs(graphs.units, graphs.targets, graphs.target_weights.to(dtype))
        blank = at_unit.new_full((frames + 1, batch, nodes), -math.inf)
        unit = blank.clone()
        blank[0, :, 0] = 0
        for t in range(frames):
            both = torch.logaddexp(blank[t], unit[t])
            # From a node of the same unit comes only what had a blank after it.
            along = torch.where(into.alike, into.gather(blank[t]), into.gather(both))
            torch.add(both, at_blank[t], out=blank[t + 1])
            torch.add(into.sum(along, unit[t]), at_unit[t], out=unit[t + 1])
        ends = graphs.ends.to(dtype)
        totals = (torch.logaddexp(blank[-1], unit[-1]) + ends).logsumexp(1)
        if ctx.needs_input_grad[0]:
            after_blank = after_unit = ends
            for t in range(frames - 1, -1, -1):
                blank[t + 1] += after_blank
                unit[t + 1] += after_unit
                entering = after_unit + at_unit[t]
                going = out_of.gather(entering)
                onward = after_blank + at_blank[t]
                others = out_of.sum(going.masked_fill(out_of.alike, -math.inf), onward)
                after_unit = torch.logaddexp(others, entering)
                after_blank = out_of.sum(going, onward) if out_of.some_alike else others
            # Each frame's probabilities sum to 1, or to 0 where no path fits.
            norm = torch.logaddexp(blank[1:], unit[1:]).logsumexp(2, keepdim=True)
            norm = torch.where(norm == -math.inf, math.inf, norm)
            posteriors = torch.zeros_like(log_potentials).transpose(0, 1)  # (T, B, V)
            posteriors.scatter_add_(2, units.transpose(0, 1), (unit[1:] - norm).exp())
            posteriors[:, :, BLANK] = (blank[1:] - norm).exp().sum(2)
            ctx.save_for_backward(posteriors.transpose(0, 1))
        return totals

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (posteriors,) = ctx.saved_tensors
        return posteriors * gradients[0][:, None, None], None


class _Arcs:
    """The arcs of a batch, and the nodes at their other ends."""

    def __init__(self, units: Tensor, others: Tensor, weights: Tensor) -> None:
        self.others = others
        self.weights = weights
        self.alike = self.gather(units) == units
        self.some_alike = bool((self.alike & (weights > -math.inf)).any())

    def gather(self, values: Tensor) -> Tensor:
        """`(B, N)` values of nodes -> `(K, B, N)`, those at the other end of each arc."""
        return values.expand(self.others.shape).gather(2, self.others)

    def sum(self, along: Tensor, others: Tensor) -> Tensor:
        """`(B, N)` ln of the sum of what comes along the arcs `(K, B, N)`, weighted, and of `others`."""
        for values in (along + self.weights).unbind(0):
            others = torch.logaddexp(others, values)
        return others
