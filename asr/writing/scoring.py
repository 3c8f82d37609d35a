"""How well marks and capitals are put: precision, recall and F1 of each, with bootstrap intervals over texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from asr.errors import WritingError
from asr.writing.heard import Text
from asr.writing.published import MARKS
from asr.writing.tagger import Written

CAPITAL = "capital"


@dataclass(frozen=True)
class MarkScore:
    """Of a mark, or of capitals.

    Attributes:
        name: the mark, or "capital".
        count: how many there are.
        precision, recall, f1: as fractions; NaN where there is nothing to divide by.
        interval: of F1, 95 %.
    """

    name: str
    count: int
    precision: float
    recall: float
    f1: float
    interval: tuple[float, float]


def score_writing(
    texts: Sequence[Text],
    write: Callable[[Sequence[str], np.ndarray | None], Sequence[Written]],
    *,
    small: Callable[[str], str] = str.lower,
    signs: Callable[[str], str] = lambda mark: mark,
    resamples: int = 1000,
    seed: int = 0,
) -> list[MarkScore]:
    """Take marks and capitals away, have them put again, and compare.

    Args:
        texts: as they should be.
        write: puts them; it is given the words in small letters, and their pauses.
        small: of a word.
        signs: how a mark is written in this language.
        resamples: of the texts, for the intervals.
        seed: of the resamples.

    Raises:
        WritingError: no texts.
    """
    if not texts:
        raise WritingError(
            "no sentences to score on; expected text as it is published, with marks, and without digits"
        )
    names = [*MARKS[1:], CAPITAL]
    counts = np.zeros((len(texts), len(names), 3), np.int64)  # right, put in vain, missed
    for number, text in enumerate(texts):
        found = write([small(word.form) for word in text.words], text.pauses)
        for name, of_name in zip(names, counts[number], strict=True):
            wanted, put = (
                np.array([_has(form, mark, name, small, signs) for form, mark in pairs])
                for pairs in (
                    [(word.form, signs(word.mark) if word.mark else "") for word in text.words],
                    [(one.form, one.mark) for one in found],
                )
            )
            of_name += [(wanted & put).sum(), (put & ~wanted).sum(), (wanted & ~put).sum()]
    generator = np.random.default_rng(seed)
    drawn = np.stack(
        [counts[generator.integers(len(texts), size=len(texts))].sum(axis=0) for _ in range(resamples)]
    )
    return [
        MarkScore(name, int(of_name[0] + of_name[2]), *_rates(of_name), _interval(drawn[:, place]))
        for place, (name, of_name) in enumerate(zip(names, counts.sum(axis=0), strict=True))
    ]


def _has(form: str, mark: str, name: str, small: Callable[[str], str], signs: Callable[[str], str]) -> bool:
    return form != small(form) if name == CAPITAL else mark == signs(name)


def _rates(counts: np.ndarray) -> tuple[float, float, float]:
    right, vain, missed = counts.tolist()
    return (
        _share(right, right + vain),
        _share(right, right + missed),
        _share(2 * right, 2 * right + vain + missed),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _interval(drawn: np.ndarray) -> tuple[float, float]:
    """Of F1, from `(resamples, 3)` counts."""
    f1 = np.array([_rates(counts)[2] for counts in drawn])
    known = f1[~np.isnan(f1)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5]).tolist()
    return low, high
