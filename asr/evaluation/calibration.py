"""Whether a confidence of 0.9 means nine words in ten: the calibration curve."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np


class CalibrationBin(NamedTuple):
    """Hypothesis words of like confidence.

    Attributes:
        low, high: the confidences of the bin, between 0 and 1.
        words: how many.
        confidence: their mean confidence.
        correct: the share of them that the reference has at their place.
    """

    low: float
    high: float
    words: int
    confidence: float
    correct: float


class CalibrationCurve(NamedTuple):
    """Confidences against what came of the words.

    Attributes:
        bins: of equal width, those without words left out.
        words: hypothesis words with a confidence.
        expected_error: mean over words of |confidence - share correct| of their bin (the expected
            calibration error of Guo et al. 2017).
        normalised_cross_entropy: NIST's NCE: 1 is perfect, 0 no better than the overall share correct
            for every word, below 0 worse; None when all words are correct or none is.
    """

    bins: tuple[CalibrationBin, ...]
    words: int
    expected_error: float
    normalised_cross_entropy: float | None


def calibration_curve(outcomes: Iterable[tuple[float, bool]], *, bins: int = 10) -> CalibrationCurve | None:
    """Gather (confidence, correct) of hypothesis words; None when there are none."""
    table = np.array(list(outcomes), dtype=np.float64).reshape(-1, 2)
    if not len(table):
        return None
    confidence, correct = table[:, 0], table[:, 1]
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for index in range(bins):
        inside = place == index
        if inside.any():
            found.append(
                CalibrationBin(
                    index / bins,
                    (index + 1) / bins,
                    int(inside.sum()),
                    float(confidence[inside].mean()),
                    float(correct[inside].mean()),
                )
            )
    expected = sum(item.words * abs(item.confidence - item.correct) for item in found) / len(table)
    return CalibrationCurve(
        tuple(found), len(table), expected, _normalised_cross_entropy(confidence, correct)
    )


def word_outcomes(operations: str, confidences: Sequence[float]) -> list[tuple[float, bool]]:
    """Pair each hypothesis word's confidence with whether it is a hit.

    Args:
        operations: letters of the alignment (C, S, D, I).
        confidences: one a hypothesis word.
    """
    letters = [letter for letter in operations if letter != "D"]
    return [(confidence, letter == "C") for confidence, letter in zip(confidences, letters, strict=True)]


def _normalised_cross_entropy(confidence: np.ndarray, correct: np.ndarray) -> float | None:
    share = correct.mean()
    if share in (0.0, 1.0):
        return None
    baseline = -len(correct) * (share * np.log2(share) + (1 - share) * np.log2(1 - share))
    # A word sure to be right that is wrong would cost infinitely much; NIST clips likewise.
    clipped = np.clip(confidence, 1e-7, 1 - 1e-7)
    spent = -np.where(correct > 0, np.log2(clipped), np.log2(1 - clipped)).sum()
    return float((baseline - spent) / baseline)
