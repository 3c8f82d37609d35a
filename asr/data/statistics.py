"""What a manifest holds: hours, speakers, durations, speaking rates, alphabet, vocabulary.

Utterances are counted as they pass: 8 bytes are kept of each, and what there is of words, characters and
speakers, so that a manifest of millions needs no memory of millions of utterances.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from asr.data.manifest import Utterance
from asr.files import write_atomically

_PERCENTILES = {"min": 0, "p5": 5, "median": 50, "p95": 95, "max": 100}


@dataclass
class Statistics:
    """Counts over utterances; `add` takes another one.

    Attributes:
        seconds: of speech.
        durations: seconds of each utterance.
        rates: characters a second of each utterance.
        untranscribed: utterances without transcript.
        words, characters: how often each occurs.
        speakers: seconds of each; utterances of unknown speakers are left out.
    """

    seconds: float = 0.0
    durations: "array[float]" = field(default_factory=lambda: array("f"))
    rates: "array[float]" = field(default_factory=lambda: array("f"))
    untranscribed: int = 0
    words: Counter[str] = field(default_factory=Counter)
    characters: Counter[str] = field(default_factory=Counter)
    speakers: dict[str, float] = field(default_factory=dict)

    def add(self, utterance: Utterance) -> None:
        """Count one utterance."""
        text = utterance.text or ""
        self.seconds += utterance.duration
        self.durations.append(utterance.duration)
        self.rates.append(len(text) / utterance.duration)
        self.untranscribed += utterance.text is None
        self.words.update(text.split())
        self.characters.update(text)
        if utterance.speaker is not None:
            self.speakers[utterance.speaker] = self.speakers.get(utterance.speaker, 0.0) + utterance.duration

    @property
    def utterances(self) -> int:
        """How many were counted."""
        return len(self.durations)

    @property
    def alphabet(self) -> str:
        """Every character that occurs, sorted."""
        return "".join(sorted(self.characters))


class OutOfVocabulary(NamedTuple):
    """Words of one manifest that another lacks.

    Attributes:
        types: different words.
        tokens: occurrences of them.
        share: of all occurrences of words.
        frequent: the most frequent ones, with their occurrences.
        characters: characters that the other manifest lacks.
    """

    types: int
    tokens: int
    share: float
    frequent: list[tuple[str, int]]
    characters: str


def collect(utterances: Iterable[Utterance]) -> Statistics:
    """Statistics of some utterances."""
    statistics = Statistics()
    for utterance in utterances:
        statistics.add(utterance)
    return statistics


def out_of_vocabulary(statistics: Statistics, known: Statistics, *, frequent: int = 10) -> OutOfVocabulary:
    """What of `statistics` is not in `known`: there, a recogniser trained on `known` has to spell new words."""
    unknown = Counter({word: count for word, count in statistics.words.items() if word not in known.words})
    tokens = unknown.total()
    # Ties in the order of the alphabet, so that the answer does not hang on the order of lines.
    ranked = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    return OutOfVocabulary(
        types=len(unknown),
        tokens=tokens,
        share=tokens / max(1, statistics.words.total()),
        frequent=ranked[:frequent],
        characters="".join(sorted(set(statistics.characters) - set(known.characters))),
    )


def headline(statistics: Statistics) -> str:
    """Utterances, hours, speakers, words and alphabet in one line."""
    spread = ""
    if statistics.utterances:
        spread = f" ({min(statistics.durations):.2f} to {max(statistics.durations):.2f} s)"
    return (
        f"{statistics.utterances:,} utterances, {statistics.seconds / 3600:.3f} h{spread}, "
        f"{len(statistics.speakers) or 'unknown'} speakers, {statistics.words.total():,} words, "
        f"alphabet {statistics.alphabet!r}"
    )


def report(statistics: Statistics) -> str:
    """Several lines: the headline, vocabulary, speakers, and histograms of durations and speaking rates."""
    lines = [
        headline(statistics),
        f"  vocabulary {len(statistics.words):,} words, {len(statistics.alphabet)} characters",
    ]
    if statistics.untranscribed:
        lines.append(f"  without transcript: {statistics.untranscribed:,} utterances")
    if statistics.speakers:
        minutes = sorted(seconds / 60 for seconds in statistics.speakers.values())
        lines.append(
            f"  minutes a speaker: {minutes[0]:.1f} to {minutes[-1]:.1f}, mean {np.mean(minutes):.1f}"
        )
    for name, unit, values in _panels(statistics):
        lines.append(f"  {name}: {_summary(values)} {unit}")
        lines.append(text_histogram(values, unit=unit))
    return "\n".join(lines)


def as_record(statistics: Statistics, *, words: int = 50) -> dict[str, Any]:
    """The same as plain values for JSON, with the most frequent words."""
    record: dict[str, Any] = {
        "utterances": statistics.utterances,
        "hours": round(statistics.seconds / 3600, 4),
        "without_transcript": statistics.untranscribed,
        "speakers": len(statistics.speakers),
        "words": statistics.words.total(),
        "vocabulary": len(statistics.words),
        "alphabet": statistics.alphabet,
        "frequent_words": dict(
            sorted(statistics.words.items(), key=lambda item: (-item[1], item[0]))[:words]
        ),
    }
    for name, unit, values in _panels(statistics):
        counts, edges = _histogram(values, bins=40)
        record[name.replace(" ", "_")] = {
            "unit": unit,
            **{key: round(float(np.percentile(values, at)), 3) for key, at in _PERCENTILES.items()},
            "mean": round(float(np.mean(values)), 3),
            "histogram": {"edges": [round(float(edge), 4) for edge in edges], "counts": counts.tolist()},
        }
    return record


def text_histogram(values: Sequence[float] | np.ndarray, *, unit: str) -> str:
    """A histogram as lines of text, equal bins from 0 to the largest value."""
    counts, edges = _histogram(values, bins=10)
    lines = []
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        bar = "#" * round(40 * count / max(1, counts.max()))
        lines.append(f"  {low:6.1f} to {high:6.1f} {unit}  {count:8,d}  {bar}".rstrip())
    return "\n".join(lines)


def draw_statistics(path: Path, splits: Mapping[str, Statistics]) -> None:
    """Durations and speaking rates of each split, one row a split, as a PNG, written atomically."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2 * len(splits)), layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subplots(len(splits), 2, squeeze=False)
    for (split, statistics), row in zip(splits.items(), rows, strict=True):
        for (name, unit, values), panel in zip(_panels(statistics), row, strict=True):
            counts, edges = _histogram(values, bins=40)
            panel.stairs(counts, edges, fill=True)
            panel.set(title=f"{split}: {name}", xlabel=unit, ylabel="utterances")
    with write_atomically(path, mode="wb") as file:
        figure.savefig(file, format="png", dpi=110)


def _panels(statistics: Statistics) -> list[tuple[str, str, np.ndarray]]:
    """Name, unit and values of what is worth a histogram."""
    return [
        ("duration", "s", np.frombuffer(statistics.durations, dtype=np.float32)),
        ("speaking rate", "characters/s", np.frombuffer(statistics.rates, dtype=np.float32)),
    ]


def _histogram(values: Sequence[float] | np.ndarray, *, bins: int) -> tuple[np.ndarray, np.ndarray]:
    top = float(np.max(values)) if len(values) else 0.0
    return np.histogram(values, bins=bins, range=(0.0, top or 1.0))


def _summary(values: np.ndarray) -> str:
    if not len(values):
        return "none"
    points = [f"{key} {np.percentile(values, at):.2f}" for key, at in _PERCENTILES.items()]
    return f"mean {np.mean(values):.2f}, {', '.join(points)}"
