"""Marks and capitals of a reference, carried over to the words that were recognised, and how long the pauses at marks are."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asr.errors import WritingError
from asr.evaluation.scoring import score_utterance
from asr.files import write_atomically
from asr.writing.casing import Casing
from asr.writing.published import ENDS, MARKS, PublishedWord
from asr.writing.tagger import PAUSES, pause_classes


class Text(NamedTuple):
    """What a tagger is scored on.

    Attributes:
        words: as they should be written.
        pauses: seconds behind each word, NaN where nobody knows; None for a text that nobody spoke.
    """

    words: Sequence[PublishedWord]
    pauses: np.ndarray | None = None


def carry_over(
    reference: Sequence[PublishedWord], heard: Sequence[str], *, casing: Casing
) -> list[PublishedWord]:
    """The recognised words, written as the reference is where the two are aligned.

    The mark of a word that was not heard goes to the word before it, if that has none; a word in the place of another takes its mark,
    and its capital where a sentence begins.
    """
    small = [casing.small(word) for word in heard]
    scored = score_utterance("", " ".join(casing.small(word.form) for word in reference), " ".join(small))
    written: list[PublishedWord] = []
    references, words = iter(reference), iter(small)
    for operation in scored.operations:
        if operation == "I":
            written.append(PublishedWord(next(words), "", ""))
            continue
        wanted = next(references)
        if operation == "D":
            if written and wanted.mark and not written[-1].mark:
                written[-1] = written[-1]._replace(mark=wanted.mark, sign=wanted.sign)
            continue
        word = next(words)
        begins = not written or written[-1].mark in ENDS
        form = wanted.form if operation == "C" else casing.capital(word) if begins else word
        written.append(PublishedWord(form, wanted.mark, wanted.sign))
    return written


def pause_shares(texts: Iterable[Text]) -> np.ndarray:
    """How long the pauses behind each mark are: `(len(MARKS), len(PAUSES) + 1)` shares, each row adding up to 1.

    A mark that is rare is taken for one like all the others: to each mark's pauses are added as many as there are classes, divided as those at
    all marks are. Raises WritingError without any pause.
    """
    counts = np.zeros((len(MARKS), len(PAUSES) + 1))
    for text in texts:
        if text.pauses is not None:
            known = ~np.isnan(text.pauses)
            marks = np.array([MARKS.index(word.mark) for word in text.words], np.int64)[known]
            np.add.at(counts, (marks, pause_classes(text.pauses[known]) - 1), 1)
    if not counts.any():
        raise WritingError("no word has a time; expected what `asr evaluate` wrote as hypotheses.jsonl")
    marked = counts[1:].sum(axis=0) + 1
    counts[0] += 1
    counts[1:] += marked / marked.mean()
    return counts / counts.sum(axis=1, keepdims=True)


def write_pause_shares(path: Path, shares: np.ndarray) -> None:
    """Write them as JSON: the upper ends of the classes in seconds, and the shares behind each mark."""
    rows = {
        mark: [round(share, 5) for share in row] for mark, row in zip(MARKS, shares.tolist(), strict=True)
    }
    with write_atomically(path) as file:
        json.dump({"seconds": PAUSES, "shares": rows}, file, ensure_ascii=False, indent=1)
        file.write("\n")


def read_pause_shares(path: Path) -> np.ndarray:
    """Read them. Raises WritingError for what `write_pause_shares` did not write."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        shares = np.array([record["shares"][mark] for mark in MARKS], float)
        fitting = shares.shape == (len(MARKS), len(PAUSES) + 1) and tuple(record["seconds"]) == PAUSES
        fitting = fitting and bool(((shares >= 0) & (shares <= 1)).all() and shares.any(axis=1).all())
    except OSError as error:
        raise WritingError(f"{path}: cannot read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        fitting = False
    if not fitting:
        raise WritingError(f"{path}: no shares of pauses; expected what `asr punctuation pauses` wrote")
    return shares / shares.sum(axis=1, keepdims=True)
