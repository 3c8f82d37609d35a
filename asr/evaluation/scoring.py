"""Word, character and sentence error rates: counts first, rates derived from pooled counts.

Alignments are jiwer's (Levenshtein, all three errors of cost 1), which is what NIST's `sclite` totals
agree with up to its choice of weights.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import jiwer

Operation = Literal["equal", "substitute", "delete", "insert"]


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Errors of an alignment. They add; rates are taken from sums.

    Attributes:
        hits, substitutions, deletions: what became of the reference's units.
        insertions: units of the hypothesis that the reference lacks.
    """

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: "ErrorCounts") -> "ErrorCounts":
        return ErrorCounts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def reference_length(self) -> int:
        """Units of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float:
        """Errors a reference unit; 0 when both are empty, infinity when only the reference is."""
        if self.reference_length:
            return self.errors / self.reference_length
        return float("inf") if self.errors else 0.0


class AlignedPair(NamedTuple):
    """One step of a word alignment; the missing side of a deletion or insertion is ""."""

    operation: Operation
    reference: str
    hypothesis: str


@dataclass(frozen=True, slots=True)
class ScoredUtterance:
    """An utterance with its errors.

    Attributes:
        id: as in the manifest.
        reference, hypothesis: transcripts as they were compared.
        words, characters: counts over words, and over characters with single spaces between words.
        alignment: reference and hypothesis word by word.
    """

    id: str
    reference: str
    hypothesis: str
    words: ErrorCounts
    characters: ErrorCounts
    alignment: tuple[AlignedPair, ...]


@dataclass(frozen=True)
class Score:
    """A set of scored utterances, with pooled rates.

    Attributes:
        utterances: each with its own counts.
    """

    utterances: Sequence[ScoredUtterance] = field(repr=False)

    @property
    def words(self) -> ErrorCounts:
        """Pooled word counts."""
        return sum((utterance.words for utterance in self.utterances), ErrorCounts())

    @property
    def characters(self) -> ErrorCounts:
        """Pooled character counts."""
        return sum((utterance.characters for utterance in self.utterances), ErrorCounts())

    @property
    def wer(self) -> float:
        """Word error rate: pooled word errors over reference words."""
        return self.words.rate

    @property
    def cer(self) -> float:
        """Character error rate: pooled character errors over reference characters."""
        return self.characters.rate

    @property
    def wrong_sentences(self) -> int:
        """Utterances with at least one word error."""
        return sum(utterance.words.errors > 0 for utterance in self.utterances)

    @property
    def ser(self) -> float:
        """Sentence error rate: the share of utterances with a word error; 0 when there are none."""
        return self.wrong_sentences / len(self.utterances) if self.utterances else 0.0


def score(pairs: Iterable[tuple[str, str, str]]) -> Score:
    """Score hypotheses against references.

    Args:
        pairs: (id, reference, hypothesis), words parted by white space. Either may be empty: an empty
            reference makes every hypothesis word an insertion.
    """
    return Score([score_utterance(*pair) for pair in pairs])


def score_utterance(utterance_id: str, reference: str, hypothesis: str) -> ScoredUtterance:
    """Align one pair, by words and by characters."""
    reference_words, hypothesis_words = reference.split(), hypothesis.split()
    reference, hypothesis = " ".join(reference_words), " ".join(hypothesis_words)
    alignment = align_words(reference_words, hypothesis_words)
    operations = [pair.operation for pair in alignment]
    words = ErrorCounts(
        hits=operations.count("equal"),
        substitutions=operations.count("substitute"),
        deletions=operations.count("delete"),
        insertions=operations.count("insert"),
    )
    return ScoredUtterance(
        utterance_id, reference, hypothesis, words, count_characters(reference, hypothesis), alignment
    )


def align_words(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[AlignedPair, ...]:
    """The cheapest word alignment, through jiwer; one pair a step, in order."""
    # jiwer refuses empty references; there everything is an insertion.
    if not reference:
        return tuple(AlignedPair("insert", "", word) for word in hypothesis)
    if not hypothesis:
        return tuple(AlignedPair("delete", word, "") for word in reference)
    chunks = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments[0]
    pairs: list[AlignedPair] = []
    for chunk in chunks:
        left = reference[chunk.ref_start_idx : chunk.ref_end_idx]
        right = hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "delete":
            pairs += [AlignedPair("delete", word, "") for word in left]
        elif chunk.type == "insert":
            pairs += [AlignedPair("insert", "", word) for word in right]
        else:
            operation: Operation = "equal" if chunk.type == "equal" else "substitute"
            pairs += [AlignedPair(operation, a, b) for a, b in zip(left, right, strict=True)]
    return tuple(pairs)


def count_characters(reference: str, hypothesis: str) -> ErrorCounts:
    """Character errors, spaces counted, through jiwer."""
    if not reference:
        return ErrorCounts(insertions=len(hypothesis))
    if not hypothesis:
        return ErrorCounts(deletions=len(reference))
    found = jiwer.process_characters(reference, hypothesis)
    return ErrorCounts(found.hits, found.substitutions, found.deletions, found.insertions)
