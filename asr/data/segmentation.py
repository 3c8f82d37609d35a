"""Long utterances cut into short ones, at pauses between words whose times are known.

A recurrent network costs as much for one utterance of twelve seconds as for three of four, but from the
three it learns three times: with few utterances a step, short ones give a training more steps in the same
time. Where the words are, forced alignment tells; this module chooses among the pauses between them.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asr.errors import ConfigError

STEP = 0.01  # seconds from one energy frame to the next
_SMOOTHING = 5  # energy frames
_SMALLEST_RANGE = 5.0  # dB: from its floor to its median the energy of speech rises more than this


@dataclass(frozen=True)
class SegmentationConfig:
    """Where to cut.

    Attributes:
        seconds: how long the pieces should be; they come out near it where there are pauses, and longer
            where there are none.
        shortest: no piece is shorter.
        longer_than: only utterances longer than this are cut.
        gap: shortest stretch between the end of a word and the beginning of the next where a cut may be.
        quiet: how loud a cut may be: 0 is the quietest moment of the utterance, 1 its median (in dB).
    """

    seconds: float = 4.0
    shortest: float = 1.5
    longer_than: float = 7.0
    gap: float = 0.08
    quiet: float = 0.45

    def __post_init__(self) -> None:
        if not 0 < self.shortest <= self.seconds <= self.longer_than:
            raise ConfigError(
                f"pieces of {self.seconds:g} s, at least {self.shortest:g} s, cut out of utterances longer than "
                f"{self.longer_than:g} s; expected 0 < shortest <= seconds <= longer than"
            )


class Segment(NamedTuple):
    """A stretch of an utterance: seconds from its beginning, and its words, `first` to `last` - 1."""

    start: float
    end: float
    first: int
    last: int


class _Cut(NamedTuple):
    """A place where one may cut: seconds, how many words come before it, and how loud it is."""

    time: float
    word: int
    loudness: float


def cut_at_pauses(
    waveform: np.ndarray,
    words: Sequence[tuple[float, float]],
    *,
    sample_rate: int,
    config: SegmentationConfig = SegmentationConfig(),
) -> list[Segment]:
    """Choose the cuts that give pieces nearest to `config.seconds`, at the quietest pauses.

    The best choice of all (dynamic programming), by the squared distance of each piece from that length and
    the loudness of each cut.

    Args:
        waveform: `(N,)` samples of the utterance.
        words: start and end of each word, seconds, in order.
        sample_rate: Hz.
        config: what to aim for.

    Returns:
        Segments that follow each other without a gap, from 0 to N / sample_rate; together they have every
        word. One alone where the utterance is short enough, or has no pause.
    """
    duration = len(waveform) / sample_rate
    whole = [Segment(0.0, duration, 0, len(words))]
    if duration <= config.longer_than or len(words) < 2:
        return whole
    cuts = [
        _Cut(0.0, 0, 0.0),
        *_possible_cuts(_energy(waveform, sample_rate), words, config),
        _Cut(duration, len(words), 0.0),
    ]
    best, before = [0.0], [0]
    for number, cut in enumerate(cuts[1:], 1):
        costs = [
            cost + _cost(cut.time - earlier.time, config) + 2 * cut.loudness
            for cost, earlier in zip(best, cuts[:number], strict=True)
        ]
        before.append(int(np.argmin(costs)))
        best.append(costs[before[-1]])
    if not np.isfinite(best[-1]):  # every pause is too near to an end
        return whole
    segments, last = [], len(cuts) - 1
    while last > 0:
        first = before[last]
        segments.append(Segment(cuts[first].time, cuts[last].time, cuts[first].word, cuts[last].word))
        last = first
    return segments[::-1]


def _energy(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Energy every `STEP` seconds, in dB, smoothed."""
    step = round(STEP * sample_rate)
    frames = waveform[: len(waveform) // step * step].reshape(-1, step).astype(np.float64)
    energy = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-10)
    padded = np.pad(energy, _SMOOTHING // 2, mode="edge")
    smoothed: np.ndarray = np.convolve(padded, np.full(_SMOOTHING, 1 / _SMOOTHING), mode="valid")
    return smoothed


def _possible_cuts(
    energy: np.ndarray, words: Sequence[tuple[float, float]], config: SegmentationConfig
) -> list[_Cut]:
    """The quietest moment of each gap between words that is long and quiet enough."""
    floor = float(np.percentile(energy, 3))
    scale = max(float(np.median(energy)) - floor, _SMALLEST_RANGE)
    cuts = []
    for number, ((_, end), (start, _)) in enumerate(itertools.pairwise(words), 1):
        first, last = round(end / STEP), min(round(start / STEP), len(energy) - 1) + 1
        if start - end < config.gap - STEP / 2 or first >= last:
            continue
        quietest = first + int(np.argmin(energy[first:last]))
        loudness = (float(energy[quietest]) - floor) / scale
        if loudness <= config.quiet:
            cuts.append(_Cut(quietest * STEP, number, max(loudness, 0.0)))
    return cuts


def _cost(length: float, config: SegmentationConfig) -> float:
    """How much a piece of this length is not what was asked for; too short is worse than too long."""
    if length < config.shortest:
        return float("inf")
    distance = (length - config.seconds) ** 2 / config.seconds
    return distance if length > config.seconds else 1.5 * distance
