"""Folding espeak-ng's phones."""

from asr.data.american_phones import fold_american, from_arpabet, to_arpabet


def test_shades_fold_and_what_holds_two_phones_becomes_two():
    assert fold_american(["b", "ʌ", "ʔ", "n̩"]) == ("b", "ə", "t", "ə", "n")
    assert fold_american(["f", "aɪɚ"]) == ("f", "aɪ", "ɚ")
    assert fold_american(["ɔ̃", "x"]) == ("ɔ", "n", "k")
    assert fold_american(["nʲ", "o"]) == ("n", "j", "oʊ")  # jalapeño
    assert fold_american(["ʘ"]) == ("ʘ",)


def test_neighbours_that_become_equal_become_one():
    assert fold_american(["h", "ɪɹ", "r"]) == ("h", "ɪ", "ɹ")
    assert fold_american(["ʌ", "ə"]) == ("ə",)


def test_folding_twice_changes_nothing():
    once = fold_american(["k", "j", "ʊɹ", "iə", "s", "əl", "uː"])
    assert fold_american(once) == once


def test_cmudict_says_words_in_the_same_classes():
    assert from_arpabet(["HH", "AH", "L", "OW"]) == ("h", "ə", "l", "oʊ")
    assert from_arpabet(["CH", "ER", "CH", "IH", "NG"]) == ("tʃ", "ɚ", "tʃ", "ɪ", "ŋ")
    assert from_arpabet(["B", "UH", "K", "K", "IY", "P", "ER"]) == ("b", "ʊ", "k", "i", "p", "ɚ")
    own = [
        "AA",
        "AE",
        "AH",
        "AO",
        "AW",
        "AY",
        "B",
        "CH",
        "D",
        "DH",
        "EH",
        "ER",
        "EY",
        "F",
        "G",
        "HH",
        "IH",
        "IY",
        "JH",
        "K",
        "L",
        "M",
        "N",
        "NG",
        "OW",
        "OY",
        "P",
        "R",
        "S",
        "SH",
        "T",
        "TH",
        "UH",
        "UW",
        "V",
        "W",
        "Y",
        "Z",
        "ZH",
    ]
    assert len({from_arpabet([phone]) for phone in own}) == len(own) == 39


def test_espeaks_phones_become_cmudicts_and_come_back():
    assert to_arpabet(["h", "ə", "l", "oʊ", "w", "ɜː", "l", "d"]) == (
        "HH",
        "AH",
        "L",
        "OW",
        "W",
        "ER",
        "L",
        "D",
    )
    assert from_arpabet(to_arpabet(["tʃ", "ɜː", "tʃ"])) == ("tʃ", "ɚ", "tʃ")
