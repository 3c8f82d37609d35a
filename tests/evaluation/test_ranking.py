"""Ranks and groups follow from the corrected tests of all pairs."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from asr.evaluation.comparison import System, compare_systems
from asr.evaluation.ranking import _groups, _letters, groups_note, rank_systems
from asr.evaluation.scoring import score

REFERENCE = "a b c d e f"


def system(name: str, wrong: range) -> System:
    """A system that mistakes a word in some of 300 utterances."""
    return System(
        name,
        score((f"u{n}", REFERENCE, "a x c d e f" if n in wrong else REFERENCE) for n in range(300)),
    )


def test_systems_are_ranked_by_wer_with_groups_that_overlap() -> None:
    systems = [
        system("worst", range(150, 300)),
        system("best", range(0, 20)),
        system("near", range(20, 53)),
        system("next", range(60, 106)),
    ]
    found = rank_systems(systems, compare_systems(systems, resamples=100), resamples=200)
    assert [(item.system.name, item.ranks, item.groups) for item in found] == [
        ("best", "1 to 2", ("a",)),
        ("near", "1 to 3", ("a", "b")),
        ("next", "2 to 3", ("b",)),
        ("worst", "4", ("c",)),
    ]
    assert all(item.interval.low <= item.system.score.wer <= item.interval.high for item in found)
    assert groups_note(found) == (
        "Systems that share a group cannot be told apart (matched-pairs test, p at least 0.05, corrected for 6 "
        "comparisons (Holm)): a: best, near; b: near, next; c: worst"
    )


def test_equal_systems_are_one_group() -> None:
    systems = [system(name, range(0, 9)) for name in ("one", "two", "three")]
    found = rank_systems(systems, compare_systems(systems, resamples=100), resamples=100)
    assert {(item.ranks, item.groups) for item in found} == {("1 to 3", ("a",))}


@given(st.integers(1, 7), st.data())
def test_groups_are_the_largest_sets_without_a_difference(count: int, data: st.DataObject) -> None:
    pairs = list(combinations(range(count), 2))
    apart = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    alike = [
        frozenset(members)
        for size in range(1, count + 1)
        for members in combinations(range(count), size)
        if not any(pair in apart for pair in combinations(members, 2))
    ]
    largest = {group for group in alike if not any(group < other for other in alike)}
    found = _groups(count, sorted(apart))
    assert len(found) == len(set(found))
    assert set(found) == largest


def test_letters_go_on_behind_z() -> None:
    letters = _letters(800)
    assert letters[:3] == ["a", "b", "c"]
    assert letters[25:28] == ["z", "aa", "ab"]
    assert letters[701:704] == ["zz", "aaa", "aab"]
    assert len(set(letters)) == 800
