"""Pseudo-labels: transcripts that a recogniser is sure of, for speech that nobody has transcribed (Lee 2013; Kahn et al. 2020).

How sure is sure enough is learnt from transcribed speech: the rate of word errors falls with the confidence of an utterance, and
the confidence from which on utterances are kept is the lowest at which the errors expected of them meet a goal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from asr.decoding.hypothesis import Hypothesis
from asr.errors import EvaluationError
from asr.evaluation.scoring import score_utterance

_RESAMPLES = 500


class Labelled(NamedTuple):
    """An utterance with what was recognised.

    Attributes:
        id: of the utterance.
        text: its words.
        confidence: between 0 and 1; 0 without words.
    """

    id: str
    text: str
    confidence: float

    @property
    def words(self) -> int:
        """How many."""
        return len(self.text.split())

    @classmethod
    def of(cls, name: str, hypothesis: Hypothesis) -> "Labelled":
        """The mean confidence of the words is the utterance's."""
        confidences = [word.confidence for word in hypothesis.words]
        return cls(name, hypothesis.text, round(float(np.mean(confidences)), 4) if confidences else 0.0)


@dataclass(frozen=True)
class ErrorModel:
    """Confidence -> rate of word errors, which falls as confidence rises.

    Attributes:
        confidences: `(n,)`, rising.
        rates: `(n,)`, falling; between them it is linear.
    """

    confidences: np.ndarray
    rates: np.ndarray

    def __call__(self, confidences: Sequence[float] | np.ndarray) -> np.ndarray:
        """Expected errors a word, `(m,)`."""
        return np.interp(confidences, self.confidences, self.rates)


class Evidence(NamedTuple):
    """What became of n transcribed utterances.

    Attributes:
        confidences: `(n,)`.
        errors: `(n,)` word errors.
        words: `(n,)` words of the references.
    """

    confidences: np.ndarray
    errors: np.ndarray
    words: np.ndarray

    @classmethod
    def of(cls, labelled: Sequence[Labelled], references: Sequence[str]) -> "Evidence":
        """Count the errors."""
        counts = [
            score_utterance(one.id, reference, one.text).words
            for one, reference in zip(labelled, references, strict=True)
        ]
        return cls(
            np.array([one.confidence for one in labelled]),
            np.array([count.errors for count in counts], np.float64),
            np.array([count.reference_length for count in counts], np.float64),
        )

    def some(self, chosen: np.ndarray) -> "Evidence":
        """Those at places, or where a mask is true."""
        return Evidence(self.confidences[chosen], self.errors[chosen], self.words[chosen])


def fit_error_model(evidence: Evidence) -> ErrorModel:
    """The falling curve nearest to the errors of transcribed utterances (isotonic regression, weighted by words).

    Utterances without reference words are passed over.

    Raises:
        EvaluationError: no words.
    """
    from scipy.optimize import isotonic_regression

    confidences, errors, words = evidence.some(evidence.words > 0)
    if not len(words):
        raise EvaluationError("no words in the transcribed utterances; errors cannot be counted")
    # Utterances of the same confidence are one point.
    points, place = np.unique(confidences, return_inverse=True)
    errors, words = np.bincount(place, errors), np.bincount(place, words)
    return ErrorModel(points, isotonic_regression(errors / words, weights=words, increasing=False).x)


class Choice(NamedTuple):
    """Which utterances are kept.

    Attributes:
        threshold: the least confidence.
        kept: how many.
        words: their words.
        expected: rate of word errors that is expected of them.
        interval: from and to, 95 %, by drawing the transcribed utterances anew.
        model: of the errors.
    """

    threshold: float
    kept: int
    words: int
    expected: float
    interval: tuple[float, float]
    model: ErrorModel

    def keeps(self, labelled: Labelled) -> bool:
        """Whether an utterance is sure enough."""
        return labelled.words > 0 and labelled.confidence >= self.threshold


def expected_errors(labelled: Sequence[Labelled], model: ErrorModel) -> tuple[np.ndarray, np.ndarray]:
    """Of the surest one, the two surest, ...: their least confidence, and the rate of errors expected of them; `(n,)` each."""
    confidences = np.array([one.confidence for one in labelled if one.words])
    words = np.array([one.words for one in labelled if one.words], np.float64)
    order = np.argsort(-confidences, kind="stable")
    expected = np.cumsum(model(confidences[order]) * words[order]) / np.cumsum(words[order])
    return confidences[order], expected


def choose(labelled: Sequence[Labelled], evidence: Evidence, *, goal: float, seed: int = 1) -> Choice:
    """Keep as many utterances as can be with no more errors expected than the goal.

    Args:
        labelled: what nobody has transcribed.
        evidence: of transcribed speech.
        goal: rate of word errors.
        seed: of the interval's draws.

    Raises:
        EvaluationError: even the surest are expected to have more errors, or nothing was recognised.
    """
    if not any(one.words for one in labelled):
        raise EvaluationError("nothing was recognised in any utterance")
    model = fit_error_model(evidence)
    sure, expected = expected_errors(labelled, model)
    # Utterances of the same confidence are kept together, or not at all.
    ends = np.flatnonzero(np.append(np.diff(sure) != 0, True))
    meeting = ends[expected[ends] <= goal]
    if not len(meeting):
        raise EvaluationError(
            f"even the surest utterance is expected to have {expected[0]:.1%} of its words wrong, more than {goal:.1%}; "
            "allow more (--wer), or take a better model"
        )
    threshold = float(sure[meeting[-1]])
    kept = [one for one in labelled if one.words and one.confidence >= threshold]
    generator = np.random.default_rng(seed)
    utterances, drawn = len(evidence.words), []
    for _ in range(_RESAMPLES):
        again = evidence.some(generator.integers(0, utterances, utterances))
        if again.words.any():
            drawn.append(_rate(kept, fit_error_model(again)))
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    words = sum(one.words for one in kept)
    return Choice(threshold, len(kept), words, _rate(kept, model), (low, high), model)


def _rate(kept: Sequence[Labelled], model: ErrorModel) -> float:
    words = np.array([one.words for one in kept], np.float64)
    return float(model([one.confidence for one in kept]) @ words / words.sum())
