"""Word, character and sentence error rates: counts first, rates derived from pooled counts.

Errors are jiwer's: the fewest possible (Levenshtein, every error of cost 1), as Kaldi and most papers
count them. Several alignments often have as few; of those we show and count by kind the one that NIST's
`sclite` makes (`sclite_alignment`), which has the most hits. sclite weighs a substitution 4 and the others 3,
and now and then counts an error more where that buys a hit; there `alignment="sclite"` follows it, too.

Of a reference with several readings (`nist_reference`) the nearest counts, under the same weights; an optional
word that is not said counts as a hit, as with sclite's option -D.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Literal, NamedTuple

import jiwer

from asr.errors import EvaluationError
from asr.evaluation.nist_reference import NistReference
from asr.evaluation.sclite_alignment import FEWEST_ERRORS, SCLITE, Costs, align_like_sclite, align_network

Operation = Literal["equal", "substitute", "delete", "insert"]
Alignment = Literal["levenshtein", "sclite"]

_OPERATIONS: dict[str, Operation] = {"C": "equal", "S": "substitute", "D": "delete", "I": "insert"}
_LETTERS: dict[str, str] = {name: letter for letter, name in _OPERATIONS.items()}
# sclite's alignment takes a byte a cell (reference words times hypothesis words): past this many, a day's
# speech in one utterance, jiwer's stays, and several readings are refused.
_MOST_CELLS = 100_000_000
# Bounds what jiwer holds at a time.
_BLOCK = 2000
_WORDS = jiwer.Compose([jiwer.ReduceToListOfListOfWords()])
_CHARACTERS = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])


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

    @property
    def hypothesis_length(self) -> int:
        """Units of the hypothesis (and optional words of the reference that are not said)."""
        return self.hits + self.substitutions + self.insertions

    @property
    def match_error_rate(self) -> float:
        """Errors an aligned pair, MER (Morris, Maier & Green 2004): at most 1; 0 when both sides are empty."""
        pairs = self.hits + self.errors
        return self.errors / pairs if pairs else 0.0

    @property
    def information_preserved(self) -> float:
        """Word information preserved, WIP (ibid.): hits over reference times hits over hypothesis; 1 when both are empty."""
        if not self.hits:
            return 0.0 if self.errors else 1.0
        return self.hits / self.reference_length * self.hits / self.hypothesis_length

    @property
    def information_lost(self) -> float:
        """Word information lost, WIL (ibid.): 1 less `information_preserved`."""
        return 1 - self.information_preserved


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
        reference, hypothesis: transcripts as they were compared, single spaces between words; of several
            readings the nearest, without optional words that are not said.
        words, characters: counts over words, and over characters with single spaces between words.
        operations: the word alignment, a letter a step: C correct, S substituted, D deleted, I inserted.
        readings: the reference with all its readings; None where it has one.
        unsaid: optional words of the reference that are not said; hits in `words`, and in no alignment.
    """

    id: str
    reference: str
    hypothesis: str
    words: ErrorCounts
    characters: ErrorCounts
    operations: str
    readings: NistReference | None = None
    unsaid: int = 0

    @property
    def alignment(self) -> tuple[AlignedPair, ...]:
        """Reference and hypothesis word by word."""
        references, hypotheses = iter(self.reference.split()), iter(self.hypothesis.split())
        return tuple(
            AlignedPair(
                _OPERATIONS[letter],
                next(references) if letter != "I" else "",
                next(hypotheses) if letter != "D" else "",
            )
            for letter in self.operations
        )


@dataclass(frozen=True)
class Score:
    """A set of scored utterances, with pooled rates.

    Attributes:
        utterances: each with its own counts.
    """

    utterances: Sequence[ScoredUtterance] = field(repr=False)

    @cached_property
    def words(self) -> ErrorCounts:
        """Pooled word counts."""
        return sum((utterance.words for utterance in self.utterances), ErrorCounts())

    @cached_property
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

    @cached_property
    def wrong_sentences(self) -> int:
        """Utterances with at least one word error."""
        return sum(utterance.words.errors > 0 for utterance in self.utterances)

    @property
    def ser(self) -> float:
        """Sentence error rate: the share of utterances with a word error; 0 when there are none."""
        return self.wrong_sentences / len(self.utterances) if self.utterances else 0.0


def score(
    pairs: Iterable[tuple[str, str | NistReference, str]], *, alignment: Alignment = "levenshtein"
) -> Score:
    """Score hypotheses against references.

    Args:
        pairs: (id, reference, hypothesis), words parted by white space. Either may be empty: an empty
            reference makes every hypothesis word an insertion. A reference may have several readings.
        alignment: "levenshtein" for the fewest errors, "sclite" for NIST's weights. Characters are
            always aligned with the fewest errors, as jiwer does.

    Raises:
        EvaluationError: an utterance with several readings is too long to align.
    """
    utterances: list[ScoredUtterance] = []
    waiting = iter(pairs)
    while block := list(islice(waiting, _BLOCK)):
        utterances += _score_block(block)
    if alignment == "sclite":
        utterances = [realign_like_sclite(utterance) for utterance in utterances]
    return Score(utterances)


def score_utterance(utterance_id: str, reference: str, hypothesis: str) -> ScoredUtterance:
    """Align one pair, by words and by characters."""
    return _score_plain([(utterance_id, reference, hypothesis)])[0]


def realign_like_sclite(utterance: ScoredUtterance) -> ScoredUtterance:
    """The utterance with the word alignment that sclite makes of it, whatever its errors."""
    if utterance.readings is not None:
        return _score_readings(utterance.id, utterance.readings, utterance.hypothesis, SCLITE)
    if utterance.words.errors == 0:
        return utterance
    return with_operations(
        utterance, align_like_sclite(utterance.reference.split(), utterance.hypothesis.split())
    )


def with_operations(utterance: ScoredUtterance, operations: str) -> ScoredUtterance:
    """The utterance, of a single reading, with another word alignment, and its counts."""
    return replace(utterance, words=_count_letters(operations), operations=operations)


def sclite_words(score: Score) -> ErrorCounts | None:
    """Pooled word counts as sclite has them, whatever alignment `score` was made with.

    sclite maximises 3 hits + substitutions, the fewest errors 2 hits + substitutions: less than two
    substitutions leave nothing to gain in a single reading, and nothing to align again. None when an
    utterance is too long.
    """
    total = ErrorCounts()
    for utterance in score.utterances:
        if utterance.readings is None and utterance.words.substitutions < 2:
            total += utterance.words
        elif utterance.readings is None and _is_too_long(utterance.reference, utterance.hypothesis):
            return None
        else:
            total += realign_like_sclite(utterance).words
    return total


def _is_too_long(reference: str, hypothesis: str) -> bool:
    return (reference.count(" ") + 1) * (hypothesis.count(" ") + 1) > _MOST_CELLS


def _prefer_sclite(operations: str, reference: str, hypothesis: str) -> str:
    """sclite's alignment in place of jiwer's where it has no more errors (see `sclite_words`)."""
    if operations.count("S") < 2 or _is_too_long(reference, hypothesis):
        return operations
    other = align_like_sclite(reference.split(), hypothesis.split())
    return other if _count_letters(other).errors == _count_letters(operations).errors else operations


def _score_block(block: Sequence[tuple[str, str | NistReference, str]]) -> list[ScoredUtterance]:
    plain = iter(
        _score_plain([(name, text, hypothesis) for name, text, hypothesis in block if isinstance(text, str)])
    )
    return [
        next(plain)
        if isinstance(reference, str)
        else _score_readings(utterance_id, reference, " ".join(hypothesis.split()), FEWEST_ERRORS)
        for utterance_id, reference, hypothesis in block
    ]


def _score_readings(
    utterance_id: str, readings: NistReference, hypothesis: str, costs: Costs
) -> ScoredUtterance:
    network = readings.network()
    if len(network.arcs) * (hypothesis.count(" ") + 1) > _MOST_CELLS:
        raise EvaluationError(
            f"utt {utterance_id}: {len(network.arcs):,} words of a reference with alternatives against "
            f"{hypothesis.count(' ') + 1:,} of a hypothesis; expected shorter utterances; cut them, as STM does"
        )
    found = align_network(network, hypothesis.split(), costs=costs)
    reference = " ".join(found.words)
    [characters] = _character_counts([reference], [hypothesis], [0])
    counts = _count_letters(found.operations) + ErrorCounts(hits=found.unsaid)
    return ScoredUtterance(
        utterance_id, reference, hypothesis, counts, characters, found.operations, readings, found.unsaid
    )


def _score_plain(block: Sequence[tuple[str, str, str]]) -> list[ScoredUtterance]:
    ids = [utterance_id for utterance_id, _, _ in block]
    references = [" ".join(reference.split()) for _, reference, _ in block]
    hypotheses = [" ".join(hypothesis.split()) for _, _, hypothesis in block]
    differing = [index for index in range(len(block)) if references[index] != hypotheses[index]]
    operations = dict(zip(differing, _operations(references, hypotheses, differing), strict=True))
    characters = dict(zip(differing, _character_counts(references, hypotheses, differing), strict=True))
    utterances = []
    for index, (utterance_id, reference, hypothesis) in enumerate(
        zip(ids, references, hypotheses, strict=True)
    ):
        letters = operations.get(index)
        if letters is None:
            letters = "C" * len(reference.split())
        else:
            letters = _prefer_sclite(letters, reference, hypothesis)
        utterances.append(
            ScoredUtterance(
                utterance_id,
                reference,
                hypothesis,
                _count_letters(letters),
                characters.get(index) or ErrorCounts(hits=len(reference)),
                letters,
            )
        )
    return utterances


def _operations(references: list[str], hypotheses: list[str], differing: list[int]) -> list[str]:
    if not differing:
        return []
    found = jiwer.process_words(
        [references[index] for index in differing],
        [hypotheses[index] for index in differing],
        reference_transform=_WORDS,
        hypothesis_transform=_WORDS,
    )
    return [
        "".join(
            _LETTERS[chunk.type]
            * max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
            for chunk in chunks
        )
        for chunks in found.alignments
    ]


def _character_counts(
    references: list[str], hypotheses: list[str], differing: list[int]
) -> list[ErrorCounts]:
    if not differing:
        return []
    found = jiwer.process_characters(
        [references[index] for index in differing],
        [hypotheses[index] for index in differing],
        reference_transform=_CHARACTERS,
        hypothesis_transform=_CHARACTERS,
    )
    counts = []
    for chunks in found.alignments:
        sums = {"equal": 0, "substitute": 0, "delete": 0, "insert": 0}
        for chunk in chunks:
            sums[chunk.type] += max(
                chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
            )
        counts.append(ErrorCounts(sums["equal"], sums["substitute"], sums["delete"], sums["insert"]))
    return counts


def _count_letters(letters: str) -> ErrorCounts:
    return ErrorCounts(letters.count("C"), letters.count("S"), letters.count("D"), letters.count("I"))
