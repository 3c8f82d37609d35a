"""The recurrent neural network transducer: CTC that knows what it has written (Graves 2012, 2013)."""

import math

import torch
from torch import Tensor, nn

from asr.data.tokenizer import BLANK
from asr.model.device import loss_device
from asr.model.objectives.objective import Objective, ObjectiveConfig, Recognised, fits

# Tokens in one frame, at most.
MOST_IN_FRAME = 4


class Transducer(Objective):
    """A prediction network over the tokens written so far, joined to every frame.

    The joint network is that of Graves et al. 2013 (equations 14 to 18): at frame t, after u tokens,

        l_{t,u} = tanh(W_e f_t + W_p p_u + b),    P(k | t, u) = softmax(W_y l_{t,u} + b_y)_k

    where a blank moves on to the next frame and a token stays in it.
    """

    def __init__(self, config: ObjectiveConfig, *, encoding_size: int, vocabulary_size: int) -> None:
        super().__init__(config)
        # The blank stands before the first token; its embedding is zero.
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size, padding_idx=BLANK)
        self.prediction = nn.LSTM(config.embedding_size, config.hidden_size, batch_first=True)
        self.from_encoder = nn.Linear(encoding_size, config.joint_size)
        self.from_prediction = nn.Linear(config.hidden_size, config.joint_size, bias=False)
        self.output = nn.Linear(config.joint_size, vocabulary_size)
        self.dropout = nn.Dropout(config.dropout)

    def loss(self, hidden: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> Tensor:
        """-ln of the sum over all alignments (Graves 2012, equations 16 to 21); see `Objective.loss`."""
        from torchaudio.functional import rnnt_loss

        hidden = hidden[:, : int(lengths.max())]
        tokens = tokens[:, : max(1, int(token_lengths.max()))]
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        tokens = tokens.masked_fill(steps >= token_lengths.unsqueeze(1), BLANK)
        started = nn.functional.pad(tokens, (1, 0), value=BLANK)  # (B, L) -> (B, L + 1)
        predicted, _ = self.prediction(self.dropout(self.embedding(started)))  # (B, L + 1, H)
        logits = self.joint(hidden.unsqueeze(2), predicted.unsqueeze(1))  # (B, T', L + 1, V)
        if not int(token_lengths.max()):  # the loss wants room for a token
            return -torch.log_softmax(logits[:, :, 0].float(), 2)[:, :, BLANK].cumsum(1).gather(
                1, lengths.unsqueeze(1) - 1
            ).squeeze(1)  # fmt: skip
        with torch.autocast(hidden.device.type, enabled=False):
            place = loss_device(hidden.device)
            losses = rnnt_loss(
                logits.float().to(place),
                tokens.int().to(place),
                lengths.int().to(place),
                token_lengths.int().to(place),
                blank=BLANK,
                reduction="none",
            )
            return losses.to(hidden.device)

    def joint(self, hidden: Tensor, predicted: Tensor) -> Tensor:
        """Logits `(..., V)` of encodings `(..., E)` and predictions `(..., H)`."""
        return self.output(torch.tanh(self.from_encoder(hidden) + self.from_prediction(predicted)))

    def search(self, hidden: Tensor, *, beam_width: int, n_best: int = 1) -> list[Recognised]:
        """Beam search frame by frame; alignments of the same tokens are summed. See `Objective.search`.

        Graves 2012, algorithm 1, with a bound on the tokens of a frame in place of its open-ended loop.
        """
        frames = len(hidden)
        memory = _Memory(self)
        beam: dict[tuple[int, ...], float] = {(): 0.0}
        for frame in hidden:
            ended: dict[tuple[int, ...], float] = {}
            going = beam
            for count in range(MOST_IN_FRAME + 1):
                prefixes = list(going)
                log_probs = self._log_probs(frame, memory.predictions(prefixes))
                longer: dict[tuple[int, ...], float] = {}
                for prefix, row in zip(prefixes, log_probs.tolist(), strict=True):
                    score = going[prefix]
                    ended[prefix] = _add(ended.get(prefix, -math.inf), score + row[BLANK])
                    if count < MOST_IN_FRAME:
                        for token, log_prob in enumerate(row):
                            if token != BLANK and log_prob > -math.inf:
                                longer[(*prefix, token)] = score + log_prob
                best_ended = sorted(ended.values(), reverse=True)[:beam_width]
                # What is worse than a full beam of those that have moved on cannot come back.
                floor = best_ended[-1] if len(best_ended) == beam_width else -math.inf
                going = {
                    prefix: score
                    for prefix, score in sorted(longer.items(), key=lambda item: -item[1])[:beam_width]
                    if score > floor and fits(prefix, frames)
                }
                if not going:
                    break
            beam = dict(sorted(ended.items(), key=lambda item: -item[1])[:beam_width])
            memory.forget_all_but(beam)
        return [Recognised(list(prefix), score) for prefix, score in list(beam.items())[:n_best]]

    def _log_probs(self, frame: Tensor, predicted: Tensor) -> Tensor:
        """`(E,)` and `(n, H)` -> `(n, V)` natural-log probabilities in double precision."""
        return torch.log_softmax(
            self.joint(frame.unsqueeze(0), predicted).to(loss_device(frame.device)).double(), dim=1
        )


class _Memory:
    """What the prediction network makes of each prefix, computed once, many prefixes at a time."""

    def __init__(self, transducer: Transducer) -> None:
        self.transducer = transducer
        self.known: dict[tuple[int, ...], tuple[Tensor, Tensor, Tensor]] = {}

    def predictions(self, prefixes: list[tuple[int, ...]]) -> Tensor:
        """`(n, H)`; of each prefix the one that is a token shorter has been asked for before."""
        new = [prefix for prefix in prefixes if prefix not in self.known]
        if new:
            network = self.transducer
            device = network.output.weight.device
            last = torch.tensor([[prefix[-1] if prefix else BLANK] for prefix in new], device=device)
            before = [self.known[prefix[:-1]][1:] if prefix else self._zeros() for prefix in new]
            state = tuple(torch.stack(parts).unsqueeze(0) for parts in zip(*before, strict=True))
            outputs, (hidden, cell) = network.prediction(network.embedding(last), state)
            for row, prefix in enumerate(new):
                self.known[prefix] = (outputs[row, 0], hidden[0, row], cell[0, row])
        return torch.stack([self.known[prefix][0] for prefix in prefixes])

    def forget_all_but(self, prefixes: dict[tuple[int, ...], float]) -> None:
        """Keep what the next frame begins with."""
        self.known = {prefix: self.known[prefix] for prefix in prefixes}

    def _zeros(self) -> tuple[Tensor, Tensor]:
        weight = self.transducer.output.weight
        zeros = weight.new_zeros(self.transducer.config.hidden_size)
        return zeros, zeros


def _add(left: float, right: float) -> float:
    """ln(e^left + e^right)."""
    high, low = max(left, right), min(left, right)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
