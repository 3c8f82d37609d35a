"""Training of a recurrent language model: text -> `asr.language_model.recurrent.RecurrentModel`.

The softmax is sampled: a step compares each word with words drawn from the unigrams alone, every logit less the ln of how
often its word is drawn. That ends where the full softmax would (Ma & Collins 2018, the ranking objective), as long
as a word that is drawn against itself stays: leaving it out would make frequent words too probable.
"""

import hashlib
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from asr.data.padded_budget import fill_batches
from asr.errors import TrainingError
from asr.language_model.recurrent import (
    END,
    SPECIAL_WORDS,
    UNKNOWN,
    RecurrentModel,
    RecurrentWeights,
)
from asr.model.checkpoint import read_torch, write_torch
from asr.training.recurrent_lm_config import RecurrentLmConfig
from asr.training.state import StopSignals

log = logging.getLogger(__name__)

# Negatives are drawn by unigram counts to this power, which gives rare words more to learn from.
_FLATTENED = 0.75
_LONGEST_TEXT = 100  # words; longer ones go on in the next text
_STATE_SECONDS = 300.0
_NEIGHBOURS = 20000  # texts, shuffled, of which those alike in length share a batch


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


class Progress(NamedTuple):
    """Where a training is: words learned from, of how many in all, and the loss of the last steps in nats."""

    words: int
    total: int
    loss: float


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
        others = torch.addmm(bias[negatives], queries, rows[negatives].T)
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
    """Train; go on where `state` is, if it is there.

    Args:
        lines: the text.
        config: shape and training.
        state: file of the state, written every five minutes and when a signal asks for an end; removed at the end.
        device: where to.
        progress: called after each step.

    Raises:
        TrainingError: the state is of another text or configuration, the loss is not finite, or a signal asked for
            an end, and the state was saved.
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
    total = max(1, round(config.epochs * (len(lines.ids) + _ends(lines, config))))
    key = _key(lines, config)
    behind, learned, epoch = _resume(state, key, network, optimizer)
    step, saved = behind, time.monotonic()
    network.train()
    with StopSignals() as signals:
        while learned < total:
            for number, texts in enumerate(batches(lines, config, epoch=epoch)):
                if learned >= total:
                    break
                if number < step:
                    continue
                torch.manual_seed(
                    int(np.random.SeedSequence((config.seed, epoch, number)).generate_state(1)[0])
                )
                read, come = _padded(texts)
                share = learned / total
                for group in optimizer.param_groups:
                    group["lr"] = config.learning_rate * min(1.0, 0.02 + 50 * share) * (1 - share)
                read, come = read.to(device), come.to(device)
                is_word = come >= 0
                negatives = torch.multinomial(drawn, config.negatives, replacement=True)
                loss = network.sampled_loss(network(read)[is_word], come[is_word], negatives, log_drawn)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise TrainingError(
                        f"the loss is {value} after {learned:,} words; take a lower learning rate (--learning-rate)"
                    )
                optimizer.step()
                learned += int(is_word.sum())
                step = number + 1
                progress(Progress(min(learned, total), total, value))
                if signals.stop or time.monotonic() - saved > _STATE_SECONDS:
                    record = {"key": key, "step": step, "learned": learned, "epoch": epoch}
                    weights = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
                    write_torch(state, {**record, **weights})
                    saved = time.monotonic()
                if signals.stop:
                    raise TrainingError(f"stopped by a signal; the same command goes on from {state}")
            epoch, step = epoch + 1, 0
    state.unlink(missing_ok=True)
    return network.model(lines.words)


def batches(lines: Lines, config: RecurrentLmConfig, *, epoch: int) -> Iterator[list[np.ndarray]]:
    """The texts of an epoch in batches, those alike in length together, in an order of its own."""
    generator = np.random.default_rng((config.seed, epoch))
    texts = _texts(lines, config, generator)
    order = generator.permutation(len(texts))
    for first in range(0, len(order), _NEIGHBOURS):
        near = sorted(order[first : first + _NEIGHBOURS].tolist(), key=lambda text: len(texts[text]))
        gathered = list(
            fill_batches(
                (texts[text] for text in near), lambda text: len(text) + 1, most=config.words_per_batch
            )
        )
        for batch in generator.permutation(len(gathered)).tolist():
            yield gathered[batch]


def _texts(lines: Lines, config: RecurrentLmConfig, generator: np.random.Generator) -> list[np.ndarray]:
    """Lines joined to texts."""
    starts, texts, at = lines.starts, [], 0
    wanted = (
        generator.integers(1, 2 * config.words_per_text + 1, len(starts)) if config.words_per_text else None
    )
    while at < len(starts) - 1:
        end = at + 1
        if wanted is not None:
            end = max(end, int(np.searchsorted(starts, starts[at] + wanted[at])))
            end = min(end, len(starts) - 1)
        joined = lines.ids[starts[at] : starts[end]]
        texts += [joined[first : first + _LONGEST_TEXT] for first in range(0, len(joined), _LONGEST_TEXT)]
        at = end
    return texts


def _ends(lines: Lines, config: RecurrentLmConfig) -> int:
    """About how many texts an epoch has."""
    return len(_texts(lines, config, np.random.default_rng((config.seed, 0))))


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


def _key(lines: Lines, config: RecurrentLmConfig) -> str:
    """What tells one training from another."""
    digest = hashlib.sha256(repr(sorted(asdict(config).items())).encode())
    digest.update("\n".join(lines.words).encode())
    digest.update(lines.ids.tobytes())
    digest.update(lines.starts.tobytes())
    return digest.hexdigest()


def _resume(
    state: Path, key: str, network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, int, int]:
    """Steps of the epoch and words behind, and the epoch."""
    if not state.exists():
        return 0, 0, 0
    record: dict[str, Any] = read_torch(state)
    if record.get("key") != key:
        raise TrainingError(
            f"{state}: left by a training with another text or other settings; go on with those, or remove the file"
        )
    network.load_state_dict(record["network"])
    optimizer.load_state_dict(record["optimizer"])
    log.info("going on after %d words, from %s", record["learned"], state)
    return record["step"], record["learned"], record["epoch"]
