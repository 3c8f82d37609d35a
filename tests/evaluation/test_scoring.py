"""Counts against counting by hand and by brute force."""

from functools import lru_cache

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.evaluation.sclite_alignment import align_like_sclite
from asr.evaluation.scoring import ErrorCounts, Score, score, score_utterance

words = st.lists(st.sampled_from(["a", "b", "ü", "don't", "北京"]), max_size=7).map(" ".join)


def cheapest(reference: list[str], hypothesis: list[str], *, substitution: int, gap: int) -> int:
    """Cost of the best alignment, by trying all."""

    @lru_cache(None)
    def cost(row: int, column: int) -> int:
        if row == len(reference) or column == len(hypothesis):
            return gap * (len(reference) - row + len(hypothesis) - column)
        same = reference[row] == hypothesis[column]
        return min(
            cost(row + 1, column + 1) + (0 if same else substitution),
            cost(row + 1, column) + gap,
            cost(row, column + 1) + gap,
        )

    return cost(0, 0)


def test_counts_of_a_hand_made_example() -> None:
    found = score_utterance("u", "the cat sat on the mat", "the cat sit on mat today")
    assert found.words == ErrorCounts(hits=4, substitutions=1, deletions=1, insertions=1)
    assert found.words.rate == pytest.approx(3 / 6)


def test_of_alignments_with_as_few_errors_the_one_with_most_hits_counts() -> None:
    # Two substitutions, or a deletion and an insertion around a hit.
    assert score_utterance("u", "a b", "b c").operations == "DCI"


def test_an_extra_hit_is_not_bought_with_an_extra_error() -> None:
    pair = ("u", "p q r x y", "x y s t u")
    assert score([pair]).words == ErrorCounts(substitutions=5)
    assert score([pair], alignment="sclite").words == ErrorCounts(hits=2, deletions=3, insertions=3)


def test_character_counts_include_single_spaces() -> None:
    assert score_utterance("u", "a  b", "ab").characters == ErrorCounts(hits=2, deletions=1)


def test_rates_pool_counts_over_utterances() -> None:
    found = score([("1", "a b c d e f g h i j", "a b c d e f g h i j"), ("2", "x", "y")])
    assert found.wer == pytest.approx(1 / 11)
    assert found.ser == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "counts"),
    [
        ("", "", ErrorCounts()),
        ("", "a b", ErrorCounts(insertions=2)),
        ("a b", "", ErrorCounts(deletions=2)),
        ("\t a\u3000b ", "a b", ErrorCounts(hits=2)),
    ],
)
def test_empty_sides_and_white_space(reference: str, hypothesis: str, counts: ErrorCounts) -> None:
    assert score_utterance("u", reference, hypothesis).words == counts


def test_a_word_on_an_empty_reference_has_no_rate_but_counts_in_the_pool() -> None:
    found = score([("1", "", "uh"), ("2", "a b", "a b")])
    assert found.utterances[0].words.rate == float("inf")
    assert found.wer == pytest.approx(1 / 2)


def test_no_utterances_have_no_errors() -> None:
    assert (Score([]).wer, Score([]).ser) == (0.0, 0.0)


@given(words, words)
def test_errors_are_the_fewest_possible(reference: str, hypothesis: str) -> None:
    found = score_utterance("u", reference, hypothesis).words
    assert found.errors == cheapest(reference.split(), hypothesis.split(), substitution=1, gap=1)


@given(words, words)
def test_sclite_alignment_is_the_cheapest_under_its_weights(reference: str, hypothesis: str) -> None:
    letters = align_like_sclite(reference.split(), hypothesis.split())
    cost = 4 * letters.count("S") + 3 * (letters.count("D") + letters.count("I"))
    assert cost == cheapest(reference.split(), hypothesis.split(), substitution=4, gap=3)


@given(words, words, st.sampled_from(["levenshtein", "sclite"]))
def test_alignment_spells_both_sides_and_agrees_with_the_counts(
    reference: str, hypothesis: str, how: str
) -> None:
    utterance = score([("u", reference, hypothesis)], alignment=how).utterances[0]  # type: ignore[arg-type]
    pairs = utterance.alignment
    assert [pair.reference for pair in pairs if pair.reference] == reference.split()
    assert [pair.hypothesis for pair in pairs if pair.hypothesis] == hypothesis.split()
    assert sum(pair.operation == "equal" for pair in pairs) == utterance.words.hits
    assert all((pair.reference == pair.hypothesis) == (pair.operation == "equal") for pair in pairs)
    assert sum(pair.operation != "equal" for pair in pairs) == utterance.words.errors


@given(
    st.lists(st.tuples(words, words), min_size=1, max_size=4).filter(
        lambda pairs: any(one for one, _ in pairs)
    )
)
def test_match_error_rate_and_word_information_are_jiwer_s(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = zip(*(pair for pair in pairs if pair[0]), strict=True)
    theirs = jiwer.process_words([*references], [*hypotheses])
    ours = ErrorCounts(theirs.hits, theirs.substitutions, theirs.deletions, theirs.insertions)
    assert ours.match_error_rate == pytest.approx(theirs.mer)
    assert ours.information_lost == pytest.approx(theirs.wil)
    assert ours.information_preserved == pytest.approx(theirs.wip)


def test_match_error_rate_and_word_information_of_nothing() -> None:
    assert (ErrorCounts().match_error_rate, ErrorCounts().information_lost) == (0.0, 0.0)
    assert (ErrorCounts(insertions=2).match_error_rate, ErrorCounts(insertions=2).information_lost) == (
        1.0,
        1.0,
    )
