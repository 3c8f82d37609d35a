"""Words and phrases of a list: said, recognised, right."""

import math
from collections import Counter

import pytest

from asr.evaluation.focus import FocusWord, count_focus
from asr.evaluation.scoring import score

UTTERANCES = score(
    [
        ("u1", "call new york and ask anna", "call new york and ask hannah"),
        ("u2", "anna moved to new york", "anna moved to york"),
        ("u3", "say it new x york", "say it new york"),
        ("u4", "nobody", "anna"),
    ]
).utterances


def test_recall_precision_and_f1_are_of_what_was_said_and_recognised() -> None:
    found = count_focus(UTTERANCES, ["anna", "new york", "peter", "anna"])
    assert [*found.words] == [FocusWord("anna", 2, 2, 1), FocusWord("new york", 2, 2, 1)]
    assert found.total == FocusWord("all", 4, 4, 2)
    assert found.unseen == 1
    anna = found.words[0]
    assert (anna.recall, anna.precision, anna.f1) == (0.5, 0.5, 0.5)


def test_f1_is_the_harmonic_mean_and_what_is_never_there_has_none() -> None:
    word = FocusWord("x", said=8, recognised=5, right=4)
    assert word.f1 == pytest.approx(2 * word.recall * word.precision / (word.recall + word.precision))
    assert FocusWord("x", 0, 3, 0).precision == 0
    assert all(
        math.isnan(rate) for rate in (FocusWord("x", 0, 3, 0).recall, FocusWord("x", 3, 0, 0).precision)
    )


def test_single_words_add_up_to_the_hits_of_the_alignment() -> None:
    words = Counter(word for utterance in UTTERANCES for word in utterance.reference.split())
    found = count_focus(UTTERANCES, words)
    assert found.total.right == sum(utterance.words.hits for utterance in UTTERANCES)
    assert found.total.said == words.total()


def test_a_phrase_with_an_insertion_inside_is_not_right() -> None:
    utterances = score([("u", "new york", "new old york")]).utterances
    assert count_focus(utterances, ["new york"]).total == FocusWord("all", 1, 0, 0)
