"""Words that differ in their spaces alone: found with the fewest errors, counted apart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.evaluation.compounds import Place, find_compounds, merge_compounds
from asr.evaluation.scoring import ErrorCounts, score


def merged(reference: str, hypothesis: str) -> ErrorCounts:
    return merge_compounds(score([("u", reference, hypothesis)]))[0].words


@pytest.mark.parametrize(
    ("reference", "hypothesis", "wanted"),
    [
        ("is any body here", "is anybody here", ErrorCounts(hits=4)),
        ("is anybody here", "is any body here", ErrorCounts(hits=3)),
        ("never the less", "nevertheless", ErrorCounts(hits=3)),
        ("any body", "some body", ErrorCounts(hits=1, substitutions=1)),
        ("a b c d", "ab cd", ErrorCounts(hits=4)),
        ("white paper bag", "whitepaper back", ErrorCounts(hits=2, substitutions=1)),
        # Two words on either side: kaldialign does not count these alike, either.
        ("ab c", "a bc", ErrorCounts(substitutions=2)),
        ("", "a b", ErrorCounts(insertions=2)),
    ],
)
def test_compounds_are_right_and_the_reference_keeps_its_words(
    reference: str, hypothesis: str, wanted: ErrorCounts
) -> None:
    assert merged(reference, hypothesis) == wanted


def test_what_was_merged_is_counted_beside_what_it_was_before() -> None:
    scored = score([("u", "any body", "anybody"), ("v", "any body", "anybody x"), ("w", "ok", "o k")])
    after, what = merge_compounds(scored)
    assert what.before == scored.words
    assert what.before.errors == 6
    assert after.words == ErrorCounts(hits=5, insertions=1)
    assert list(what.compounds.items()) == [(("any body", "anybody"), 2), (("ok", "o k"), 1)]
    assert after.utterances[1].hypothesis == "any body x"


def test_a_place_is_taken_only_where_it_saves_errors() -> None:
    assert find_compounds(["a", "b", "ab"], ["ab", "a", "b"]) != []
    assert find_compounds(["x", "a", "b", "ab"], ["x", "a", "b", "ab"]) == []
    assert find_compounds(["in", "to", "it"], ["into", "it"]) == [Place((0, 2), (0, 1))]


def test_words_of_a_compound_are_not_taken_apart_to_be_right_elsewhere() -> None:
    # kaldialign 0.12 counts 5; the hypothesis spelled as the reference, aligned freely, would have 4.
    assert merged("aba aba bc c", "aba ba bc ba a ba b").errors == 5


@settings(max_examples=300)
@given(*[st.lists(st.sampled_from(["a", "b", "ab", "ba", "aba", "c", "bc", "abc"]), max_size=8)] * 2)
def test_errors_are_those_of_kaldialign(reference: list[str], hypothesis: list[str]) -> None:
    kaldialign = pytest.importorskip("kaldialign")
    theirs = kaldialign.edit_distance(reference, hypothesis, merge_compounds=True)
    ours = merged(" ".join(reference), " ".join(hypothesis))
    assert ours.errors == theirs["total"]
    assert ours.reference_length == theirs["ref_len"]
