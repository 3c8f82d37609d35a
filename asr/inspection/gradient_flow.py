"""How far back in time an error reaches: the norm of d loss / d h_t against the distance in time.

Bengio, Simard & Frasconi 1994 and Pascanu, Mikolov & Bengio 2013 say why it shrinks or grows with the
distance: on its way back through k frames it is multiplied by k Jacobians of the recurrence.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from asr.data.tokenizer import BLANK
from asr.files import write_atomically
from asr.model.acoustic import AcousticModel
from asr.model.encoder import Encoder
from asr.model.recurrent import RecurrentLayer, State


class Flow(NamedTuple):
    """Gradients of one layer's state against the distance, relative to d loss / d h at distance 0.

    Attributes:
        layer: from 1.
        hidden: `(distances,)` norm of d loss / d h_t, root mean square over frames and utterances.
        memory: the same of the cell c_t, from distance 1 on (NaN at 0); None for networks without a cell.
    """

    layer: int
    hidden: np.ndarray
    memory: np.ndarray | None


class Curve(NamedTuple):
    """What a line of the picture says: which network, before or after training, and its layers."""

    network: str
    stage: str
    flows: Sequence[Flow]


def gradient_flow(
    model: AcousticModel,
    utterances: Sequence[tuple[np.ndarray, Sequence[int]]],
    *,
    distances: int,
    frames: int = 4,
) -> list[Flow]:
    """Follow the CTC loss's error at single frames back through time.

    The error of the network's output at frame s (the CTC loss's gradient there) is sent back alone, and
    measured at the states of the forward direction in every layer at s, s - 1, s - 2 ...

    Args:
        model: any; in eval mode.
        utterances: waveforms `(N,)` at the model's rate, with the tokens that are said.
        distances: frames to go back.
        frames: s an utterance, spread over those that have so many frames before them.

    Raises:
        ValueError: no utterance has more than `distances` frames.
    """
    layers = model.config.encoder.layers
    squares: list[list[np.ndarray]] = [[] for _ in range(layers)]
    cells: list[list[np.ndarray]] = [[] for _ in range(layers)]
    for waveform, tokens in utterances:
        logits, states = _unrolled(model, waveform)
        if len(logits) <= distances:
            continue
        errors = _errors(logits, tokens)
        for last in np.unique(np.linspace(distances, len(logits) - 1, frames).astype(int)):
            loss = (logits[last] * errors[last]).sum()
            for number, steps in enumerate(states):
                # In a pyramid a lower layer has several frames to one of the top.
                here = (int(last) + 1) * len(steps) // len(logits) - 1
                back = steps[here - min(here, distances) : here + 1][::-1]
                wanted = [part for state in back for part in state]
                gradients = torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)
                norms = np.array([0.0 if grad is None else float(grad.square().sum()) for grad in gradients])
                norms = norms.reshape(len(back), -1)
                if len(norms) == distances + 1 and norms[0, 0] > 0:
                    norms = norms / norms[0, 0]
                    squares[number].append(norms[:, 0])
                    if norms.shape[1] > 1:
                        # The last frame's cell goes nowhere but into h, which is measured itself.
                        norms[0, 1] = np.nan
                        cells[number].append(norms[:, 1])
    if not all(squares):
        raise ValueError(f"no utterance has more than {distances} frames")
    return [
        Flow(number, np.sqrt(np.mean(hidden, axis=0)), np.sqrt(np.mean(memory, axis=0)) if memory else None)
        for number, (hidden, memory) in enumerate(zip(squares, cells, strict=True), 1)
    ]


def write_flows(path: Path, curves: Sequence[Curve]) -> None:
    """CSV: network, stage, layer, distance, hidden, memory."""
    with write_atomically(path) as file:
        writer = csv.writer(file)
        writer.writerow(["network", "stage", "layer", "distance", "hidden", "memory"])
        for curve in curves:
            for flow in curve.flows:
                for distance, value in enumerate(flow.hidden):
                    memory = "" if flow.memory is None else f"{flow.memory[distance]:.6g}"
                    writer.writerow(
                        [curve.network, curve.stage, flow.layer, distance, f"{value:.6g}", memory]
                    )


def _unrolled(model: AcousticModel, waveform: np.ndarray) -> tuple[Tensor, list[list[State]]]:
    """`(T', V)` logits, and of every layer the state after each frame of the forward direction.

    A frame at a time, so that each state is a node of its own in the graph that gradients go back through.
    """
    samples = torch.from_numpy(waveform)[None]
    with torch.no_grad():
        features, lengths = model.features(samples, torch.tensor([len(waveform)]))
    encoder: Encoder = model.encoder
    hidden, lengths = encoder.subsampling(features, lengths)
    hidden = encoder.norm(hidden, lengths)
    states: list[list[State]] = []
    for number, layer in enumerate(encoder.layers):
        assert isinstance(layer, RecurrentLayer)
        if encoder.halves(number):
            hidden, lengths = encoder.halving(hidden, lengths)
        outputs, steps = _stepwise(layer, hidden)
        states.append(steps)
        if encoder.config.projection:
            outputs = encoder.projections[number](outputs)
        hidden = encoder.residual(hidden, encoder.norms[number](outputs, lengths))
    if encoder.look_ahead is not None:
        hidden = encoder.look_ahead(hidden, lengths)
    return model.head(hidden)[0], states


def _stepwise(layer: RecurrentLayer, inputs: Tensor) -> tuple[Tensor, list[State]]:
    state: State | None = None
    steps: list[State] = []
    for frame in inputs.split(1, dim=1):
        _, state = layer.run(frame, state)
        steps.append(state)
    ahead = torch.stack([step[0] for step in steps], dim=1)  # T' x (1, H) -> (1, T', H)
    if not layer.bidirectional:
        return ahead, steps
    behind, _ = layer.run(inputs.flip(1), None, backward=True)
    return layer.joined(torch.cat([ahead, behind.flip(1)], dim=2)), steps


def _errors(logits: Tensor, tokens: Sequence[int]) -> Tensor:
    """`(T', V)` gradient of the CTC loss with respect to the logits."""
    leaf = logits.detach().requires_grad_()
    log_probs = torch.log_softmax(leaf, dim=1).unsqueeze(1)  # (T', 1, V)
    loss = torch.nn.functional.ctc_loss(
        log_probs,
        torch.tensor([list(tokens)]),
        torch.tensor([len(leaf)]),
        torch.tensor([len(tokens)]),
        blank=BLANK,
        reduction="sum",
    )
    (errors,) = torch.autograd.grad(loss, leaf)
    return errors
