"""The word alignment that NIST's `sclite` makes: a substitution costs 4, a deletion or insertion 3.

Among alignments of equal cost sclite steps back from the end and takes a pair of words (hit or
substitution) first, then an insertion, then a deletion; so do we, and get its counts and its alignment
word for word.
"""

from collections.abc import Sequence

import numpy as np

_SUBSTITUTION, _GAP = 4, 3
_PAIR, _DELETION, _INSERTION = 0, 1, 2
# From this many cells on, filling whole diagonals with NumPy is the quicker way.
_LARGE = 2500


def align_like_sclite(reference: Sequence[str], hypothesis: Sequence[str]) -> str:
    """Align two word sequences.

    Returns:
        A letter a step: C correct, S substituted, D deleted (reference only), I inserted (hypothesis only).
    """
    fill = _fill_by_diagonals if len(reference) * len(hypothesis) > _LARGE else _fill_by_rows
    steps = fill(reference, hypothesis)
    letters: list[str] = []
    row, column = len(reference), len(hypothesis)
    while row or column:
        step = _INSERTION if row == 0 else _DELETION if column == 0 else steps[row][column]
        if step == _PAIR:
            row, column = row - 1, column - 1
            letters.append("C" if reference[row] == hypothesis[column] else "S")
        elif step == _DELETION:
            row -= 1
            letters.append("D")
        else:
            column -= 1
            letters.append("I")
    return "".join(reversed(letters))


def _fill_by_rows(reference: Sequence[str], hypothesis: Sequence[str]) -> list[list[int]]:
    """The last step into each cell (row of the reference, column of the hypothesis), from 1."""
    above = [_GAP * column for column in range(len(hypothesis) + 1)]
    steps = [[_INSERTION] * (len(hypothesis) + 1)]
    for row, word in enumerate(reference, 1):
        current, taken = [_GAP * row], [_DELETION]
        for column, other in enumerate(hypothesis, 1):
            pair = above[column - 1] + (0 if word == other else _SUBSTITUTION)
            deletion, insertion = above[column] + _GAP, current[column - 1] + _GAP
            if pair <= deletion and pair <= insertion:
                current.append(pair)
                taken.append(_PAIR)
            elif deletion < insertion:
                current.append(deletion)
                taken.append(_DELETION)
            else:
                current.append(insertion)
                taken.append(_INSERTION)
        above = current
        steps.append(taken)
    return steps


def _fill_by_diagonals(reference: Sequence[str], hypothesis: Sequence[str]) -> np.ndarray:
    """As `_fill_by_rows`; the cells of an antidiagonal (row + column constant) do not need each other."""
    numbers: dict[str, int] = {}
    left = np.array([numbers.setdefault(word, len(numbers)) for word in reference])
    right = np.array([numbers.setdefault(word, len(numbers)) for word in hypothesis])
    rows, columns = len(left), len(right)
    steps = np.zeros((rows + 1, columns + 1), dtype=np.int8)
    # Costs of the two diagonals before, by row; cell (row, 0) costs a deletion a row, (0, column) likewise.
    before = np.full(rows + 1, 0, dtype=np.int64)
    last = np.full(rows + 1, _GAP, dtype=np.int64)
    for diagonal in range(2, rows + columns + 1):
        row = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        column = diagonal - row
        pair = before[row - 1] + np.where(left[row - 1] == right[column - 1], 0, _SUBSTITUTION)
        deletion, insertion = last[row - 1] + _GAP, last[row] + _GAP
        step = np.where(deletion < insertion, _DELETION, _INSERTION)
        step[(pair <= deletion) & (pair <= insertion)] = _PAIR
        steps[row, column] = step
        current = np.zeros(rows + 1, dtype=np.int64)
        current[row] = np.minimum(pair, np.minimum(deletion, insertion))
        if diagonal <= columns:
            current[0] = _GAP * diagonal
        if diagonal <= rows:
            current[diagonal] = _GAP * diagonal
        before, last = last, current
    return steps
