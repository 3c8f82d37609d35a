"""Training of a tagger: text as it is published -> `asr.writing.tagger.Tagger`."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from asr.errors import TrainingError
from asr.model.precision import autocast, resolve_precision
from asr.model.recurrent.fused import FusedLayer
from asr.training.steps import Progress, Steps, training_key
from asr.training.tagger_config import TaggerConfig
from asr.training.texts import text_batches
from asr.writing.casing import Casing
from asr.writing.published import ENDS, MARKS, PublishedWord
from asr.writing.tagger import CASES, LAYERS, LEVELS, Lexicon, Tagger, TaggerWeights

_SMALL, _CAPITAL, _CAPITALS, _OWN = range(len(CASES))
_ENDS = [place for place, mark in enumerate(MARKS) if mark in ENDS]
_PLACES = {mark: place for place, mark in enumerate(MARKS)}
_OWN_LEAST = 3  # times that a word has to be seen written in a way of its own
_WITHOUT_PAUSES = 0.5  # share of the texts
_CUT_WORDS = 30  # at either end of a text, at most
_NOT_HEARD = "aeiouyhw"  # what sounds alike differs in these


class TaggedText(NamedTuple):
    """A text as numbers.

    Attributes:
        lexicon: of its words.
        words: int32, of every word its place among `spellings`.
        spellings: all words, in small letters.
        marks: int8, of every word its place in MARKS.
        cases: int8, of every word its place in CASES.
        starts: `(sentences + 1,)` int64, where each sentence begins.
    """

    lexicon: Lexicon
    words: np.ndarray
    spellings: tuple[str, ...]
    marks: np.ndarray
    cases: np.ndarray
    starts: np.ndarray


def read_tagged(
    sentences: Iterable[Sequence[PublishedWord]], config: TaggerConfig, *, language: str = ""
) -> TaggedText:
    """Number a text. Raises TrainingError when there is nothing in it."""
    counts = _Counts(Casing(language))
    rows = [counts.number(sentence) for sentence in sentences if sentence]
    if not rows:
        raise TrainingError(
            "no sentences in the text; expected text as it is published, with marks, and without digits"
        )
    words, marks, cases = np.concatenate(rows, axis=1)
    lexicon = counts.lexicon(words, config)
    spellings, cases = tuple(counts.numbers), cases.astype(np.int8)
    # Words whose own way of being written is not kept have a capital at their beginning.
    kept = np.array([spelling in lexicon.forms for spelling in spellings])
    cases[(cases == _OWN) & ~kept[words]] = _CAPITAL
    starts = np.concatenate([[0], np.cumsum([row.shape[1] for row in rows])])
    return TaggedText(lexicon, words, spellings, marks.astype(np.int8), cases, starts)


class _Counts:
    """What is counted while a text is read."""

    def __init__(self, casing: Casing) -> None:
        self.casing = casing
        self.numbers: dict[str, int] = {}
        self._known: dict[str, tuple[int, int]] = {}
        self._within, self._capital = Counter[int](), Counter[int]()
        self._own: dict[int, Counter[str]] = defaultdict(Counter)
        self._signs: dict[str, Counter[str]] = defaultdict(Counter)

    def number(self, sentence: Sequence[PublishedWord]) -> np.ndarray:
        """`(3, n)` int32: words, marks, cases."""
        rows = np.empty((3, len(sentence)), np.int32)
        begins = True
        for place, (form, mark, sign) in enumerate(sentence):
            if form not in self._known:
                small = self.casing.small(form)
                number = self.numbers.setdefault(small, len(self.numbers))
                self._known[form] = number, _case(form, small, self.casing)
            number, case = self._known[form]
            rows[:, place] = number, _PLACES[mark], case
            if not begins:
                self._within[number] += 1
                self._capital[number] += case != _SMALL
            if case == _OWN:
                self._own[number][form] += 1
            if sign:
                self._signs[mark][sign] += 1
            begins = mark in ENDS
        return rows

    def lexicon(self, text: np.ndarray, config: TaggerConfig) -> Lexicon:
        spellings = tuple(self.numbers)
        counts = np.bincount(text, minlength=len(spellings))
        kept = np.argsort(-counts, kind="stable")[: config.known].tolist()
        shares = [
            round((LEVELS - 2) * self._capital[number] / max(1, self._within[number])) for number in kept
        ]
        own = {spellings[number]: found.most_common(1)[0] for number, found in self._own.items()}
        return Lexicon(
            tuple(spellings[number] for number in kept),
            min(config.embedded, len(kept)),
            np.array(shares, np.uint8),
            {small: form for small, (form, times) in own.items() if times >= _OWN_LEAST},
            {mark: found.most_common(1)[0][0] for mark, found in self._signs.items()},
            self.casing.language,
        )


def _case(form: str, small: str, casing: Casing) -> int:
    if form == small:
        return _SMALL
    if form == casing.capital(small):
        return _CAPITAL
    return _CAPITALS if form == casing.capitals(small) else _OWN


class TaggerNetwork(nn.Module):
    """The network of `Tagger`, to be trained."""

    def __init__(self, config: TaggerConfig, features: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(features, config.width, mode="sum")
        nn.init.normal_(self.table.weight, std=0.1)
        sizes = [config.width, *[2 * config.cells] * (LAYERS - 1)]
        self.layers = nn.ModuleList(FusedLayer("lstm", size, config.cells) for size in sizes)
        self.marks = nn.Linear(2 * config.cells, len(MARKS))
        self.cases = nn.Linear(2 * config.cells, len(CASES))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, rows: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`(n, PER_WORD)` rows of the table, of texts of these lengths -> `(n, 7)` and `(n, 4)` logits, in order."""
        read = nn.utils.rnn.pad_sequence(self.table(rows).split(lengths.tolist()), batch_first=True)
        for layer in self.layers:
            read = layer(self.dropout(read), lengths)
        is_word = torch.arange(read.shape[1])[None] < lengths[:, None]
        read = self.dropout(read[is_word])
        return self.marks(read), self.cases(read)

    def weights(self) -> TaggerWeights:
        """As they are used."""
        layers = [
            weights
            for layer in self.layers
            if isinstance(layer, FusedLayer)
            for weights in layer.module.all_weights
        ]
        parts = (
            self.table.weight,
            tuple(layer[0] for layer in layers),
            tuple(layer[1] for layer in layers),
            tuple(layer[2] + layer[3] for layer in layers),
            self.marks.weight,
            self.marks.bias,
            self.cases.weight,
            self.cases.bias,
        )
        return TaggerWeights(
            *(tuple(map(_numpy, part)) if isinstance(part, tuple) else _numpy(part) for part in parts)  # type: ignore[arg-type]
        )


def _numpy(part: Tensor) -> np.ndarray:
    array: np.ndarray = part.detach().cpu().numpy().copy()
    return array


def train_tagger(
    text: TaggedText,
    config: TaggerConfig,
    *,
    state: Path,
    pauses: np.ndarray | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Tagger:
    """Train, in bfloat16 on a CPU that multiplies it in hardware; go on where `state` is, if it is there.

    Args:
        text: as it is published.
        config: shape and training.
        state: file of the state, as `Steps` has it.
        pauses: how long those behind each mark are (`pause_shares`); with them, half of the texts have pauses, drawn for every word.
        progress: called after each step.

    Raises:
        TrainingError: as `Steps.run` has it.
    """
    torch.manual_seed(config.seed)
    network = TaggerNetwork(config, text.lexicon.features)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True
    )
    device = torch.device("cpu")
    rows = text.lexicon.describe(text.spellings)
    errors = Errors(text, config, pauses)
    places = np.arange(len(text.words), dtype=np.int64)

    def loss(texts: list[np.ndarray]) -> tuple[Tensor, int]:
        misheard = [errors.mishear(part) for part in texts]
        lengths = torch.tensor([len(part.words) for part in misheard])
        words, marks, cases, silences = (np.concatenate(parts) for parts in zip(*misheard, strict=True))
        read = rows[words]
        read[:, -1] += silences
        with autocast(device, "auto"):
            found = network(torch.from_numpy(read).long(), lengths)
        wanted = (torch.from_numpy(part.astype(np.int64)) for part in (marks, cases))
        losses = [
            nn.functional.cross_entropy(of.float(), come) for of, come in zip(found, wanted, strict=True)
        ]
        return losses[0] + losses[1], sum(map(len, texts))

    Steps(
        network,
        optimizer,
        batches=lambda epoch: text_batches(places, text.starts, config, epoch=epoch),
        loss=loss,
        total=max(1, round(config.epochs * len(text.words))),
        learning_rate=config.learning_rate,
        seed=config.seed,
        state=state,
        key=training_key(
            config,
            (
                b"" if pauses is None else pauses.tobytes(),
                resolve_precision("auto", device).encode(),
                "\n".join(text.spellings).encode(),
                *(part.tobytes() for part in (text.words, text.marks, text.cases, text.starts)),
            ),
        ),
    ).run(progress)
    return Tagger(text.lexicon, network.eval().weights())


class Misheard(NamedTuple):
    """A text with errors: `(n,)` words, marks, cases, and classes of pauses."""

    words: np.ndarray
    marks: np.ndarray
    cases: np.ndarray
    silences: np.ndarray


class Errors:
    """Errors as recognition makes them, and pauses as speakers make them, drawn from PyTorch's generator."""

    def __init__(self, text: TaggedText, config: TaggerConfig, pauses: np.ndarray | None = None) -> None:
        self._text = text
        self._pauses = None if pauses is None else np.cumsum(pauses, axis=1)[:, :-1]
        self._replaced, self._deleted, self._cut = config.replaced, config.deleted, config.cut
        sounds: dict[str, list[int]] = defaultdict(list)
        self._alike: list[list[int]] = []
        for number, spelling in enumerate(text.spellings):
            alike = sounds[sound(spelling)]
            alike.append(number)
            self._alike.append(alike)

    def mishear(self, places: np.ndarray) -> Misheard:
        """The words at `(n,)` places, some of them replaced or left out, of some texts the first and last ones; at least one stays."""
        if float(torch.rand(())) < self._cut:
            first, last = torch.randint(min(_CUT_WORDS, (len(places) + 1) // 2), (2,)).tolist()
            places = places[first : len(places) - last]
        words, marks, cases = (
            part[places].copy() for part in (self._text.words, self._text.marks, self._text.cases)
        )
        chance = torch.rand(2, len(places)).numpy()
        for place in np.flatnonzero(chance[0] < self._replaced).tolist():
            alike = self._alike[words[place]]
            others = alike if len(alike) > 1 else self._text.words  # a frequent word then, most often
            words[place] = others[int(torch.randint(len(others), ()))]
            begins = place == 0 or MARKS[marks[place - 1]] in ENDS
            cases[place] = _CAPITAL if begins else _SMALL
        lost = chance[1] < self._deleted
        lost[int(torch.randint(len(places), ()))] = False
        begin = np.append(True, np.isin(marks[:-1], _ENDS))
        for place in np.flatnonzero(lost).tolist():
            before, behind = (np.flatnonzero(~part) for part in (lost[:place], lost[place:]))
            if begin[place] and len(behind):
                cases[place + behind[0]] = max(cases[place + behind[0]], _CAPITAL)
            if len(before) and not marks[before[-1]]:
                marks[before[-1]] = marks[place]
        words, marks, cases = words[~lost], marks[~lost], cases[~lost]
        return Misheard(words, marks, cases, self._silences(marks))

    def _silences(self, marks: np.ndarray) -> np.ndarray:
        """Classes of pauses behind words with these marks, of half of the texts; 0, not known, of the others, and behind the last."""
        if self._pauses is None or float(torch.rand(())) < _WITHOUT_PAUSES:
            return np.zeros(len(marks), np.int32)
        chance = torch.rand(len(marks), 1).numpy()
        silences = 1 + (chance > self._pauses[marks]).sum(axis=1)
        silences[-1] = 0
        return silences.astype(np.int32)


def sound(word: str) -> str:
    """What words that are taken for each other share: `their` and `there`."""
    letters = word[:1] + "".join(letter for letter in word[1:] if letter not in _NOT_HEARD)
    return "".join(letter for place, letter in enumerate(letters) if letters[place - 1 : place] != letter)
