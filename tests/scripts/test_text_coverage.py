"""Which stretches of a text are chosen to be spoken."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from text_coverage import stretches_to_speak

COMMON = "THE OLD HOUSE BY THE RIVER WAS EMPTY AGAIN"
RARE = "NOBODY HEARD THE NIGHTINGALE SING LAST NIGHT"


def test_what_has_been_heard_often_enough_is_not_chosen_again() -> None:
    lines = [COMMON] * 20 + [RARE] * 20
    assert list(stretches_to_speak(lines, [COMMON] * 8, 100)).count(COMMON) == 0
    # 20 times in the text: worth ceil(20 / 12) hearings, and what is chosen counts as heard.
    chosen = " ".join(stretches_to_speak(lines, [COMMON] * 8, 100)).split()
    assert chosen.count("NIGHTINGALE") == 2


def test_names_and_slips_are_never_chosen() -> None:
    lines = [f"{RARE} XY{'Z' * number}" for number in range(40)]
    assert "XY" not in " ".join(stretches_to_speak(lines, [], 100))


def test_no_more_than_asked_for_and_the_same_for_the_same_seed() -> None:
    lines = [f"{RARE} AND {COMMON}"] * 40
    assert list(stretches_to_speak(lines, [], 0)) == []
    assert len(list(stretches_to_speak(lines, [], 2))) == 2
    assert list(stretches_to_speak(lines, [], 5, seed=3)) == list(stretches_to_speak(lines, [], 5, seed=3))


@given(
    st.lists(st.lists(st.sampled_from(RARE.split()), max_size=30).map(" ".join), max_size=60),
    st.integers(0, 9),
)
def test_what_is_chosen_is_text_that_can_be_spoken_in_some_seconds(lines: list[str], seed: int) -> None:
    frequency = Counter(" ".join(lines).split())
    for stretch in stretches_to_speak(lines, [], 1000, seed=seed):
        assert any(f" {stretch} " in f" {line} " for line in lines)
        assert 5 <= len(stretch.split()) <= 14
        assert 22 <= len(stretch) <= 85
        assert all(frequency[word] >= 6 for word in stretch.split())
