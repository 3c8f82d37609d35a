"""Systems in order of their word error rate, and which of them cannot be told apart.

Two systems are told apart when the matched-pairs test between them is significant after Holm's correction for the
number of all pairs. Not being told apart does not carry over (A from B, B from C, yet A from C may be), so that
groups overlap: letters, as statisticians write them (Piepho 2004, "An algorithm for a letter-based representation of
all-pairwise comparisons", insert and absorb). The ranks that a system may have follow from the same tests, as at
the shared tasks of machine translation.
"""

from collections.abc import Sequence
from itertools import product
from string import ascii_lowercase
from typing import NamedTuple

from asr.evaluation.comparison import SIGNIFICANT, Comparison, System
from asr.evaluation.significance import Interval, bootstrap_interval


class RankedSystem(NamedTuple):
    """A system's place.

    Attributes:
        system: with its errors.
        interval: 95 %, percentile bootstrap of its WER over utterances.
        best, worst: the ranks it may have, counted from 1: behind all that are told apart from it and better, before
            all that are told apart from it and worse.
        groups: letters of the groups it belongs to; systems that share one cannot be told apart.
    """

    system: System
    interval: Interval
    best: int
    worst: int
    groups: tuple[str, ...]

    @property
    def ranks(self) -> str:
        """The ranks in words: "2", "2 to 4"."""
        return f"{self.best}" if self.best == self.worst else f"{self.best} to {self.worst}"


def rank_systems(
    systems: Sequence[System],
    comparisons: Sequence[Comparison],
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> list[RankedSystem]:
    """Rank systems by WER, the lowest first.

    Args:
        systems: two or more.
        comparisons: of every pair, from `compare_systems`.
        resamples, seed: of the bootstrap.
    """
    order = sorted(systems, key=lambda system: system.score.wer)
    places = {system.name: place for place, system in enumerate(order)}
    apart = {
        tuple(sorted((places[item.first.name], places[item.second.name])))
        for item in comparisons
        if item.p < SIGNIFICANT
    }
    groups = _groups(len(order), sorted(apart))
    return [
        RankedSystem(
            system,
            bootstrap_interval(
                [utterance.words for utterance in system.score.utterances], resamples=resamples, seed=seed
            ),
            1 + sum((other, place) in apart for other in range(place)),
            len(order) - sum((place, other) in apart for other in range(place + 1, len(order))),
            tuple(
                letter
                for letter, members in zip(_letters(len(groups)), groups, strict=True)
                if place in members
            ),
        )
        for place, system in enumerate(order)
    ]


def groups_note(ranking: Sequence[RankedSystem]) -> str:
    """A sentence: the groups, and by which test."""
    members: dict[str, list[str]] = {}
    for ranked in ranking:
        for letter in ranked.groups:
            members.setdefault(letter, []).append(ranked.system.name)
    pairs = len(ranking) * (len(ranking) - 1) // 2
    listed = "; ".join(
        f"{letter}: {', '.join(members[letter])}" for letter in sorted(members, key=_letter_order)
    )
    correction = f", corrected for {pairs} comparisons (Holm)" if pairs > 1 else ""
    return (
        f"Systems that share a group cannot be told apart (matched-pairs test, p at least {SIGNIFICANT:g}{correction}): "
        f"{listed}"
    )


def _groups(count: int, apart: Sequence[tuple[int, ...]]) -> list[frozenset[int]]:
    """The largest sets in which no two are told apart, those of the best first."""
    groups = {frozenset(range(count))}
    for one, other in apart:
        both = {group for group in groups if one in group and other in group}
        parted = {group - {member} for group in both for member in (one, other)}
        groups = (groups - both) | parted
        groups = {group for group in groups if not any(group < larger for larger in groups)}
    return sorted(groups, key=sorted)


def _letters(count: int) -> list[str]:
    """a to z, then aa, ab, ..."""
    letters = list(ascii_lowercase)
    while len(letters) < count:
        letters += ["".join(both) for both in product(letters[-(26 ** len(letters[-1])) :], ascii_lowercase)]
    return letters[:count]


def _letter_order(letter: str) -> tuple[int, str]:
    return len(letter), letter
