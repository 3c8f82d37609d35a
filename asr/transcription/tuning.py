"""The best weights of decoding on a development set: a grid search, and the calibration of what it finds."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from asr.data.manifest import Utterance
from asr.decoding.confidence import Calibration, fit_calibration
from asr.decoding.emission import Emission
from asr.decoding.hypothesis import Hypothesis
from asr.errors import ManifestError
from asr.evaluation.calibration import calibration_curve
from asr.evaluation.scoring import Score, score, score_utterance

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber


class Development(NamedTuple):
    """A development set: ids, references and emissions of the utterances."""

    ids: list[str]
    references: list[str]
    emissions: list[Emission]

    @classmethod
    def of(cls, utterances: Iterable[Utterance], transcriber: "Transcriber", *, where: str) -> "Development":
        """The set of some utterances.

        Raises:
            ManifestError: one without a transcript; the message begins with `where`.
            AudioError: one that cannot be read.
        """
        data = cls([], [], [])
        for utterance in utterances:
            if utterance.text is None:
                raise ManifestError(f"{where} (utt {utterance.id}): no transcript; tuning needs `text`")
            data.ids.append(utterance.id)
            data.references.append(transcriber.tokenizer.normalise(utterance.text))
            data.emissions.append(transcriber.emit_utterance(utterance))
        return data

    def score(self, texts: Sequence[str]) -> Score:
        """Errors of a text for each utterance."""
        return score(zip(self.ids, self.references, texts, strict=True))


class Grid(NamedTuple):
    """Values to try of each weight, in ascending order."""

    lm_weight: Sequence[float]
    word_bonus: Sequence[float]
    blank_penalty: Sequence[float]

    @property
    def size(self) -> int:
        """How many points it has."""
        return len(self.lm_weight) * len(self.word_bonus) * len(self.blank_penalty)

    def narrow(self, best: "Trial") -> list[str]:
        """The weights whose range may be too narrow: the best lies at its border, and it could go on there."""
        edges = {
            "lm_weight": self.lm_weight[-1:],
            "word_bonus": (self.word_bonus[0], self.word_bonus[-1]),
            "blank_penalty": self.blank_penalty[-1:],
        }
        return [
            name
            for name, ends in edges.items()
            if len(getattr(self, name)) > 1 and getattr(best, name) in ends
        ]


class Trial(NamedTuple):
    """One point of the grid and its score on the development set."""

    lm_weight: float
    word_bonus: float
    blank_penalty: float
    score: Score


class CalibrationFit(NamedTuple):
    """A calibration on all words, and the calibration error before it and with it (5-fold by utterance)."""

    calibration: Calibration
    error_before: float
    error_after: float


def grid_search(
    transcriber: "Transcriber", data: Development, grid: Grid, *, threads: int = 1
) -> Iterator[Trial]:
    """Decode the set with the transcriber's options at every point of a grid; their files are read once."""
    for weight, bonus, penalty in itertools.product(*grid):
        tried = replace(transcriber.options, lm_weight=weight, word_bonus=bonus, blank_penalty=penalty)
        decoder = transcriber.decoder.with_options(tried)
        texts = decoder.transcripts(data.emissions, threads=threads)
        yield Trial(weight, bonus, penalty, data.score(texts))


def best_trial(trials: Sequence[Trial]) -> Trial:
    """That of the fewest errors in words, then in characters, then of the lowest weight of the language model."""
    return min(
        trials, key=lambda trial: (trial.score.words.errors, trial.score.characters.errors, trial.lm_weight)
    )


def calibrate(data: Development, hypotheses: Sequence[Hypothesis]) -> CalibrationFit:
    """Fit the confidence of words that were found with no calibration."""
    evidence: list[float] = []
    is_right: list[bool] = []
    folds: list[int] = []
    for number, (reference, hypothesis) in enumerate(zip(data.references, hypotheses, strict=True)):
        words = hypothesis.words
        alignment = score_utterance(data.ids[number], reference, hypothesis.text).alignment
        right = [pair.operation == "equal" for pair in alignment if pair.operation != "delete"]
        evidence += [word.confidence for word in words]
        is_right += right
        folds += [number % 5] * len(words)
    calibrated = list(evidence)
    for fold in range(5):
        train = [index for index, place in enumerate(folds) if place != fold]
        fitted = fit_calibration([evidence[index] for index in train], [is_right[index] for index in train])
        for index, place in enumerate(folds):
            if place == fold:
                calibrated[index] = fitted(evidence[index])
    return CalibrationFit(
        fit_calibration(evidence, is_right),
        _calibration_error(evidence, is_right),
        _calibration_error(calibrated, is_right),
    )


def _calibration_error(confidences: Sequence[float], is_right: Sequence[bool]) -> float:
    curve = calibration_curve(zip(confidences, is_right, strict=True))
    return math.nan if curve is None else curve.expected_error
