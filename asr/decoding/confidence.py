"""How sure a word is: evidence from the emission, calibrated to a probability."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr.errors import DecodingError
from asr.lstm_step import sigmoid
from asr.plain_values import finite_number

_NEAR = 1e-6  # keeps the logarithm of odds finite
_MOST = 700.0  # of which the exponential is a float
_SETTLED = 1e-10


def word_evidence(log_probs: np.ndarray, tokens: Sequence[int], spans: np.ndarray) -> float:
    """Probability of a word's least probable character, each taken at its best frame.

    Args:
        log_probs: `(T', V)` natural-log probabilities.
        tokens: L token ids of the word's characters.
        spans: `(L, 2)` frames of the characters, from `alignment.token_spans`.
    """
    best = [
        log_probs[first:last, token].max()
        for token, (first, last) in zip(tokens, spans.tolist(), strict=True)
    ]
    return math.exp(float(min(best)))


@dataclass(frozen=True)
class Calibration:
    """Evidence -> probability that the word is right: sigmoid(slope x logit(evidence) + offset).

    Logistic calibration (Platt 1999, in its form for probabilities: Kull, Silva Filho & Flach 2017). The
    default changes nothing.

    Attributes:
        slope: below 1 where the evidence is too sure of itself.
        offset: log-odds added.
    """

    slope: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if finite_number(self.slope) is None or finite_number(self.offset) is None:
            raise DecodingError(
                f"calibration of slope {self.slope!r}, offset {self.offset!r}; expected numbers"
            )

    def __call__(self, evidence: float) -> float:
        """Calibrated probability of evidence between 0 and 1."""
        odds = self.slope * _logit(evidence) + self.offset
        return 1 / (1 + math.exp(min(-odds, _MOST)))


def _logit(probability: float) -> float:
    probability = min(max(probability, _NEAR), 1 - _NEAR)
    return math.log(probability / (1 - probability))


def fit_calibration(evidence: Sequence[float], is_right: Sequence[bool]) -> Calibration:
    """The calibration of greatest likelihood (Newton's method), with a light pull towards none.

    Args:
        evidence: of each word, between 0 and 1.
        is_right: whether the word is in the reference.

    The pull (a Gaussian prior of deviation 2 on each of slope - 1 and offset) keeps it finite when all
    words are right.
    """
    inputs = np.array([[_logit(value), 1.0] for value in evidence]).reshape(len(evidence), 2)
    targets = np.array(is_right, dtype=np.float64)
    identity, precision = np.array([1.0, 0.0]), 1 / 4

    def loss(weights: np.ndarray) -> float:
        odds = inputs @ weights
        unlikely = np.logaddexp(0.0, odds) - targets * odds
        return float(unlikely.sum() + precision / 2 * np.square(weights - identity).sum())

    weights = identity.copy()
    for _ in range(50):
        predicted = sigmoid(inputs @ weights)
        gradient = inputs.T @ (predicted - targets) + precision * (weights - identity)
        curvature = (inputs.T * (predicted * (1 - predicted))) @ inputs + precision * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # Where the curve bends much on the way, the whole step leads beyond the valley: halves of it until it goes down.
        before, slope = loss(weights), float(gradient @ step)
        while loss(weights - step) > before - 1e-4 * slope and np.abs(step).max() > _SETTLED:
            step, slope = step / 2, slope / 2
        weights -= step
        if np.abs(step).max() < _SETTLED:
            break
    return Calibration(float(weights[0]), float(weights[1]))
