"""Two or more systems on the same utterances: which is better, how sure that is, and what changed."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from asr.errors import EvaluationError
from asr.evaluation.matched_pairs import MatchedPairs, matched_pairs
from asr.evaluation.scoring import Score, ScoredUtterance, realign_like_sclite
from asr.evaluation.significance import PairedBootstrap, paired_bootstrap

SIGNIFICANT = 0.05


class System(NamedTuple):
    """A system's scored utterances under a name."""

    name: str
    score: Score


class WordChange(NamedTuple):
    """A reference word that one system gets right and the other does not.

    Attributes:
        word: its spelling.
        fixed: times that the second is right where the first was wrong.
        broken: the other way round.
    """

    word: str
    fixed: int
    broken: int


class UtteranceChange(NamedTuple):
    """An utterance whose number of errors differs, as both systems recognise it (sclite's alignments)."""

    first: ScoredUtterance
    second: ScoredUtterance

    @property
    def gain(self) -> int:
        """Errors of the first less errors of the second; above 0 the second is better."""
        return self.first.words.errors - self.second.words.errors


class Comparison(NamedTuple):
    """A second system against a first.

    Attributes:
        first, second: the systems.
        bootstrap: of the difference of the word error rates, over utterances.
        by_speaker: the same, whole speakers drawn; None where fewer than two speakers are known.
        test: the matched-pairs test, on sclite's alignments as NIST's sc_stats does it.
        p: of the test, after Holm's correction for the number of comparisons.
        words: changed words, most changes first.
        dropped, added: words that only the first, and that only the second inserts.
        utterances: those with more or fewer errors, largest change first.
    """

    first: System
    second: System
    bootstrap: PairedBootstrap
    by_speaker: PairedBootstrap | None
    test: MatchedPairs
    p: float
    words: Sequence[WordChange]
    dropped: int
    added: int
    utterances: Sequence[UtteranceChange]

    @property
    def difference(self) -> float:
        """WER of the first less WER of the second, a fraction; above 0 the second is better."""
        return self.first.score.wer - self.second.score.wer

    @property
    def fixed(self) -> int:
        """Reference words that only the second gets right."""
        return sum(change.fixed for change in self.words)

    @property
    def broken(self) -> int:
        """Reference words that only the first gets right."""
        return sum(change.broken for change in self.words)

    @property
    def verdict(self) -> str:
        """One sentence: which is better, by how many points of WER, how sure."""
        interval = self.bootstrap.difference
        better = self.second.name if self.difference >= 0 else self.first.name
        low, high = (interval.low, interval.high) if self.difference >= 0 else (-interval.high, -interval.low)
        numbers = (
            f"better by {100 * abs(self.difference):.1f} points, 95 % interval {100 * low:.1f} to "
            f"{100 * high:.1f}, p {p_value(self.p)}"
        )
        if self.p < SIGNIFICANT:
            return f"{better} is {numbers}"
        if self.difference == 0:
            return (
                f"{self.first.name} and {self.second.name} have the same WER, 95 % interval of the difference "
                f"{100 * low:.1f} to {100 * high:.1f}, p {p_value(self.p)}"
            )
        return f"No difference shown between {self.first.name} and {self.second.name}: {better} is {numbers}"


def compare_systems(
    systems: Sequence[System],
    *,
    speakers: Sequence[str | None] | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare every pair of systems, in the order given.

    Args:
        systems: two or more, scored on the same utterances in the same order.
        speakers: one an utterance; None where unknown.
        resamples, seed: of the bootstrap.

    Raises:
        EvaluationError: the systems differ in utterances or references, or a reference has several readings.
    """
    _check_alike(systems)
    aligned = {
        system.name: [realign_like_sclite(utterance) for utterance in system.score.utterances]
        for system in systems
    }
    known = [speaker for speaker in speakers or () if speaker is not None]
    groups = known if len(known) == len(systems[0].score.utterances) and len(set(known)) > 1 else None
    found = []
    for first, second in combinations(systems, 2):
        ours, theirs = aligned[first.name], aligned[second.name]
        counts = [[utterance.words for utterance in system.score.utterances] for system in (first, second)]
        test = matched_pairs((one.operations, two.operations) for one, two in zip(ours, theirs, strict=True))
        dropped, added = _insertion_changes(ours, theirs)
        found.append(
            Comparison(
                first,
                second,
                paired_bootstrap(*counts, resamples=resamples, seed=seed),
                None
                if groups is None
                else paired_bootstrap(*counts, groups=groups, resamples=resamples, seed=seed),
                test,
                test.p,
                _word_changes(ours, theirs),
                dropped,
                added,
                sorted(
                    (
                        UtteranceChange(one, two)
                        for one, two in zip(ours, theirs, strict=True)
                        if one.words.errors != two.words.errors
                    ),
                    key=lambda change: -abs(change.gain),
                ),
            )
        )
    return [
        comparison._replace(p=p)
        for comparison, p in zip(found, holm([comparison.p for comparison in found]), strict=True)
    ]


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): the k-th smallest of n is multiplied by n - k + 1."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    corrected = [0.0] * len(values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, values[index] * (len(values) - rank)))
        corrected[index] = largest
    return corrected


def _check_alike(systems: Sequence[System]) -> None:
    first = systems[0]
    several = [utterance.id for utterance in first.score.utterances if utterance.readings is not None]
    if several:
        raise EvaluationError(
            f"utt {several[0]}: its reference has alternatives or optional words, and {len(several) - 1} more have; "
            "expected one reading, the same words for every system; decide for one, or take `asr score` of each"
        )
    references = {utterance.id: utterance.reference for utterance in first.score.utterances}
    for system in systems[1:]:
        others = {utterance.id: utterance.reference for utterance in system.score.utterances}
        for here, there, one, two in (
            (references, others, first.name, system.name),
            (others, references, system.name, first.name),
        ):
            missing = [name for name in here if name not in there]
            if missing:
                raise EvaluationError(
                    f"utt {missing[0]}: in {one}, but not in {two}, and {len(missing) - 1} more; expected the "
                    "same utterances of every system"
                )
        different = [name for name in references if references[name] != others[name]]
        if different:
            name = different[0]
            raise EvaluationError(
                f"utt {name}: reference {_short(references[name])!r} in {first.name}, {_short(others[name])!r} in "
                f"{system.name}, and {len(different) - 1} more differ; expected the same references of every system"
            )
        if list(references) != list(others):
            raise EvaluationError(f"{system.name}: its utterances are in another order than {first.name}'s")


def _word_changes(ours: Sequence[ScoredUtterance], theirs: Sequence[ScoredUtterance]) -> list[WordChange]:
    fixed: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for one, two in zip(ours, theirs, strict=True):
        if one.operations == two.operations:
            continue
        left = [letter == "C" for letter in one.operations if letter != "I"]
        right = [letter == "C" for letter in two.operations if letter != "I"]
        for word, before, after in zip(one.reference.split(), left, right, strict=True):
            if after and not before:
                fixed[word] += 1
            elif before and not after:
                broken[word] += 1
    changes = [WordChange(word, fixed[word], broken[word]) for word in fixed.keys() | broken.keys()]
    return sorted(changes, key=lambda change: (-(change.fixed + change.broken), change.word))


def _insertion_changes(ours: Sequence[ScoredUtterance], theirs: Sequence[ScoredUtterance]) -> tuple[int, int]:
    dropped = added = 0
    for one, two in zip(ours, theirs, strict=True):
        left, right = (
            Counter(pair.hypothesis for pair in utterance.alignment if pair.operation == "insert")
            if utterance.words.insertions
            else Counter[str]()
            for utterance in (one, two)
        )
        dropped += (left - right).total()
        added += (right - left).total()
    return dropped, added


def p_value(value: float) -> str:
    """A p-value with its sign: "= 0.042", "< 0.001"."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
