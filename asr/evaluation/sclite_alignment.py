"""The word alignment that NIST's `sclite` makes: a substitution costs 4, a deletion or insertion 3.

A reference with alternatives is a network of words (`nist_reference`), aligned by dynamic programming over its
arcs; a plain one is a network of one reading. An optional word that is not said costs 2 and counts as correct,
as with sclite's option -D; no word, where there might be one, costs next to nothing. Among alignments of equal
cost sclite steps back from the end and takes a pair of words (hit or substitution) first, then an insertion,
then a deletion, and the first reading of several; so do we, and get its counts and its alignment word for word.
(sclite adds in single precision: of readings that cost the same to a thousandth it takes, one time in thousands, the
one that rounding favours.)

Source: src/sclite/net_dp.c and word.c of NIST's SCTK 2.4.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from asr.evaluation.nist_reference import Arc, WordNetwork

_PAIR, _DELETION, _INSERTION = 0, 1, 2


class Costs(NamedTuple):
    """What the steps of an alignment cost, in thousandths of sclite's; a hit costs nothing.

    Attributes:
        substitution: a word for another.
        gap: a deletion or insertion.
        optional: an optional word that is not said.
        nothing: a reading of no word.
    """

    substitution: int
    gap: int
    optional: int
    nothing: int


SCLITE = Costs(4000, 3000, 2000, 1)
# An error outweighs what sclite might save on all others.
_ERROR = 1 << 40
FEWEST_ERRORS = Costs(_ERROR + 4000, _ERROR + 3000, 2000, 1)


class NetworkAlignment(NamedTuple):
    """A hypothesis against the reading that is nearest to it.

    Attributes:
        words: of the reading, without optional words that are not said.
        operations: a letter a step: C correct, S substituted, D deleted, I inserted.
        unsaid: optional words of the reading that are not said.
    """

    words: tuple[str, ...]
    operations: str
    unsaid: int


def align_like_sclite(reference: Sequence[str], hypothesis: Sequence[str]) -> str:
    """Align two word sequences.

    Returns:
        A letter a step: C correct, S substituted, D deleted (reference only), I inserted (hypothesis only).
    """
    arcs = tuple(Arc(word, (position,)) for position, word in enumerate(reference))
    return align_network(WordNetwork(arcs, (len(arcs),)), hypothesis).operations


def align_network(
    network: WordNetwork, hypothesis: Sequence[str], *, costs: Costs = SCLITE
) -> NetworkAlignment:
    """Align a hypothesis to the reading of a network, and in the way, that cost least."""
    steps, origins, end = _fill(network, hypothesis, costs)
    words: list[str] = []
    letters: list[str] = []
    unsaid = 0
    row, column = end, len(hypothesis)
    while row or column:
        step = _INSERTION if row == 0 else steps[row][column]
        if step == _INSERTION:
            letters.append("I")
            column -= 1
            continue
        arc = network.arcs[row - 1]
        if step == _PAIR:
            letters.append("C" if arc.word == hypothesis[column - 1] else "S")
            words.append(arc.word)
            column -= 1
        elif arc.is_optional:
            unsaid += 1
        elif arc.word:
            letters.append("D")
            words.append(arc.word)
        row = arc.before[0 if len(arc.before) == 1 else origins[row][column]]
    return NetworkAlignment(tuple(reversed(words)), "".join(reversed(letters)), unsaid)


def _fill(
    network: WordNetwork, hypothesis: Sequence[str], costs: Costs
) -> tuple[list[np.ndarray], dict[int, np.ndarray], int]:
    """The table of least costs, a row an arc (and one for the beginning), a column a word of the hypothesis.

    Returns:
        The last step into each cell, by row; which arc before a row's (an index into `Arc.before`) is the best
        in each column, for rows that may follow several; and the row of the best end.
    """
    numbers: dict[str, int] = {}
    spelled = np.array([numbers.setdefault(word, len(numbers)) for word in hypothesis], dtype=np.int64)
    columns = len(hypothesis) + 1
    inserted = costs.gap * np.arange(columns, dtype=np.int64)  # so much for the words up to a column
    last_use = {before: row for row, arc in enumerate(network.arcs, 1) for before in arc.before}
    last_use.update(dict.fromkeys(network.ends, len(network.arcs) + 1))
    rows = {0: inserted}
    steps = [np.full(columns, _INSERTION, dtype=np.int8)]
    origins: dict[int, np.ndarray] = {}
    for row, arc in enumerate(network.arcs, 1):
        best = rows[arc.before[0]]
        if len(arc.before) > 1:
            choices = np.stack([rows[before] for before in arc.before])
            origins[row] = choices.argmin(axis=0)
            best = choices.min(axis=0)
        skipped = costs.optional if arc.is_optional else costs.gap if arc.word else costs.nothing
        deletion = best + skipped
        pair = best[:-1] + np.where(spelled == numbers.get(arc.word, -1), 0, costs.substitution)
        least = deletion.copy()
        np.minimum(least[1:], pair, out=least[1:])
        # A run of insertions may follow whatever step is best: a running minimum over the columns before.
        least = np.minimum.accumulate(least - inserted) + inserted
        insertion = least[:-1] + costs.gap
        step = np.full(columns, _DELETION, dtype=np.int8)
        step[1:][insertion <= deletion[1:]] = _INSERTION
        step[1:][(pair <= deletion[1:]) & (pair <= insertion)] = _PAIR
        steps.append(step)
        rows[row] = least
        for before in arc.before:
            if last_use[before] == row:
                del rows[before]
    return steps, origins, min(network.ends, key=lambda end: rows[end][-1])
