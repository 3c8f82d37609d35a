"""The attention encoder-decoder: a decoder that chooses, token by token, where to listen."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from asr.data.tokenizer import BLANK
from asr.model.device import loss_device
from asr.model.features import frame_mask
from asr.model.objectives.objective import Objective, ObjectiveConfig, Recognised, fits

# Stands before the first token and after the last: the blank, which no text holds.
EDGE = BLANK


class _State(NamedTuple):
    """The decoder after some tokens: h and c `(n, H)`, the last context `(n, E)`, attention weights `(n, T')`."""

    hidden: Tensor
    cell: Tensor
    context: Tensor
    weights: Tensor


class AttentionDecoder(Objective):
    """Additive attention (Bahdanau, Cho & Bengio 2015) that sees where it listened before.

    With the decoder's LSTM state s_u, encodings h_t and the attention weights so far a_{1..u-1}
    (location-aware: Chorowski et al. 2015, here as their sum, the coverage):

        e_{u,t} = w . tanh(W s_u + V h_t + U sum_{v<u} a_{v,t}),    a_u = softmax(e_u),    c_u = sum_t a_{u,t} h_t

    and P(y_u) = softmax(W_o [s_u; c_u]).
    """

    def __init__(self, config: ObjectiveConfig, *, encoding_size: int, vocabulary_size: int) -> None:
        super().__init__(config)
        self.encoding_size = encoding_size
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
        self.cell = nn.LSTMCell(config.embedding_size + encoding_size, config.hidden_size)
        self.from_state = nn.Linear(config.hidden_size, config.joint_size)
        self.from_encoder = nn.Linear(encoding_size, config.joint_size, bias=False)
        self.from_coverage = nn.Linear(1, config.joint_size, bias=False)
        self.energy = nn.Linear(config.joint_size, 1, bias=False)
        self.output = nn.Linear(config.hidden_size + encoding_size, vocabulary_size)
        self.dropout = nn.Dropout(config.dropout)

    def loss(self, hidden: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> Tensor:
        """Cross-entropy of the tokens and the edge after them, summed; see `Objective.loss`."""
        tokens = tokens[:, : int(token_lengths.max())]
        steps = torch.arange(tokens.shape[1] + 1, device=tokens.device)
        inside = nn.functional.pad(tokens, (0, 1), value=EDGE)  # (B, L + 1)
        targets = inside.masked_fill(steps >= token_lengths.unsqueeze(1), EDGE)
        started = nn.functional.pad(tokens, (1, 0), value=EDGE)
        keys, mask = self.from_encoder(hidden), frame_mask(lengths, hidden.shape[1])
        embedded = self.dropout(self.embedding(started))
        state = self._start(hidden)
        logits = []
        for step in range(embedded.shape[1]):
            scores, state = self._step(embedded[:, step], state, hidden, keys, mask)
            logits.append(scores)
        losses = nn.functional.cross_entropy(
            torch.stack(logits, dim=2).float(),  # (B, V, L + 1)
            targets,
            reduction="none",
        )
        return (losses * (steps <= token_lengths.unsqueeze(1))).sum(dim=1)

    def search(self, hidden: Tensor, *, beam_width: int, n_best: int = 1) -> list[Recognised]:
        """Beam search token by token, until none that goes on can beat those that have ended.

        See `Objective.search`.
        """
        frames = len(hidden)
        encodings = hidden.unsqueeze(0)
        keys = self.from_encoder(encodings)
        mask = torch.ones(1, frames, dtype=torch.bool, device=hidden.device)
        going: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
        state = self._start(encodings)
        ended: list[Recognised] = []
        while going:
            count = len(going)
            last = torch.tensor([prefix[-1] if prefix else EDGE for prefix, _ in going], device=hidden.device)
            scores, state = self._step(
                self.embedding(last),
                state,
                encodings.expand(count, -1, -1),
                keys.expand(count, -1, -1),
                mask.expand(count, -1),
            )
            log_probs = torch.log_softmax(scores.to(loss_device(scores.device)).double(), dim=1).tolist()
            longer: list[tuple[float, int, int]] = []
            for row, (prefix, score) in enumerate(going):
                ended.append(Recognised(list(prefix), score + log_probs[row][EDGE]))
                longer += [
                    (score + log_prob, row, token)
                    for token, log_prob in enumerate(log_probs[row])
                    if token != EDGE and fits((*prefix, token), frames)
                ]
            ended = sorted(ended, key=lambda found: -found.score)[: max(beam_width, n_best)]
            # Longer can only be less probable.
            floor = ended[-1].score if len(ended) == max(beam_width, n_best) else -math.inf
            longer = [item for item in sorted(longer, reverse=True)[:beam_width] if item[0] > floor]
            rows = [row for _, row, _ in longer]
            going = [((*going[row][0], token), score) for score, row, token in longer]
            state = _State(*(part[rows] for part in state))
        return ended[:n_best]

    def _start(self, hidden: Tensor) -> _State:
        batch, frames, _ = hidden.shape
        zeros = hidden.new_zeros(batch, self.config.hidden_size)
        return _State(
            zeros, zeros, hidden.new_zeros(batch, self.encoding_size), hidden.new_zeros(batch, frames)
        )

    def _step(
        self, embedded: Tensor, state: _State, encodings: Tensor, keys: Tensor, mask: Tensor
    ) -> tuple[Tensor, _State]:
        """Read a token `(n, e)`, listen, and give `(n, V)` logits of the next one."""
        hidden, cell = self.cell(torch.cat([embedded, state.context], dim=1), (state.hidden, state.cell))
        covered = self.from_coverage(state.weights.unsqueeze(2))  # (n, T', J)
        energies = self.energy(torch.tanh(self.from_state(hidden).unsqueeze(1) + keys + covered)).squeeze(2)
        weights = torch.softmax(energies.float().masked_fill(~mask, -math.inf), dim=1)
        context = torch.bmm(weights.to(encodings.dtype).unsqueeze(1), encodings).squeeze(1)
        logits = self.output(torch.cat([hidden, context], dim=1))
        return logits, _State(hidden, cell, context, state.weights + weights)
