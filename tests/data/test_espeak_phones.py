"""Folding espeak-ng's phones."""

from asr.data.espeak_phones import fold_american


def test_shades_fold_and_what_holds_two_phones_becomes_two():
    assert fold_american(["b", "ʌ", "ʔ", "n̩"]) == ("b", "ə", "t", "ə", "n")
    assert fold_american(["f", "aɪɚ"]) == ("f", "aɪ", "ɚ")
    assert fold_american(["ɔ̃", "x"]) == ("ɔ", "n", "k")
    assert fold_american(["ʘ"]) == ("ʘ",)


def test_neighbours_that_become_equal_become_one():
    assert fold_american(["h", "ɪɹ", "r"]) == ("h", "ɪ", "ɹ")
    assert fold_american(["ʌ", "ə"]) == ("ə",)


def test_folding_twice_changes_nothing():
    once = fold_american(["k", "j", "ʊɹ", "iə", "s", "əl", "uː"])
    assert fold_american(once) == once
