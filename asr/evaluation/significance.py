"""How sure a WER is: bootstrap confidence intervals (Bisani & Ney 2004)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from asr.evaluation.scoring import ErrorCounts


class Interval(NamedTuple):
    """A confidence interval of a rate."""

    low: float
    high: float


def bootstrap_interval(
    counts: Sequence[ErrorCounts], *, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Percentile bootstrap of the pooled error rate, utterances drawn with replacement.

    Args:
        counts: one an utterance; errors within an utterance stay together.
        level: share of resamples inside the interval.
        resamples: how many.
        seed: of the resampling.

    Returns:
        The interval; (nan, nan) without reference units.
    """
    errors = np.array([count.errors for count in counts], dtype=np.float64)
    lengths = np.array([count.reference_length for count in counts], dtype=np.float64)
    if lengths.sum() == 0:
        return Interval(float("nan"), float("nan"))
    generator = np.random.default_rng(seed)
    rates = []
    block = max(1, 10_000_000 // len(errors))  # bound the memory of one draw
    for first in range(0, resamples, block):
        drawn = generator.integers(len(errors), size=(min(block, resamples - first), len(errors)))
        rates.append(errors[drawn].sum(axis=1) / np.maximum(lengths[drawn].sum(axis=1), 1))
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(rates), [tail, 1 - tail])
    return Interval(float(low), float(high))
