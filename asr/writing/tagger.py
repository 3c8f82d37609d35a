"""A recurrent tagger: which mark stands behind each recognised word, and how the word is written.

Every word is the sum of what is known of it: an embedding where it is frequent, its first and last letters, how often it was
written with a capital within a sentence, the pause behind it. Two bidirectional LSTM layers read the words, and two softmaxes
choose mark and case. In use it runs in NumPy.
"""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.errors import WritingError
from asr.lstm_step import lstm_step
from asr.small_models import Kind, open_small_model, write_small_model
from asr.writing.casing import Casing
from asr.writing.published import ENDS, MARKS

CASES = ("small", "capital", "capitals", "own")  # "own": as `Lexicon.forms` has the word
LAYERS = 2
AFFIXES = 8192
LEVELS = 9  # how often a word has a capital: never to always in eight steps, or the word is not known
PAUSES = (0.05, 0.15, 0.3, 0.5, 0.8, 1.3)  # seconds between the classes of pauses; one class more: not known
PER_WORD = 7

_KIND = Kind("asr-tagger 1", "a tagger", "asr punctuation train", WritingError)
_WINDOW, _CONTEXT = 200, 40  # words that are read at a time, and more on either side
_SIDE_BY_SIDE = 32  # windows; more take more memory and little less time
# What is recorded ends with a sentence far more often than the texts of the training do (`TaggerConfig.cut`): 0.03 to 0.97 against
# 0.28 to 0.72, ln of the one through the other.
_WHOLE = 2.5
_WITHIN = [place for place, mark in enumerate(MARKS) if mark not in ENDS]


class Written(NamedTuple):
    """How a recognised word is written.

    Attributes:
        form: the word.
        mark: behind it, "" for none.
    """

    form: str
    mark: str


@dataclass(frozen=True)
class Lexicon:
    """What is known of words, all in small letters.

    Attributes:
        words: the known ones, the most frequent first; the first `embedded` have an embedding of their own.
        embedded: how many.
        levels: uint8, of each word: the share of its occurrences within sentences that have a capital, 0 to LEVELS - 2.
        forms: words with a way of their own of being written: mcdonald -> McDonald.
        signs: what stands for each mark in this language: `?` -> `؟`.
        language: ISO 639 code, for its capitals.
    """

    words: tuple[str, ...]
    embedded: int
    levels: np.ndarray
    forms: Mapping[str, str]
    signs: Mapping[str, str] = field(default_factory=dict)
    language: str = ""

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Word -> its place."""
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def casing(self) -> Casing:
        """Small letters and capitals of the language."""
        return Casing(self.language)

    @property
    def features(self) -> int:
        """Rows of the table that words are summed from."""
        return 1 + self.embedded + AFFIXES + LEVELS + len(PAUSES) + 2

    def describe(self, words: Sequence[str], pauses: np.ndarray | None = None) -> np.ndarray:
        """`(n, PER_WORD)` int32, the rows that each word is the sum of.

        Args:
            words: in any case.
            pauses: seconds of silence behind each of them, NaN where nobody knows.
        """
        rows = np.array([self._rows(word) for word in words], np.int32).reshape(len(words), PER_WORD)
        rows[:, -1] += pause_classes(np.full(len(words), np.nan) if pauses is None else pauses)
        return rows

    def _rows(self, word: str) -> list[int]:
        word = self.casing.small(word)
        number = self.numbers.get(word)
        affixes, levels = 1 + self.embedded, 1 + self.embedded + AFFIXES
        level = LEVELS - 1 if number is None else int(self.levels[number])
        return [
            1 + number if number is not None and number < self.embedded else 0,
            *(affixes + _hashed(kind, part) for kind, part in _parts(word)),
            levels + level,
            levels + LEVELS,
        ]


def pause_classes(seconds: np.ndarray) -> np.ndarray:
    """`(n,)` classes of pauses, 0 where the pause is NaN."""
    known = np.searchsorted(PAUSES, np.nan_to_num(seconds), side="right") + 1
    return np.where(np.isnan(seconds), 0, known).astype(np.int32)


def _parts(word: str) -> list[tuple[str, str]]:
    return [("<2", word[:2]), ("<3", word[:3]), ("2>", word[-2:]), ("3>", word[-3:])]


@lru_cache(maxsize=200_000)
def _hashed(kind: str, part: str) -> int:
    return zlib.crc32((kind + part).encode("utf-8", "surrogatepass")) % AFFIXES


class TaggerWeights(NamedTuple):
    """Float32. F rows, D the width of a word, H cells in each direction; gates in the order input, forget, cell, output.

    Attributes:
        table: `(F, D)`.
        from_input: for each layer and direction, forward first, `(4 H, D)` or `(4 H, 2 H)`.
        from_hidden: `(4 H, H)` each.
        gate_bias: `(4 H,)` each.
        marks: `(len(MARKS), 2 H)`.
        marks_bias: `(len(MARKS),)`.
        cases: `(len(CASES), 2 H)`.
        cases_bias: `(len(CASES),)`.
    """

    table: np.ndarray
    from_input: tuple[np.ndarray, ...]
    from_hidden: tuple[np.ndarray, ...]
    gate_bias: tuple[np.ndarray, ...]
    marks: np.ndarray
    marks_bias: np.ndarray
    cases: np.ndarray
    cases_bias: np.ndarray


@dataclass(frozen=True, eq=False)
class Tagger:
    """The tagger.

    Attributes:
        lexicon: what it knows of words.
        weights: its parameters.
    """

    lexicon: Lexicon
    weights: TaggerWeights

    def fingerprint(self) -> str:
        """The same for taggers that write the same."""
        texts = [
            self.lexicon.words,
            self.lexicon.embedded,
            [*self.lexicon.forms.items()],
            [*self.lexicon.signs.items()],
            self.lexicon.language,
        ]
        digest = hashlib.sha256(repr(texts).encode())
        for weights in (self.lexicon.levels, *_flat(self.weights).values()):
            digest.update(np.ascontiguousarray(weights).tobytes())
        return digest.hexdigest()[:16]

    def write(
        self, words: Sequence[str], pauses: np.ndarray | None = None, *, whole: bool = True
    ) -> list[Written]:
        """How each of n recognised words is written; behind a full stop, and where all begins, with a capital.

        Args:
            words: in any case.
            pauses: seconds of silence behind each word; NaN where nobody knows, as behind the last.
            whole: a recording or a text from its beginning to its end, which is as a rule the end of a sentence.
        """
        if not words:
            return []
        marks, cases = self.scores(words, pauses, whole=whole)
        written, begins = [], whole
        for word, mark, case in zip(
            words, marks.argmax(axis=1).tolist(), cases.argmax(axis=1).tolist(), strict=True
        ):
            form = self._form(word, CASES[max(case, 1) if begins else case])
            written.append(Written(form, self.lexicon.signs.get(MARKS[mark], MARKS[mark])))
            begins = MARKS[mark] == "."  # other marks end sentences or do not: "What? he said."
        return written

    def scores(
        self, words: Sequence[str], pauses: np.ndarray | None = None, *, whole: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits of n > 0 words, `(n, len(MARKS))` and `(n, len(CASES))`; arguments as of `write`."""
        w, count = self.weights, len(words)
        rows = self.lexicon.describe(words, pauses)
        # Windows read side by side, each with some words of its neighbours: where it begins and ends counts little then.
        at_once = count <= _WINDOW + 2 * _CONTEXT
        context, window = (0, count) if at_once else (_CONTEXT, _WINDOW)
        places = np.arange(0, count, window)[:, None] + np.arange(-context, window + context)
        own = np.concatenate(
            [
                self._read(rows, places[first : first + _SIDE_BY_SIDE])[:, context : context + window]
                for first in range(0, len(places), _SIDE_BY_SIDE)
            ]
        ).reshape(-1, w.marks.shape[1])[:count]
        marks, cases = own @ w.marks.T + w.marks_bias, own @ w.cases.T + w.cases_bias
        if whole:
            marks[-1, _WITHIN] -= _WHOLE
        return marks, cases

    def _read(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """What the last layer says of the words at `(W, L)` places, some of which are before the first word or behind the last; `(W, L, 2 H)`."""
        inside = (places >= 0) & (places < len(rows))
        read = self.weights.table[rows[np.clip(places, 0, len(rows) - 1)]].sum(axis=2)  # (W, L, D)
        for layer in range(LAYERS):
            forward = self._run(2 * layer, read, inside)
            backward = self._run(2 * layer + 1, read[:, ::-1], inside[:, ::-1])[:, ::-1]
            read = np.concatenate([forward, backward], axis=2)
        return read

    def _run(self, number: int, read: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """One direction of a layer over `(W, L, D)`, at rest where nothing is inside; `(W, L, H)`."""
        from_hidden = self.weights.from_hidden[number]
        gates = read @ self.weights.from_input[number].T + self.weights.gate_bias[number]
        count, length = inside.shape
        hidden = np.zeros((count, from_hidden.shape[1]), np.float32)
        cell, found = hidden, np.zeros((count, length, hidden.shape[1]), np.float32)
        for step in range(length):
            states = lstm_step(gates[:, step] + hidden @ from_hidden.T, cell)
            hidden, cell = (np.where(inside[:, step, None], state, 0) for state in states)
            found[:, step] = hidden
        return found

    def _form(self, word: str, case: str) -> str:
        casing = self.lexicon.casing
        small = casing.small(word)
        if case == "own" and small in self.lexicon.forms:
            return self.lexicon.forms[small]
        if case == "small":
            return small
        return casing.capitals(small) if case == "capitals" else casing.capital(small)


def write_tagger(path: str | Path, tagger: Tagger) -> None:
    """Write a tagger, atomically, its matrices in 8 bits. Raises AsrError when the file cannot be written."""
    lexicon, weights = tagger.lexicon, tagger.weights
    texts = {
        "words": "\n".join(lexicon.words),
        "forms": "\n".join(f"{word}\t{form}" for word, form in lexicon.forms.items()),
        "signs": "\n".join(f"{mark}\t{sign}" for mark, sign in lexicon.signs.items()),
        "language": lexicon.language,
    }
    numbers = {"embedded": np.array(lexicon.embedded), "levels": lexicon.levels}
    write_small_model(path, _KIND, texts=texts, numbers=numbers, weights=_flat(weights))


def read_tagger(path: str | Path) -> Tagger:
    """Read a tagger. Raises WritingError for what `write_tagger` did not write."""
    with open_small_model(path, _KIND) as file:
        words, forms, signs = (file.text(name).split("\n") for name in ("words", "forms", "signs"))
        lexicon = Lexicon(
            tuple(words),
            int(file.numbers("embedded")),
            file.numbers("levels"),
            dict(line.split("\t") for line in forms if line),
            dict(line.split("\t") for line in signs if line),
            file.text("language"),
        )
        names = _flat_names()
        weights = _nested({name: file.weights(name) for name in names})
    if weights.table.shape[0] != lexicon.features or len(lexicon.levels) != len(words):
        raise WritingError(
            f"{path}: {weights.table.shape[0]} rows for {lexicon.features} features; the file is broken"
        )
    return Tagger(lexicon, weights)


def _flat(weights: TaggerWeights) -> dict[str, np.ndarray]:
    flat = {}
    for name, value in weights._asdict().items():
        if isinstance(value, tuple):
            flat.update({f"{name}_{number}": part for number, part in enumerate(value)})
        else:
            flat[name] = value
    return flat


def _flat_names() -> list[str]:
    many = {"from_input", "from_hidden", "gate_bias"}
    return [
        part
        for name in TaggerWeights._fields
        for part in ([f"{name}_{number}" for number in range(2 * LAYERS)] if name in many else [name])
    ]


def _nested(flat: Mapping[str, np.ndarray]) -> TaggerWeights:
    parts = {
        name: flat[name] if name in flat else tuple(flat[f"{name}_{number}"] for number in range(2 * LAYERS))
        for name in TaggerWeights._fields
    }
    return TaggerWeights(**parts)  # type: ignore[arg-type]
