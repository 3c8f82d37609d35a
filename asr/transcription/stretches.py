"""A long recording -> stretches of speech between pauses, each as long as an utterance, in bounded memory.

A network that was trained on utterances recognises utterances best: their features are normalised over
themselves, and an LSTM that hears minutes on end hears what training never had. So a long recording is cut
where nobody speaks, and each stretch goes through the network as an utterance would.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asr.errors import UsageError
from asr.options import option


@dataclass(frozen=True, slots=True)
class StretchRules:
    """Where a recording is cut.

    Attributes:
        margin: seconds kept before and after the speech; at most half the pause.
        longest: seconds of a stretch at most; a longer one is cut at its widest gap.
    """

    pause: float = option(
        1.0, "seconds without speech at which a long recording is cut", name="cut_pause", metavar="S"
    )
    margin: float = 0.5
    longest: float = 30.0

    def __post_init__(self) -> None:
        if not (self.pause > 0 and 0 <= self.margin <= self.pause / 2 and self.longest > self.pause):
            raise UsageError(
                f"stretches of at most {self.longest} s, cut at pauses of {self.pause} s with {self.margin} s kept; "
                "expected a margin of at most half a pause, and a pause shorter than a stretch"
            )


class Activity(NamedTuple):
    """Whether somebody speaks, frame after frame.

    Attributes:
        speech: `(T,)` bool.
        step: samples from one frame to the next.
    """

    speech: np.ndarray
    step: int


class Stretch(NamedTuple):
    """A piece of a recording in which somebody speaks: its first sample, and its `(N,)` waveform."""

    first: int
    waveform: np.ndarray


# Blocks of a waveform -> activity, piece by piece; frame t of it all begins at sample t x step.
Detector = Callable[[Iterable[np.ndarray]], Iterator[Activity]]

Run = tuple[int, int]  # first sample, and the one after the last


def cut_stretches(
    blocks: Iterable[np.ndarray], detect: Detector, *, rules: StretchRules, sample_rate: int
) -> Iterator[Stretch]:
    """The stretches of speech of a waveform that comes in blocks; those of a silent one are none.

    Holds what the detector looks ahead, and one stretch.
    """
    tape = _Tape(blocks)
    for first, last in _gather(detect(tape), rules=rules, sample_rate=sample_rate, forget=tape.forget):
        yield Stretch(first, tape.cut(first, last))


def _gather(
    activities: Iterator[Activity],
    *,
    rules: StretchRules,
    sample_rate: int,
    forget: Callable[[int], None],
) -> Iterator[Run]:
    """Runs of speech with their margins: those less than a pause apart as one, none longer than allowed."""
    pause, longest = round(rules.pause * sample_rate), round(rules.longest * sample_rate)
    margin = round(rules.margin * sample_rate)
    open_runs: list[Run] = []
    border = 0  # before it the next stretch does not begin: it was cut off there
    at = 0
    for speech, step in activities:
        for first, last in _runs(speech):
            run = (at + first * step, at + last * step)
            if open_runs and run[0] - open_runs[-1][1] >= pause:
                yield max(border, open_runs[0][0] - margin), open_runs[-1][1] + margin
                open_runs = []
            if open_runs and run[0] <= open_runs[-1][1]:  # goes on from the piece before
                run = (open_runs.pop()[0], run[1])
            open_runs.append(run)
            while open_runs[-1][1] - open_runs[0][0] > longest:
                head, open_runs = _split(open_runs, longest)
                # Of a gap that is too narrow for two margins each side has half.
                middle = (head[1] + open_runs[0][0]) // 2
                yield max(border, head[0] - margin), min(middle, head[1] + margin)
                border = middle
        at += len(speech) * step
        if open_runs and at - open_runs[-1][1] >= pause:
            yield max(border, open_runs[0][0] - margin), open_runs[-1][1] + margin
            open_runs = []
        forget((open_runs[0][0] if open_runs else at) - margin)
    if open_runs:
        yield max(border, open_runs[0][0] - margin), open_runs[-1][1] + margin


def _split(runs: list[Run], longest: int) -> tuple[Run, list[Run]]:
    """Cut runs that are too long together: at the widest gap, later ones before earlier ones of the same width.

    A single run is cut after `longest` samples.
    """
    begin = runs[0][0]
    # Where the first piece is at least a third of what it may be; else anywhere.
    gaps = [
        (runs[index][0] - runs[index - 1][1], index)
        for index in range(1, len(runs))
        if runs[index - 1][1] - begin <= longest
    ]
    late = [gap for gap in gaps if 3 * (runs[gap[1] - 1][1] - begin) >= longest]
    if gaps:
        _, index = max(late or gaps)
        return (begin, runs[index - 1][1]), runs[index:]
    first, last = runs[0]
    return (first, first + longest), [(first + longest, last), *runs[1:]]


def _runs(speech: np.ndarray) -> list[Run]:
    """First frame, and frame after the last, of each run of speech."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speech.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


class _Tape:
    """The blocks of a waveform as they are taken, kept until they are forgotten."""

    def __init__(self, blocks: Iterable[np.ndarray]) -> None:
        self._blocks = iter(blocks)
        self._kept: deque[np.ndarray] = deque()
        self._first = 0  # sample that the first kept block begins with

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self._blocks:
            self._kept.append(block)
            yield block

    def forget(self, sample: int) -> None:
        """Drop whole blocks before a sample."""
        while self._kept and self._first + len(self._kept[0]) <= sample:
            self._first += len(self._kept.popleft())

    def cut(self, first: int, last: int) -> np.ndarray:
        """A copy of the samples from `first` to before `last`, as far as there are."""
        at, pieces = self._first, []
        for block in self._kept:
            pieces.append(block[max(0, first - at) : max(0, last - at)])
            at += len(block)
        return np.concatenate(pieces) if pieces else np.empty(0, np.float32)
