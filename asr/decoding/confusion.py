"""What may have been said word by word: the N best texts of a stretch as a confusion network.

Each text has a probability, from its score. The others are aligned with the best by the fewest differences, so that their words stand
beside its own, and words of the same spelling are one (Mangu, Brill & Stolcke 2000, "Finding consensus in speech recognition", with the
best text as what others are aligned with: Hakkani-Tür & Riccardi 2003).
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from asr.decoding.hypothesis import Word

LEAST = 0.01  # of a probability, to be worth a mention


class ScoredText(NamedTuple):
    """What may have been said, and the natural logarithm that the decoder gives it (see `Hypothesis.score`)."""

    text: str
    score: float


class Choice(NamedTuple):
    """A word, "" for none, and the probability that it was said."""

    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class ConfusionSet:
    """Words of which one was said, or none of those that are named.

    Attributes:
        start, end: seconds, of the best text's word; of the gap between two of its words where others have one more.
        choices: the best text's first, then the most probable; probabilities add up to 1 at most.
    """

    start: float
    end: float
    choices: tuple[Choice, ...]

    def moved(self, seconds: float) -> "ConfusionSet":
        """The same, so many seconds later; times to the millisecond."""
        return replace(self, start=round(self.start + seconds, 3), end=round(self.end + seconds, 3))


def confusion_network(
    words: Sequence[Word], texts: Sequence[ScoredText], *, scale: float = 1.0, least: float = LEAST
) -> tuple[ConfusionSet, ...]:
    """The N best texts of a stretch, word by word.

    A word of the best text has its confidence for a probability; what others say in its place have theirs, at most what that leaves.

    Args:
        words: of the best text, with their times.
        texts: each once, the best one among them.
        scale: of scores, before they become probabilities; those of a search are too sure of themselves.
        least: choices less probable are left out.

    Returns:
        A set for each word of the best text, and in the gaps between them one for each word more that others have there.
    """
    best = [word.text for word in words]
    beside: list[dict[str, float]] = [defaultdict(float) for _ in best]
    gaps: list[list[dict[str, float]]] = [[] for _ in range(len(best) + 1)]
    scores = scale * np.array([one.score for one in texts])
    # Of texts that have no probability at all, none has a share.
    weights = np.exp(scores - max([-sys.float_info.max, *scores.tolist()]))
    shares = (weights / max(1.0, float(weights.sum()))).tolist()
    for text, share in zip(texts, shares, strict=True):
        for at, more, said in _beside(best, text.text.split()):
            if more == len(gaps[at]):
                gaps[at].append(defaultdict(float))
            (beside[at] if more is None else gaps[at][more])[said] += share
    sets: list[ConfusionSet] = []
    for at, gap in enumerate(gaps):
        start = words[at - 1].end if at else 0.0
        end = words[at].start if at < len(words) else start
        for found in gap:
            if choices := _choices(found, 1.0, least):
                none = Choice("", round(1 - sum(choice.probability for choice in choices), 4))
                sets.append(ConfusionSet(min(start, end), end, (none, *choices)))
        if at < len(words):
            word = words[at]
            beside[at].pop(word.text, None)
            others = _choices(beside[at], 1 - word.confidence, least)
            sets.append(ConfusionSet(word.start, word.end, (Choice(word.text, word.confidence), *others)))
    return tuple(sets)


def _beside(best: Sequence[str], other: Sequence[str]) -> Iterator[tuple[int, int | None, str]]:
    """(place in the best text, None, what the other has there), or (the place before which it has more, the number of it, the word)."""
    from rapidfuzz.distance import Levenshtein

    for one in Levenshtein.opcodes(best, other):
        said = other[one.dest_start : one.dest_end]
        paired = min(one.src_end - one.src_start, len(said))
        for step in range(paired):
            yield one.src_start + step, None, said[step]
        for place in range(one.src_start + paired, one.src_end):
            yield place, None, ""
        for number, word in enumerate(said[paired:]):
            yield one.src_start + paired, number, word


def _choices(shares: dict[str, float], room: float, least: float) -> list[Choice]:
    """The most probable first, all of them within `room`."""
    total = sum(shares.values())
    factor = min(1.0, room / total) if total > 0 else 0.0
    ranked = sorted(shares.items(), key=lambda one: (-one[1], one[0]))
    return [Choice(text, round(share * factor, 4)) for text, share in ranked if share * factor >= least]
