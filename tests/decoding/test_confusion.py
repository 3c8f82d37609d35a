"""Confusion networks: what several texts say, word by word."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.decoding.confusion import Choice, ScoredText, confusion_network
from asr.decoding.hypothesis import Word


def spoken(text: str, confidence: float = 0.5) -> list[Word]:
    return [Word(word, float(at), at + 0.5, confidence) for at, word in enumerate(text.split())]


def of_shares(**shares: float) -> list[ScoredText]:
    return [ScoredText(text.replace("_", " "), math.log(share)) for text, share in shares.items()]


def test_words_in_the_place_of_others_share_what_the_best_ones_leave() -> None:
    texts = of_shares(i_see_you=0.6, i_sea_you=0.3, eye_see_you=0.06, i_saw_you=0.04)
    network = confusion_network(spoken("i see you"), texts)
    assert [one.choices for one in network] == [
        (Choice("i", 0.5), Choice("eye", 0.06)),
        (Choice("see", 0.5), Choice("sea", 0.3), Choice("saw", 0.04)),
        (Choice("you", 0.5),),
    ]
    assert [(one.start, one.end) for one in network] == [(0.0, 0.5), (1.0, 1.5), (2.0, 2.5)]
    # One that is sure leaves its rivals little, in the same proportion.
    see = confusion_network(spoken("i see you", 0.83), texts)[1]
    assert see.choices == (Choice("see", 0.83), Choice("sea", 0.15), Choice("saw", 0.02))


def test_words_left_out_and_words_more_have_places_of_their_own() -> None:
    network = confusion_network(
        spoken("so it goes"), of_shares(so_it_goes=0.5, it_goes=0.2, so_it_all_goes_on=0.3)
    )
    assert [one.choices for one in network] == [
        (Choice("so", 0.5), Choice("", 0.2)),
        (Choice("it", 0.5),),
        (Choice("", 0.7), Choice("all", 0.3)),
        (Choice("goes", 0.5),),
        (Choice("", 0.7), Choice("on", 0.3)),
    ]
    assert [(one.start, one.end) for one in network][2] == (1.5, 2.0)
    assert network[-1].start == network[-1].end == 2.5


def test_scores_are_flattened_and_what_is_hardly_possible_is_left_out() -> None:
    texts = [ScoredText("a", 0.0), ScoredText("b", -4.0), ScoredText("c", -40.0)]
    (sharp,) = confusion_network(spoken("a", 0.1), texts)
    (flat,) = confusion_network(spoken("a", 0.1), texts, scale=0.5)
    assert sharp.choices[1].probability == pytest.approx(1 / (1 + math.e**4), abs=1e-4)
    assert flat.choices[1].probability == pytest.approx(1 / (1 + math.e**2), abs=1e-4)
    assert len(sharp.choices) == len(flat.choices) == 2


@pytest.mark.parametrize("texts", [[], [ScoredText("", 0.0)], [ScoredText("", -math.inf)]])
def test_silence_has_nothing_to_choose_from(texts: list[ScoredText]) -> None:
    assert confusion_network([], texts) == ()


TEXTS = st.lists(st.sampled_from("abcd"), max_size=6).map(" ".join)


@given(st.lists(st.tuples(TEXTS, st.floats(-9, 0)), min_size=1, max_size=8, unique_by=lambda one: one[0]))
def test_the_best_text_and_the_others_can_be_read_from_it(found: list[tuple[str, float]]) -> None:
    texts = [ScoredText(*one) for one in sorted(found, key=lambda one: -one[1])]
    network = confusion_network(spoken(texts[0].text), texts, least=0.0)
    assert " ".join(filter(None, (one.choices[0].text for one in network))) == texts[0].text
    starts = [one.start for one in network]
    assert starts == sorted(starts)
    for one in network:
        assert sum(choice.probability for choice in one.choices) <= 1 + 1e-3
        assert len({choice.text for choice in one.choices}) == len(one.choices)
    # Every text is a way through the network.
    for text in texts:
        ways = {0}
        words = text.text.split()
        for one in network:
            said = {choice.text for choice in one.choices}
            ways = {at for at in ways if "" in said} | {
                at + 1 for at in ways if at < len(words) and words[at] in said
            }
        assert len(words) in ways
