"""References and hypotheses are brought together by id, or it is said why not."""

import pytest

from asr.errors import EvaluationError
from asr.evaluation.transcript import Transcript, TranscriptPair, pair_transcripts


def pair(
    references: list[tuple[str, str]], hypotheses: list[tuple[str, str]], **options: bool
) -> list[TranscriptPair]:
    def read(name: str, items: list[tuple[str, str]]) -> list[Transcript]:
        return [Transcript(key, text, f"{name}:{line}") for line, (key, text) in enumerate(items, 1)]

    return pair_transcripts(
        read("ref", references),
        read("hyp", hypotheses),
        reference_name="ref",
        hypothesis_name="hyp",
        **options,
    )


def test_pairs_come_in_the_order_of_the_references() -> None:
    found = pair([("b", "1"), ("a", "2")], [("a", "x"), ("b", "y")])
    assert [(item.id, item.reference, item.hypothesis) for item in found] == [
        ("b", "1", "y"),
        ("a", "2", "x"),
    ]


def test_a_missing_hypothesis_is_named_or_counted_as_empty_when_asked() -> None:
    references = [("a", "x"), ("b", "y"), ("c", "z")]
    with pytest.raises(
        EvaluationError, match=r"ref:2 \(utt b\): no hypothesis in hyp; 2 \(b, c\) of 3 references"
    ):
        pair(references, [("a", "x")])
    found = pair(references, [("a", "x")], missing_as_empty=True)
    assert [item.hypothesis for item in found] == ["x", "", ""]


def test_a_hypothesis_without_a_reference_is_always_an_error() -> None:
    with pytest.raises(
        EvaluationError, match=r"hyp:2 \(utt z\): no reference in ref; 1 \(z\) of 2 hypotheses"
    ):
        pair([("a", "x")], [("a", "x"), ("z", "y")], missing_as_empty=True)


@pytest.mark.parametrize("side", ["ref", "hyp"])
def test_a_doubled_id_is_named_with_both_places(side: str) -> None:
    once, twice = [("a", "x")], [("a", "x"), ("a", "x")]
    with pytest.raises(EvaluationError, match=rf"{side}:2 \(utt a\): id already used at {side}:1"):
        pair(twice if side == "ref" else once, twice if side == "hyp" else once)


def test_references_all_empty_are_an_error() -> None:
    with pytest.raises(EvaluationError, match="ref: all 2 references are empty"):
        pair([("a", ""), ("b", " ")], [("a", "x"), ("b", "")])
