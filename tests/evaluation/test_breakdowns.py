"""Parts of a set add up to the whole, and group what they say."""

import pytest

from asr.evaluation.breakdowns import Breakdown, break_down, by_focus, by_frequency, by_vocabulary
from asr.evaluation.calibration import calibration_curve, word_outcomes
from asr.evaluation.confusions import count_confusions
from asr.evaluation.scoring import ErrorCounts, score
from asr.evaluation.transcript import TranscriptPair

PAIRS = [
    TranscriptPair(
        f"u{number}",
        "a b c d",
        "a x c" if number % 3 == 0 else "a b c d",
        speaker="anna" if number < 4 else "bob",
        duration=1.0 + number,
        fields={"accent": "north" if number % 2 else "south", "snr": 10.0 + number, "flag": True},
    )
    for number in range(12)
]
UTTERANCES = score((pair.id, pair.reference, pair.hypothesis) for pair in PAIRS).utterances


def found(name: str) -> Breakdown:
    return next(item for item in break_down(PAIRS, UTTERANCES) if item.name == name)


def test_groups_of_every_breakdown_add_up_to_the_whole() -> None:
    total = sum((utterance.words for utterance in UTTERANCES), ErrorCounts())
    breakdowns = break_down(PAIRS, UTTERANCES, vocabulary={"a": 1, "b": 1}, focus={"c"})
    assert {item.name for item in breakdowns} == {
        "speaker", "duration, s", "speaking rate, words/s", "accent", "signal-to-noise ratio, dB", "vocabulary",
        "focus",
    }  # fmt: skip
    for breakdown in breakdowns:
        assert sum((group.words for group in breakdown.groups), ErrorCounts()) == total, breakdown.name


def test_speakers_are_groups_with_their_own_errors() -> None:
    groups = {group.name: group for group in found("speaker").groups}
    assert groups["anna"].utterances == 4
    assert groups["anna"].words == ErrorCounts(hits=12, substitutions=2, deletions=2)


def test_numbers_are_cut_into_fifths_in_order() -> None:
    groups = found("duration, s").groups
    assert [group.name for group in groups] == ["1 to 3", "3 to 5", "5 to 8", "8 to 10", "10 to 12"]
    assert [group.utterances for group in groups] == [2, 2, 3, 2, 3]


def test_speaking_rate_is_reference_words_a_second() -> None:
    assert found("speaking rate, words/s").groups[-1].name.endswith("to 4")


def test_a_field_that_says_the_same_of_all_is_left_out() -> None:
    assert "flag" not in {item.name for item in break_down(PAIRS, UTTERANCES)}


def test_utterances_without_a_value_are_a_group_of_their_own() -> None:
    pairs = [pair if number else TranscriptPair("u0", "a", "a") for number, pair in enumerate(PAIRS)]
    speakers = next(item for item in break_down(pairs, UTTERANCES) if item.name == "speaker")
    assert [group.name for group in speakers.groups] == ["anna", "bob", "unknown"]


def test_vocabulary_parts_words_not_utterances() -> None:
    utterances = score([("1", "old new old", "old nu old uh"), ("2", "old", "")]).utterances
    inside, outside = by_vocabulary(utterances, {"old"}).groups
    assert inside.words == ErrorCounts(hits=2, deletions=1)
    assert outside.words == ErrorCounts(substitutions=1, insertions=1)
    assert (inside.utterances, outside.utterances) == (2, 1)


def test_confusions_are_counted_with_how_often_the_word_occurs() -> None:
    utterances = score([("1", "a b", "a c"), ("2", "b b d", "c b"), ("3", "", "um")]).utterances
    confusions = count_confusions(utterances)
    assert confusions["S"][0][:5] == ("S", "b", "c", 2, 3)
    assert confusions["S"][0].examples == ("1", "2")
    assert confusions["D"][0][:5] == ("D", "d", "", 1, 1)
    assert confusions["I"][0][:5] == ("I", "", "um", 1, 1)


def test_confusions_keep_the_most_frequent() -> None:
    utterances = score([("1", "a a b", "x x y")]).utterances
    assert [item.reference for item in count_confusions(utterances, most=1)["S"]] == ["a"]


def test_calibration_compares_confidence_with_the_share_correct() -> None:
    outcomes = [(0.95, True)] * 9 + [(0.95, False)] + [(0.25, False)] * 3 + [(0.25, True)]
    calibration = calibration_curve(outcomes)
    assert calibration is not None
    low, high = calibration.bins
    assert (low.words, low.confidence, low.correct) == (4, 0.25, 0.25)
    assert (high.words, high.correct) == (10, 0.9)
    assert calibration.expected_error == pytest.approx(0.05 * 10 / 14)


def test_normalised_cross_entropy_is_0_for_the_share_correct_and_near_1_for_an_oracle() -> None:
    outcomes = [True] * 8 + [False] * 2
    constant = calibration_curve([(0.8, right) for right in outcomes])
    oracle = calibration_curve([(1.0 if right else 0.0, right) for right in outcomes])
    assert constant is not None
    assert oracle is not None
    assert constant.normalised_cross_entropy == pytest.approx(0.0, abs=1e-9)
    assert oracle.normalised_cross_entropy == pytest.approx(1.0, abs=1e-5)


def test_without_confidences_or_without_errors_there_is_less_to_say() -> None:
    assert calibration_curve([]) is None
    right = calibration_curve([(0.9, True)])
    assert right is not None
    assert right.normalised_cross_entropy is None


def test_outcomes_follow_the_hypothesis_words() -> None:
    assert word_outcomes("CDSIC", [0.1, 0.2, 0.3, 0.4]) == [
        (0.1, True),
        (0.2, False),
        (0.3, False),
        (0.4, True),
    ]


def test_word_frequency_is_that_of_the_references_or_of_a_text() -> None:
    utterances = score([("u", "the the cat", "the a cat"), ("v", "the dog", "the the dog")]).utterances
    found = by_frequency(utterances)
    assert found is not None
    assert found.note == "how often a word is in the references"
    assert [(group.name, group.utterances, group.words) for group in found.groups] == [
        ("1", 2, ErrorCounts(hits=2)),
        ("2 to 9", 2, ErrorCounts(hits=2, substitutions=1, insertions=1)),
    ]
    of_text = by_frequency(utterances, {"the": 1500, "cat": 99})
    assert of_text is not None
    assert of_text.note == "how often a word is in the text of the vocabulary"
    assert [(group.name, group.words.reference_length) for group in of_text.groups] == [
        ("0", 1), ("10 to 99", 1), ("1,000 and more", 3),
    ]  # fmt: skip


def test_a_list_of_words_says_nothing_of_frequency() -> None:
    utterances = score([("u", "a a b", "a a b")]).utterances
    assert by_frequency(utterances, {"a": 1, "b": 1}) == by_frequency(utterances)
    assert by_frequency(score([("u", "a b", "a b")]).utterances) is None


def test_focus_is_the_error_rate_of_the_listed_words_and_of_all_others() -> None:
    utterances = score([("u", "call anna now", "call hannah now now")]).utterances
    inside, others = by_focus(utterances, {"anna"}).groups
    assert inside.words == ErrorCounts(substitutions=1)
    assert others.words == ErrorCounts(hits=2, insertions=1)
