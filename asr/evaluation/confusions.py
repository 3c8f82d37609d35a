"""Which words are mistaken, for which, how often."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from asr.evaluation.scoring import ScoredUtterance

_EXAMPLES = 3


class Confusion(NamedTuple):
    """An error that occurs `times` times.

    Attributes:
        operation: "S", "D" or "I".
        reference, hypothesis: the words; "" on the side that has none.
        times: how often.
        of: how often the reference (for an insertion the hypothesis) has the word at all.
        examples: ids of a few utterances.
    """

    operation: str
    reference: str
    hypothesis: str
    times: int
    of: int
    examples: tuple[str, ...]


def count_confusions(utterances: Iterable[ScoredUtterance], *, most: int = 50) -> dict[str, list[Confusion]]:
    """The most frequent substitutions ("S"), deletions ("D") and insertions ("I"), at most `most` of each."""
    times: Counter[tuple[str, str, str]] = Counter()
    examples: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    spoken: Counter[str] = Counter()
    recognised: Counter[str] = Counter()
    for utterance in utterances:
        spoken.update(utterance.reference.split())
        recognised.update(utterance.hypothesis.split())
        if utterance.words.errors == 0:
            continue
        for letter, pair in zip(utterance.operations, utterance.alignment, strict=True):
            if letter != "C":
                key = (letter, pair.reference, pair.hypothesis)
                times[key] += 1
                if len(examples[key]) < _EXAMPLES and utterance.id not in examples[key]:
                    examples[key].append(utterance.id)
    found: dict[str, list[Confusion]] = {"S": [], "D": [], "I": []}
    for key, count in sorted(times.items(), key=lambda item: (-item[1], item[0])):
        letter, reference, hypothesis = key
        if len(found[letter]) < most:
            of = recognised[hypothesis] if letter == "I" else spoken[reference]
            found[letter].append(Confusion(letter, reference, hypothesis, count, of, tuple(examples[key])))
    return found
