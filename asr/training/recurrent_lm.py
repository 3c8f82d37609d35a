"""Training of a recurrent language model: text -> `asr.language_model.recurrent.RecurrentModel`.

The softmax is sampled: a step compares each word with words drawn from the unigrams alone, every logit less the ln of how
often its word is drawn. That ends where the full softmax would (Ma & Collins 2018, the ranking objective), as long
as a word that is drawn against itself stays: leaving it out would make frequent words too probable.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from asr.errors import TrainingError
from asr.language_model.recurrent import (
    END,
    SPECIAL_WORDS,
    UNKNOWN,
    RecurrentModel,
    RecurrentWeights,
)
from asr.model.precision import autocast, resolve_precision
from asr.training.recurrent_lm_config import RecurrentLmConfig
from asr.training.steps import Progress, Steps, training_key
from asr.training.texts import count_texts, text_batches

# Negatives are drawn by unigram counts to this power, which gives rare words more to learn from.
_FLATTENED = 0.75


class Lines(NamedTuple):
    """A text as numbers.

    Attributes:
        words: the vocabulary, the special words first.
        counts: `(K,)` int64, how often each occurs; ends are the lines'.
        ids: int32, all words one after the other.
        starts: `(lines + 1,)` int64, where each line begins in `ids`.
    """

    words: tuple[str, ...]
    counts: np.ndarray
    ids: np.ndarray
    starts: np.ndarray


def read_lines(sentences: Iterable[Sequence[str]], *, vocabulary: int) -> Lines:
    """Number a text. Raises TrainingError when there is nothing in it."""
    first: dict[str, int] = {}
    numbers, lengths = [], []
    for sentence in sentences:
        if sentence:
            numbers.append(np.array([first.setdefault(word, len(first)) for word in sentence], np.int32))
            lengths.append(len(sentence))
    if not numbers:
        raise TrainingError("no words in the text; expected a sentence a line")
    ids = np.concatenate(numbers)
    found = list(first)
    frequencies = Counter(dict(enumerate(np.bincount(ids, minlength=len(found)).tolist())))
    kept = [number for number, _ in frequencies.most_common(vocabulary - len(SPECIAL_WORDS))]
    new = np.full(len(found), UNKNOWN, np.int32)
    new[kept] = np.arange(len(SPECIAL_WORDS), len(SPECIAL_WORDS) + len(kept))
    ids = new[ids]
    words = (*SPECIAL_WORDS, *(found[number] for number in kept))
    counts = np.bincount(ids, minlength=len(words))
    counts[END] = len(lengths)
    return Lines(words, counts, ids, np.concatenate([[0], np.cumsum(lengths)]))


class RecurrentNetwork(nn.Module):
    """The network of `RecurrentModel`, to be trained.

    Args:
        config: its shape.
        counts: of each word, from which the softmax's bias begins.
    """

    def __init__(self, config: RecurrentLmConfig, counts: np.ndarray) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(counts), config.width)
        nn.init.normal_(self.embedding.weight, std=0.05)
        unigrams = torch.from_numpy((counts + 1) / (counts + 1).sum())
        self.bias = nn.Parameter(unigrams.log().float())
        self.lstm = nn.LSTM(config.width, config.cells, batch_first=True)
        with torch.no_grad():  # forget gates begin open (Gers, Schmidhuber & Cummins 2000)
            self.lstm.all_weights[0][2][config.cells : 2 * config.cells] = 1.0
        self.projection = nn.Linear(config.cells, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, words: Tensor) -> Tensor:
        """`(B, L)` words -> `(B, L, D)` to compare with the embeddings of the words to come."""
        hidden, _ = self.lstm(self.dropout(self.embedding(words)))
        queries: Tensor = self.projection(self.dropout(hidden))
        return queries

    def sampled_loss(self, queries: Tensor, words: Tensor, negatives: Tensor, log_drawn: Tensor) -> Tensor:
        """Mean loss in nats of `(n, D)` queries and the `(n,)` words that came, against `(S,)` drawn words.

        Args:
            log_drawn: `(K,)`, ln of the probability with which each word is drawn.
        """
        rows, bias = self.embedding.weight, self.bias - log_drawn
        wanted = (queries * rows[words]).sum(dim=1) + bias[words]
        others = (queries @ rows[negatives].T).float() + bias[
            negatives
        ]  # the bias keeps its precision under autocast
        return (torch.logaddexp(wanted, others.logsumexp(dim=1)) - wanted).mean()

    def model(self, words: Sequence[str]) -> RecurrentModel:
        """As it is used."""
        from_input, from_hidden, input_bias, hidden_bias = self.lstm.all_weights[0]
        parts: tuple[Tensor, ...] = (
            self.embedding.weight,
            self.bias,
            from_input,
            from_hidden,
            input_bias + hidden_bias,
            self.projection.weight,
            self.projection.bias,
        )
        weights = RecurrentWeights(*(part.detach().cpu().numpy().copy() for part in parts))
        return RecurrentModel(tuple(words), weights)


def train_recurrent_lm(
    lines: Lines,
    config: RecurrentLmConfig,
    *,
    state: Path,
    device: torch.device,
    progress: Callable[[Progress], None] = lambda _: None,
) -> RecurrentModel:
    """Train; go on where `state` is, if it is there. In bfloat16 where the hardware multiplies it.

    Args:
        lines: the text.
        config: shape and training.
        state: file of the state, as `Steps` has it.
        device: where to.
        progress: called after each step.

    Raises:
        TrainingError: as `Steps.run` has it.
    """
    torch.manual_seed(config.seed)
    network = RecurrentNetwork(config, lines.counts).to(device)
    matrices = [*network.lstm.parameters(), *network.projection.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [network.embedding.weight, network.bias], "weight_decay": 0.0},
            {"params": matrices, "weight_decay": 0.01},
        ],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )
    drawn = torch.from_numpy((lines.counts + 1.0) ** _FLATTENED).float().to(device)
    drawn /= drawn.sum()
    log_drawn = drawn.log()

    def loss(texts: list[np.ndarray]) -> tuple[Tensor, int]:
        read, come = (part.to(device) for part in _padded(texts))
        is_word = come >= 0
        negatives = torch.multinomial(drawn, config.negatives, replacement=True)
        with autocast(device, "auto"):
            found = network.sampled_loss(network(read)[is_word], come[is_word], negatives, log_drawn)
        return found, int(is_word.sum())

    Steps(
        network,
        optimizer,
        batches=lambda epoch: text_batches(lines.ids, lines.starts, config, epoch=epoch),
        loss=loss,
        total=max(1, round(config.epochs * (len(lines.ids) + count_texts(lines.ids, lines.starts, config)))),
        learning_rate=config.learning_rate,
        seed=config.seed,
        state=state,
        key=training_key(
            config,
            (
                resolve_precision("auto", device).encode(),
                "\n".join(lines.words).encode(),
                lines.ids.tobytes(),
                lines.starts.tobytes(),
            ),
        ),
    ).run(progress)
    return network.model(lines.words)


def _padded(texts: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """`(B, L)` words read and `(B, L)` words to come, -1 where there is none."""
    longest = max(map(len, texts)) + 1
    read = np.full((len(texts), longest), END, np.int64)
    come = np.full((len(texts), longest), -1, np.int64)
    for row, text in enumerate(texts):
        read[row, 1 : len(text) + 1] = text
        come[row, : len(text)] = text
        come[row, len(text)] = END
    return torch.from_numpy(read), torch.from_numpy(come)
