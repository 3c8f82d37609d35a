"""How readily a tagger puts each mark and capitals: chosen for F1 on text, since the most probable mark is not what has the best F1.

Where marks are hard to foresee, most words have none that is more probable than no mark at all; F1 is highest when a mark is put
at about half of the probability of the F1 that is reached (Lipton et al. 2014, "Optimal thresholding of classifiers to maximize F1 measure").
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from asr.errors import WritingError
from asr.writing.heard import Text
from asr.writing.published import MARKS
from asr.writing.tagger import Tagger

LEAST = 50  # times that a mark has to be in the text
_STEPS = np.arange(-20, 31) / 10  # added to the logit of a mark
_ROUNDS = 3


def tune_marks(
    tagger: Tagger, texts: Sequence[Text], *, progress: Callable[[int], None] = lambda _: None
) -> Tagger:
    """The tagger with a constant added to the logit of every mark, so that the mean F1 of the marks, weighed by how often each is there, is highest;
    then with one added to those of all cases but small letters, for the F1 of capitals.

    Marks that are rarer than `LEAST` in the texts keep theirs.

    Args:
        tagger: as it was trained, or tuned before.
        texts: as they should be written, with pauses or without.
        progress: told how many words have been read since it was last told.

    Raises:
        WritingError: no mark is there often enough.
    """
    read = []
    for text in texts:
        if text.words:
            read.append(_read(tagger, text))
            progress(len(text.words))
    wanted = np.concatenate([one.wanted for one in read] or [np.zeros(0, np.int64)])
    counts = np.bincount(wanted, minlength=len(MARKS))
    often = [mark for mark in range(1, len(MARKS)) if counts[mark] >= LEAST]
    if not often:
        raise WritingError(f"no mark is {LEAST} times in the text; expected more text, as it is published")
    added = _best_offsets(np.concatenate([one.marks for one in read]), wanted, often)
    biases = {"marks_bias": tagger.weights.marks_bias + added, "cases_bias": tagger.weights.cases_bias.copy()}
    biases["cases_bias"][1:] += _best_capitals(read, added)
    return replace(tagger, weights=tagger.weights._replace(**biases))


class _Read(NamedTuple):
    """Of n words: logits of marks `(n, len(MARKS))`, the right ones `(n,)`, logits of cases `(n, len(CASES))`, who has a capital `(n,)`."""

    marks: np.ndarray
    wanted: np.ndarray
    cases: np.ndarray
    capitals: np.ndarray


def _read(tagger: Tagger, text: Text) -> _Read:
    small = [tagger.lexicon.casing.small(word.form) for word in text.words]
    marks, cases = tagger.scores(small, text.pauses)
    wanted = np.array([MARKS.index(word.mark) for word in text.words])
    capitals = np.array([word.form != low for word, low in zip(text.words, small, strict=True)])
    return _Read(marks, wanted, cases, capitals)


def _best_capitals(read: Sequence[_Read], added: np.ndarray) -> float:
    """What is best for the F1 of capitals, as `Tagger.write` puts them; 0 in a text without any."""
    margins = []
    for one in read:
        ends = (one.marks + added).argmax(axis=1) == MARKS.index(".")
        begins = np.append(True, ends[:-1])
        margins.append(np.where(begins, np.inf, one.cases[:, 1:].max(axis=1) - one.cases[:, 0]))
    margin, wanted = np.concatenate(margins), np.concatenate([one.capitals for one in read])
    if not wanted.any():
        return 0.0
    found = [margin + step > 0 for step in _STEPS]
    f1 = [2 * (put & wanted).sum() / (put.sum() + wanted.sum()) for put in found]
    return float(_STEPS[int(np.argmax(f1))])


def _best_offsets(scores: np.ndarray, wanted: np.ndarray, often: Sequence[int]) -> np.ndarray:
    """`(len(MARKS),)` float32, one mark after the other, until none is better elsewhere."""
    offsets = np.zeros(len(MARKS), np.float32)
    for _ in range(_ROUNDS):
        before = offsets.copy()
        for mark in often:
            tried = [np.where(np.arange(len(MARKS)) == mark, step, offsets) for step in _STEPS]
            means = [_mean_f1((scores + one).argmax(axis=1), wanted, often) for one in tried]
            offsets = tried[int(np.argmax(means))].astype(np.float32)
        if (offsets == before).all():
            break
    return offsets


def _mean_f1(found: np.ndarray, wanted: np.ndarray, often: Sequence[int]) -> float:
    right = np.bincount(wanted[found == wanted], minlength=len(MARKS))
    both = np.bincount(found, minlength=len(MARKS)) + np.bincount(wanted, minlength=len(MARKS))
    times = np.bincount(wanted, minlength=len(MARKS))[often]
    return float(np.average([2 * right[mark] / both[mark] for mark in often], weights=times))
