"""How sure an error rate, or a difference of two, is: the bootstrap of Bisani & Ney (ICASSP 2004).

Utterances (or speakers, whose utterances stay together) are drawn with replacement as often as there
are, and the pooled rate of each such set is taken. Kaldi's compute-wer-bootci does the same and gives
mean ± 1.96 standard deviations; the percentile interval beside it needs no normal distribution.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from asr.evaluation.scoring import ErrorCounts

RESAMPLES = 10_000
_CELLS = 4_000_000  # numbers held by one block of resamples


class Interval(NamedTuple):
    """A rate over bootstrap resamples; fractions.

    Attributes:
        low, high: percentiles that hold 95 % of the resamples (or the level asked for) between them.
        mean, deviation: over the resamples.
    """

    low: float
    high: float
    mean: float
    deviation: float

    @property
    def normal(self) -> tuple[float, float]:
        """Kaldi's 95 % interval: mean ± 1.96 deviations."""
        return self.mean - 1.96 * self.deviation, self.mean + 1.96 * self.deviation


class PairedBootstrap(NamedTuple):
    """The difference of two systems' error rates over resamples of the utterances both recognised.

    Attributes:
        difference: rate of the first less rate of the second over resamples; above 0 the second is better.
        improved: share of resamples in which the second has the lower rate (Kaldi's "probability of
            improvement"; Bisani & Ney's poi).
    """

    difference: Interval
    improved: float


def bootstrap_interval(
    counts: Sequence[ErrorCounts],
    *,
    groups: Sequence[str] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Bootstrap the pooled error rate.

    Args:
        counts: one an utterance; errors within an utterance stay together.
        groups: one an utterance, such as its speaker; whole groups are drawn instead of utterances.
        level: share of resamples between `low` and `high`.
        resamples: how many.
        seed: of the resampling.

    Returns:
        The interval; NaNs without reference units.
    """
    table = np.array([(count.errors, count.reference_length) for count in counts], dtype=np.int64)
    if not len(table) or table[:, 1].sum() == 0:
        return Interval(float("nan"), float("nan"), float("nan"), float("nan"))
    if groups is not None:
        table = _sum_by_group(table, groups)
    rates = np.concatenate([sums[:, 0] / sums[:, 1] for sums in _resample(table, resamples, seed)])
    return _interval(rates, level)


def paired_bootstrap(
    first: Sequence[ErrorCounts],
    second: Sequence[ErrorCounts],
    *,
    groups: Sequence[str] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedBootstrap:
    """Bootstrap the difference of two error rates, both systems on the same resamples.

    Args:
        first, second: counts of each system, an entry an utterance, in the same order.
        groups, level, resamples, seed: as `bootstrap_interval`.

    Raises:
        ValueError: the systems have different numbers of utterances or reference units.
    """
    if [count.reference_length for count in first] != [count.reference_length for count in second]:
        raise ValueError("the systems have different references; expected the same utterances in one order")
    table = np.array(
        [(one.errors, two.errors, one.reference_length) for one, two in zip(first, second, strict=True)],
        dtype=np.int64,
    )
    if not len(table) or table[:, 2].sum() == 0:
        unknown = float("nan")
        return PairedBootstrap(Interval(unknown, unknown, unknown, unknown), unknown)
    if groups is not None:
        table = _sum_by_group(table, groups)
    differences, better = [], 0
    for sums in _resample(table, resamples, seed):
        differences.append((sums[:, 0] - sums[:, 1]) / sums[:, 2])
        better += int((sums[:, 1] < sums[:, 0]).sum())
    drawn = np.concatenate(differences)
    return PairedBootstrap(_interval(drawn, level), better / len(drawn))


def _resample(table: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Column sums of resampled rows, `(block, columns)` at a time; the last column is never 0.

    Rows that are alike need no telling apart: how often each kind of row is drawn is multinomial. That
    makes a hundred thousand utterances as quick as the few hundred kinds they come in.
    """
    generator = np.random.default_rng(seed)
    kinds, times = np.unique(table, axis=0, return_counts=True)
    block = max(1, _CELLS // len(kinds))
    while resamples > 0:
        drawn = generator.multinomial(len(table), times / len(table), size=min(block, resamples))
        sums = drawn @ kinds
        # A resample of empty references alone has no rate: draw again.
        sums = sums[sums[:, -1] > 0]
        resamples -= len(sums)
        yield sums


def _sum_by_group(table: np.ndarray, groups: Sequence[str]) -> np.ndarray:
    numbers: Mapping[str, int] = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    sums = np.zeros((len(numbers), table.shape[1]), dtype=np.int64)
    np.add.at(sums, [numbers[name] for name in groups], table)
    return sums


def _interval(drawn: np.ndarray, level: float) -> Interval:
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(float(low), float(high), float(drawn.mean()), float(drawn.std()))
