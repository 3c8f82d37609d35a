"""Words that differ in their spaces alone ("any body", "anybody"), counted as right on request.

The hypothesis is spelled as the reference where one word of one side is several words of the other; which of such places
are taken is what gives the fewest errors. The errors left are those of kaldialign's `merge_compounds`, with which the Open
ASR leaderboard counts; the number of reference words stays.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from asr.errors import EvaluationError
from asr.evaluation.scoring import Alignment, ErrorCounts, Score, ScoredUtterance, score, with_operations

# What reports say of it.
MERGED = "compounds that differ in spaces alone (any body, anybody) are right, as kaldialign counts them"

# Two bytes a cell, reference words times hypothesis words.
_MOST_CELLS = 100_000_000


class Place(NamedTuple):
    """Words `[start, end)` of the reference and of the hypothesis that are the same letters."""

    reference: tuple[int, int]
    hypothesis: tuple[int, int]


class Merged(NamedTuple):
    """What counting compounds as right has changed.

    Attributes:
        before: word counts with compounds as errors.
        compounds: (reference, hypothesis) -> how often, most frequent first; they are hits now.
    """

    before: ErrorCounts
    compounds: Counter[tuple[str, str]]


def merge_compounds(scored: Score, *, alignment: Alignment = "levenshtein") -> tuple[Score, Merged]:
    """Count compounds as right.

    Args:
        scored: as the words are.
        alignment: with which it was scored.

    Raises:
        EvaluationError: an utterance with compounds is too long.
    """
    utterances = list(scored.utterances)
    found: dict[int, list[Place]] = {}
    compounds: Counter[tuple[str, str]] = Counter()
    for index, utterance in enumerate(utterances):
        if not utterance.words.errors:
            continue
        reference, hypothesis = utterance.reference.split(), utterance.hypothesis.split()
        try:
            places = find_compounds(reference, hypothesis)
        except ValueError as error:
            raise EvaluationError(
                f"utt {utterance.id}: {error}; expected shorter utterances; cut them, as STM does"
            ) from None
        if places:
            found[index] = places
            compounds.update(
                (" ".join(reference[slice(*place.reference)]), " ".join(hypothesis[slice(*place.hypothesis)]))
                for place in places
            )
    again = score(
        (
            (
                utterances[index].id,
                utterances[index].readings or utterances[index].reference,
                " ".join(_spelled_alike(utterances[index], places)),
            )
            for index, places in found.items()
        ),
        alignment=alignment,
    )
    for index, utterance in zip(found, again.utterances, strict=True):
        # Compounds stay aligned with each other: words of one are not taken apart to be right elsewhere.
        fixed = None if utterance.readings else _aligned_between(utterances[index], found[index], alignment)
        utterances[index] = utterance if fixed is None else with_operations(utterance, fixed)
    return Score(utterances), Merged(scored.words, Counter(dict(compounds.most_common())))


def find_compounds(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Place]:
    """Where one word of one side is several of the other, as the alignment with the fewest errors has it.

    Raises:
        ValueError: there are such places, and too many words to align.
    """
    candidates = [
        *(Place((one, one + 1), many) for one, many in _joined(reference, hypothesis)),
        *(Place(many, (one, one + 1)) for one, many in _joined(hypothesis, reference)),
    ]
    if not candidates:
        return []
    if len(reference) * len(hypothesis) > _MOST_CELLS:
        raise ValueError(
            f"{len(reference):,} words of a reference against {len(hypothesis):,} of a hypothesis are too many to look "
            "for compounds"
        )
    jumps: defaultdict[int, list[Place]] = defaultdict(list)
    for place in candidates:
        jumps[place.reference[1]].append(place)
    return _trace(_distances(reference, hypothesis, jumps), reference, hypothesis, jumps)


def _joined(ones: Sequence[str], parts: Sequence[str]) -> Iterable[tuple[int, tuple[int, int]]]:
    """Positions of words, and the stretches of the other side that they are when joined."""
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for position, word in enumerate(ones):
        positions[word].append(position)
    longest = max(map(len, ones), default=0)
    for start in range(len(parts)):
        joined, end = parts[start], start + 1
        while end < len(parts) and len(joined) < longest:
            joined, end = joined + parts[end], end + 1
            for position in positions.get(joined, ()):
                yield position, (start, end)


def _distances(
    reference: Sequence[str], hypothesis: Sequence[str], jumps: dict[int, list[Place]]
) -> np.ndarray:
    """Fewest errors between the first i and the first j words, `(N + 1, M + 1)`; a jump costs nothing."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys([*reference, *hypothesis]))}
    words = np.array([numbers[word] for word in hypothesis])
    longest = len(reference) + len(hypothesis)
    columns = np.arange(len(hypothesis) + 1, dtype=np.int16 if longest < 2**15 else np.int32)
    table = np.empty((len(reference) + 1, len(columns)), columns.dtype)
    table[0] = columns
    for row, word in enumerate(reference, 1):
        before, here = table[row - 1], table[row]
        here[0] = row
        here[1:] = np.minimum(before[1:] + 1, before[:-1] + (words != numbers[word]))
        for place in jumps.get(row, ()):
            end = place.hypothesis[1]
            here[end] = min(here[end], table[place.reference[0], place.hypothesis[0]])
        # Insertions, all at once: the least of what stands to the left and the words in between.
        here[:] = np.minimum.accumulate(here - columns) + columns
    return table


def _trace(
    table: np.ndarray, reference: Sequence[str], hypothesis: Sequence[str], jumps: dict[int, list[Place]]
) -> list[Place]:
    """The jumps on a way with the fewest errors; where others are as good, they are taken last."""
    found: list[Place] = []
    row, column = len(reference), len(hypothesis)
    while row and column:
        here = table[row, column]
        if here == table[row - 1, column - 1] + (reference[row - 1] != hypothesis[column - 1]):
            row, column = row - 1, column - 1
        elif here == table[row - 1, column] + 1:
            row -= 1
        elif here == table[row, column - 1] + 1:
            column -= 1
        else:
            place = next(
                item
                for item in jumps[row]
                if item.hypothesis[1] == column and table[item.reference[0], item.hypothesis[0]] == here
            )
            found.append(place)
            row, column = place.reference[0], place.hypothesis[0]
    return found[::-1]


def _spelled_alike(utterance: ScoredUtterance, places: Sequence[Place]) -> list[str]:
    """The words of the hypothesis, compounds as in the reference."""
    reference, hypothesis = utterance.reference.split(), utterance.hypothesis.split()
    words: list[str] = []
    at = 0
    for place in places:
        words += [*hypothesis[at : place.hypothesis[0]], *reference[slice(*place.reference)]]
        at = place.hypothesis[1]
    return [*words, *hypothesis[at:]]


def _aligned_between(utterance: ScoredUtterance, places: Sequence[Place], alignment: Alignment) -> str:
    """The operations: what stands between two places aligned by itself, the places correct."""
    reference, hypothesis = utterance.reference.split(), utterance.hypothesis.split()
    starts = [(0, 0), *((place.reference[1], place.hypothesis[1]) for place in places)]
    ends = [
        *((place.reference[0], place.hypothesis[0]) for place in places),
        (len(reference), len(hypothesis)),
    ]
    between = score(
        (
            ("", " ".join(reference[start[0] : end[0]]), " ".join(hypothesis[start[1] : end[1]]))
            for start, end in zip(starts, ends, strict=True)
        ),
        alignment=alignment,
    )
    correct = ["C" * (place.reference[1] - place.reference[0]) for place in places]
    return "".join(
        piece.operations + letters for piece, letters in zip(between.utterances, [*correct, ""], strict=True)
    )
