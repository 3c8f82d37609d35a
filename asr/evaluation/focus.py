"""How words and phrases that matter (names, terms, hot words) are recognised: recall, precision, F1."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from asr.evaluation.scoring import ScoredUtterance


class FocusWord(NamedTuple):
    """A word or phrase of the list.

    Attributes:
        phrase: as it is compared, words parted by single spaces.
        said: times in the references.
        recognised: times in the hypotheses.
        right: times that all its words are aligned with each other.
    """

    phrase: str
    said: int
    recognised: int
    right: int

    @property
    def recall(self) -> float:
        """Share of what was said that was recognised; NaN when it was never said."""
        return self.right / self.said if self.said else float("nan")

    @property
    def precision(self) -> float:
        """Share of what was recognised that was said; NaN when it was never recognised."""
        return self.right / self.recognised if self.recognised else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision; NaN when it was neither said nor recognised."""
        both = self.said + self.recognised
        return 2 * self.right / both if both else float("nan")


class Focus(NamedTuple):
    """A list of words and phrases on a test set.

    Attributes:
        words: those said or recognised, most often said first.
        total: all together; its phrase is "all".
        unseen: of the list, how many are in no reference and no hypothesis.
    """

    words: Sequence[FocusWord]
    total: FocusWord
    unseen: int


def count_focus(utterances: Iterable[ScoredUtterance], phrases: Iterable[str]) -> Focus:
    """Count words and phrases; where phrases hold one another, each counts.

    Args:
        utterances: with their alignments.
        phrases: spelled as the utterances are; alike ones count once.
    """
    wanted = dict.fromkeys(tuple(phrase.split()) for phrase in phrases if phrase.split())
    by_first: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for phrase in wanted:
        by_first[phrase[0]].append(phrase)
    said: Counter[tuple[str, ...]] = Counter()
    recognised: Counter[tuple[str, ...]] = Counter()
    right: Counter[tuple[str, ...]] = Counter()
    for utterance in utterances:
        reference, hypothesis = utterance.reference.split(), utterance.hypothesis.split()
        recognised.update(phrase for _, phrase in _occurrences(hypothesis, by_first))
        partners: list[int] | None = None
        for start, phrase in _occurrences(reference, by_first):
            said[phrase] += 1
            partners = _partners(utterance.operations) if partners is None else partners
            first = partners[start]
            if first >= 0 and partners[start : start + len(phrase)] == [*range(first, first + len(phrase))]:
                right[phrase] += 1
    found = [
        FocusWord(" ".join(phrase), said[phrase], recognised[phrase], right[phrase])
        for phrase in wanted
        if said[phrase] or recognised[phrase]
    ]
    found.sort(key=lambda word: (-word.said, -word.recognised, word.phrase))
    return Focus(
        found,
        FocusWord("all", said.total(), recognised.total(), right.total()),
        len(wanted) - len(found),
    )


def _occurrences(
    words: Sequence[str], by_first: Mapping[str, Sequence[tuple[str, ...]]]
) -> Iterable[tuple[int, tuple[str, ...]]]:
    for start, word in enumerate(words):
        for phrase in by_first.get(word, ()):
            if tuple(words[start : start + len(phrase)]) == phrase:
                yield start, phrase


def _partners(operations: str) -> list[int]:
    """The position of the hypothesis word that each reference word is right with; -1 for none."""
    partners: list[int] = []
    at = 0
    for letter in operations:
        if letter != "I":
            partners.append(at if letter == "C" else -1)
        at += letter != "D"
    return partners
