"""A wider network that says what a trained one says, so that a training goes on from it with more cells.

After Chen, Goodfellow & Shlens 2016, "Net2Net: accelerating learning via knowledge transfer".
"""

from dataclasses import replace

import torch
from torch import Tensor

from asr.errors import ConfigError, TrainingError
from asr.model.acoustic import AcousticModel
from asr.model.checkpoint import Checkpoint, unmeasured
from asr.model.encoder import EncoderConfig

CELLS = ("lstm", "gru", "rnn_tanh", "rnn_relu")


def widen(checkpoint: Checkpoint, hidden_size: int, *, seed: int = 1) -> Checkpoint:
    """The model with `hidden_size` cells a direction.

    Each new cell begins as a copy of an old one. What listens to a cell shares its weight at random among the cell and its
    copies, so that the sum stays what it was, and that they learn different things from the first step on. Normalisation
    of layers sees more of some cells than before, unless each has as many copies as the others: the output is then what it was,
    otherwise nearly.

    Args:
        checkpoint: a model of torch's own cells, without projections, look-ahead, transducer or attention.
        hidden_size: as many cells as it has, or more.
        seed: of the drawing.

    Raises:
        ConfigError: fewer cells than it has.
        TrainingError: a model of another kind.
    """
    model = checkpoint.model
    config = model.config.encoder
    _check(model, config, hidden_size)
    wider = AcousticModel(
        replace(model.config, encoder=replace(config, hidden_size=hidden_size)),
        vocabulary_size=model.vocabulary_size,
    )
    random = torch.Generator().manual_seed(seed)
    copied = torch.cat(
        [
            torch.randperm(config.hidden_size, generator=random)
            for _ in range(hidden_size // config.hidden_size + 1)
        ]
    )
    # (H',) the old cell of each new one, the old ones first.
    cells = torch.cat([torch.arange(config.hidden_size), copied])[:hidden_size]
    directions = model.encoder.size // config.hidden_size
    encodings = _side_by_side(cells, directions, config.hidden_size)
    state = model.state_dict()
    weights = {
        name: _widened(name, state[name], target, cells, encodings, random)
        for name, target in wider.state_dict().items()
    }
    wider.load_state_dict(weights)
    notes = {**checkpoint.notes, "widened": {"hidden_size": [config.hidden_size, hidden_size], "seed": seed}}
    return Checkpoint(wider.eval(), checkpoint.tokenizer, unmeasured(notes))


def _check(model: AcousticModel, config: EncoderConfig, hidden_size: int) -> None:
    if hidden_size < config.hidden_size:
        raise ConfigError(f"{hidden_size} cells; expected {config.hidden_size}, as the model has, or more")
    wrong = [
        what
        for what, there in (
            (f"cell {config.cell} (expected one of {', '.join(CELLS)})", config.cell not in CELLS),
            (f"projection {config.projection} (expected 0)", config.projection > 0),
            (f"look_ahead {config.look_ahead} (expected 0)", config.look_ahead > 0),
            ("a transducer or an attention decoder (expected CTC alone)", model.objective is not None),
        )
        if there
    ]
    if wrong:
        raise TrainingError(f"a model that cannot be made wider: {'; '.join(wrong)}; train a wider one anew")


def _side_by_side(places: Tensor, count: int, size: int) -> Tensor:
    """`(N,)` places among `size` -> `(count * N,)` among `count * size`."""
    return torch.cat([places + number * size for number in range(count)])


def _widened(  # noqa: PLR0917
    name: str, weights: Tensor, target: Tensor, cells: Tensor, encodings: Tensor, random: torch.Generator
) -> Tensor:
    """The weights of a name for the wider network: rows copied, columns shared out."""
    hidden = int(cells.max()) + 1
    kind = name.rsplit(".", maxsplit=1)[-1]
    if kind.startswith(("weight_ih", "weight_hh", "bias_ih", "bias_hh")):
        weights = weights[_side_by_side(cells, len(weights) // hidden, hidden)]
        listened = cells if kind.startswith("weight_hh") else encodings
        if kind.startswith("weight") and weights.shape[1] != target.shape[1]:
            repeated = weights.shape[1] // (int(listened.max()) + 1)  # two frames side by side in a pyramid
            weights = _shared(weights, _side_by_side(listened, repeated, int(listened.max()) + 1), random)
        return weights
    if weights.shape == target.shape:  # what does not depend on the number of cells
        return weights
    if name in {"head.weight", "phone_head.weight"}:
        return _shared(weights, encodings, random)
    return weights[encodings]  # the front end's projection, normalisation


def _shared(weights: Tensor, places: Tensor, random: torch.Generator) -> Tensor:
    """`(R, N)` weights for `(N',)` places of the columns: each column's weight shared out among its copies."""
    shares = torch.empty(len(weights), len(places)).uniform_(0.25, 1.75, generator=random)
    totals = torch.zeros_like(weights).index_add_(1, places, shares)
    return weights[:, places] * shares / totals[:, places]
