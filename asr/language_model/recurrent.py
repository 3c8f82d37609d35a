"""A recurrent language model of words (Mikolov et al. 2010; with LSTM cells Sundermeyer, Schlüter & Ney 2012).

One LSTM layer reads the words, embedded; its hidden state, projected to the width of the embeddings, is
compared with all of them (tied weights, Press & Wolf 2017), and a softmax makes probabilities of that. It knows
a shortlist, the most frequent words; every other word is `<unk>` to it. In use it runs in NumPy.

A file is a NumPy archive. Matrices are kept in 8 bits with a scale for each row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.errors import LanguageModelError
from asr.lstm_step import lstm_step
from asr.small_models import Kind, open_small_model, write_small_model

UNKNOWN, END = 0, 1
SPECIAL_WORDS = ("<unk>", "</s>")
_KIND = Kind("asr-recurrent-lm 1", "a recurrent language model", "asr lm train-recurrent", LanguageModelError)


class RecurrentWeights(NamedTuple):
    """Float32. K words, D the width of embeddings, H cells; gates in the order input, forget, cell, output.

    Attributes:
        embedding: `(K, D)`, of words read and of words to come.
        bias: `(K,)` of the softmax.
        from_input, from_hidden, gate_bias: `(4 H, D)`, `(4 H, H)`, `(4 H,)` of the LSTM.
        projection, projection_bias: `(D, H)`, `(D,)`.
    """

    embedding: np.ndarray
    bias: np.ndarray
    from_input: np.ndarray
    from_hidden: np.ndarray
    gate_bias: np.ndarray
    projection: np.ndarray
    projection_bias: np.ndarray


class RecurrentState(NamedTuple):
    """Of n histories: `(n, H)` hidden states and cells."""

    hidden: np.ndarray
    cell: np.ndarray


@dataclass(frozen=True, eq=False)
class RecurrentModel:
    """A recurrent language model.

    Attributes:
        words: spelling of every id; the first two are `<unk>` and `</s>`.
        weights: its parameters.
    """

    words: tuple[str, ...]
    weights: RecurrentWeights

    @cached_property
    def index(self) -> dict[str, int]:
        """Word -> id."""
        return {word: number for number, word in enumerate(self.words)}

    def start(self) -> RecurrentState:
        """The state at the beginning of a text, `(1, H)`: the end of another one has been read."""
        nothing = np.zeros((1, self.weights.from_hidden.shape[1]), np.float32)
        return self.advance(RecurrentState(nothing, nothing), np.array([END]))

    def advance(self, state: RecurrentState, words: np.ndarray) -> RecurrentState:
        """The state of n histories once each has been followed by one of `(n,)` word ids."""
        w = self.weights
        gates = w.embedding[words] @ w.from_input.T + state.hidden @ w.from_hidden.T + w.gate_bias
        return RecurrentState(*lstm_step(gates, state.cell))

    def queries(self, state: RecurrentState) -> np.ndarray:
        """What the embeddings of the words to come are compared with, `(n, D)`."""
        return np.asarray(state.hidden @ self.weights.projection.T + self.weights.projection_bias)

    def log_norms(self, queries: np.ndarray) -> np.ndarray:
        """`(n,)` natural logs of the softmax's denominators."""
        logits = queries @ self.weights.embedding.T + self.weights.bias  # (n, D) x (D, K) -> (n, K)
        highest = logits.max(axis=1, keepdims=True)
        np.exp(logits - highest, out=logits)
        return np.asarray(highest[:, 0] + np.log(logits.sum(axis=1)))

    def score_words(self, words: Sequence[str]) -> list[float]:
        """Natural-log probability of each word of a text and of its end, `<unk>` in place of unknown words."""
        ids = [*(self.index.get(word, UNKNOWN) for word in words), END]
        state, scores = self.start(), []
        for word in ids:
            query = self.queries(state)
            score = query @ self.weights.embedding[word] + self.weights.bias[word] - self.log_norms(query)
            scores.append(float(score[0]))
            state = self.advance(state, np.array([word]))
        return scores


def write_recurrent_model(path: str | Path, model: RecurrentModel) -> None:
    """Write a model, atomically. Raises AsrError when the file cannot be written."""
    write_small_model(path, _KIND, texts={"words": "\n".join(model.words)}, weights=model.weights._asdict())


def read_recurrent_model(path: str | Path) -> RecurrentModel:
    """Read a model.

    Raises:
        LanguageModelError: cannot be read, or not what `write_recurrent_model` wrote.
    """
    with open_small_model(path, _KIND) as file:
        words = tuple(file.text("words").split("\n"))
        weights = RecurrentWeights(*(file.weights(name) for name in RecurrentWeights._fields))
    _check_shapes(path, words, weights)
    return RecurrentModel(words, weights)


def check_recurrent_model(path: str | Path) -> None:
    """Look at a file's first entry alone. Raises LanguageModelError as `read_recurrent_model`, but for what comes after it."""
    with open_small_model(path, _KIND):
        pass


def _check_shapes(path: str | Path, words: Sequence[str], weights: RecurrentWeights) -> None:
    count, width = weights.embedding.shape
    cells = weights.from_hidden.shape[1]
    wanted = {
        "bias": (count,),
        "from_input": (4 * cells, width),
        "from_hidden": (4 * cells, cells),
        "gate_bias": (4 * cells,),
        "projection": (width, cells),
        "projection_bias": (width,),
    }
    for name, shape in wanted.items():
        array = getattr(weights, name)
        if array.shape != shape:
            raise LanguageModelError(f"{path}: {name} of shape {array.shape}; expected {shape}")
    if len(words) != count or tuple(words[:2]) != SPECIAL_WORDS:
        raise LanguageModelError(f"{path}: {len(words)} words for {count} embeddings; the file is broken")
