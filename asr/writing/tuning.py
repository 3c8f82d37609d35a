"""How readily a tagger puts each mark: chosen for F1 on text, since the most probable mark is not what has the best F1.

Where marks are hard to foresee, most words have none that is more probable than no mark at all; F1 is highest when a mark is put
at about half of the probability of the F1 that is reached (Lipton et al. 2014, "Optimal thresholding of classifiers to maximize F1 measure").
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

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
    """The tagger with a constant added to the logit of every mark, so that the mean F1 of the marks is highest.

    Marks that are rarer than `LEAST` in the texts keep theirs.

    Args:
        tagger: as it was trained, or tuned before.
        texts: as they should be written, with pauses or without.
        progress: told how many words have been read since it was last told.

    Raises:
        WritingError: no mark is there often enough.
    """
    scores, wanted = [], []
    for text in texts:
        if text.words:
            scores.append(
                tagger.scores([tagger.lexicon.casing.small(word.form) for word in text.words], text.pauses)[0]
            )
            wanted += [MARKS.index(word.mark) for word in text.words]
            progress(len(text.words))
    counts = np.bincount(np.array(wanted, np.int64), minlength=len(MARKS))
    often = [mark for mark in range(1, len(MARKS)) if counts[mark] >= LEAST]
    if not often:
        raise WritingError(f"no mark is {LEAST} times in the text; expected more text, as it is published")
    added = _best_offsets(np.concatenate(scores), np.array(wanted), often)
    return replace(tagger, weights=tagger.weights._replace(marks_bias=tagger.weights.marks_bias + added))


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
    return float(np.mean([2 * right[mark] / both[mark] for mark in often]))
