"""The matched-pairs sentence-segment word error test (Gillick & Cox, ICASSP 1989), NIST's MAPSSWE.

Utterances are cut into segments that hold the errors of either system and are bounded by words both got
right, so that segments are about independent. The mean over segments of the difference in errors is then
tested for being zero.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_BOUNDARY = 2  # words in a row that both must get right to end a segment, as for sc_stats


class Segment(NamedTuple):
    """Word errors of both systems between stretches that both got right."""

    first: int
    second: int


class MatchedPairs(NamedTuple):
    """The test's outcome.

    Attributes:
        segments: how many, n.
        mean: of first's errors less second's, a segment.
        deviation: their standard deviation (n - 1).
        statistic: Z = mean / (deviation / sqrt(n)); 0 when the segments do not differ at all.
        p: two-sided, from the normal distribution.
    """

    segments: int
    mean: float
    deviation: float
    statistic: float
    p: float


def matched_pairs(pairs: Iterable[tuple[str, str]]) -> MatchedPairs:
    """Test whether two systems make equally many errors.

    Args:
        pairs: an utterance each: the operations (letters C, S, D, I) of the first system's alignment and of
            the second's, with the same reference.

    Raises:
        ValueError: the two alignments of an utterance have references of different length.
    """
    segments = [segment for first, second in pairs for segment in cut_segments(first, second)]
    return _test([segment.first - segment.second for segment in segments])


def cut_segments(first: str, second: str) -> list[Segment]:
    """The segments of one utterance; arguments as `matched_pairs`."""
    ours, theirs = _by_word(first), _by_word(second)
    if len(ours) != len(theirs):
        raise ValueError(f"references of {len(ours) - 1} and {len(theirs) - 1} words; expected the same")
    segments: list[Segment] = []
    open_first = open_second = good = 0
    is_open = False
    for index, (one, two) in enumerate(zip(ours, theirs, strict=True)):
        if one.insertions or two.insertions:
            open_first, open_second = open_first + one.insertions, open_second + two.insertions
            is_open, good = True, 0
        if index == len(ours) - 1:
            break
        if one.correct and two.correct:
            good += 1
            if is_open and good == _BOUNDARY:
                segments.append(Segment(open_first, open_second))
                open_first = open_second = 0
                is_open = False
        else:
            open_first, open_second = open_first + (not one.correct), open_second + (not two.correct)
            is_open, good = True, 0
    if is_open:
        segments.append(Segment(open_first, open_second))
    return segments


class _Word(NamedTuple):
    """A reference word: the insertions before it, and whether it was recognised."""

    insertions: int
    correct: bool


def _by_word(operations: str) -> list[_Word]:
    """One entry a reference word, and one for the end."""
    words, insertions = [], 0
    for letter in operations:
        if letter == "I":
            insertions += 1
        else:
            words.append(_Word(insertions, letter == "C"))
            insertions = 0
    return [*words, _Word(insertions, True)]


def _test(differences: Sequence[int]) -> MatchedPairs:
    count = len(differences)
    if count < 2:
        return MatchedPairs(count, sum(differences) / max(1, count), 0.0, 0.0, 1.0)
    mean = sum(differences) / count
    variance = sum((difference - mean) ** 2 for difference in differences) / (count - 1)
    deviation = math.sqrt(variance)
    if deviation == 0:
        # All segments differ by the same: no difference at all, or one without any spread.
        statistic = 0.0 if mean == 0 else math.copysign(math.inf, mean)
    else:
        statistic = mean / (deviation / math.sqrt(count))
    return MatchedPairs(count, mean, deviation, statistic, math.erfc(abs(statistic) / math.sqrt(2)))
