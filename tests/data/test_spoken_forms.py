"""Written texts and what is said for them."""

import unicodedata

import pytest

from asr.data import spoken_forms
from asr.data.spoken_forms import NumbersUnspelled, words_said, written_words

KNOWN = {"don't", "e.g.", "the", "well-known"}


def readings(text: str) -> list[set[str]]:
    return [
        {" ".join(reading) for reading in word.readings}
        for word in written_words(text, is_known=KNOWN.__contains__)
    ]


def test_marks_stay_in_the_text_and_are_not_said():
    words = written_words("« The (Don’t) — e.g. 'end'...", is_known=lambda word: word.lower() in KNOWN)
    assert [word.text for word in words] == ["« The", "(Don’t) —", "e.g.", "'end'..."]
    assert words_said(words) == ["The", "Don't", "e.g.", "end"]


def test_hyphens_part_words_that_are_not_known_with_them():
    assert readings("well-known mother-in-law") == [{"well-known"}, {"mother in law"}]


def test_letters_of_scripts_with_marks_stay():
    assert readings("हिन्दी") == [{"हिन्दी"}]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$25", {"twenty five dollars"}),
        ("$1.05", {"one dollar five cents"}),
        ("£3", {"three pounds"}),
        ("50%", {"fifty percent"}),
        ("2nd", {"second"}),
        ("5:30", {"five thirty"}),
        ("7up", {"seven up"}),
        ("3.5", {"three point five"}),
        ("A&B", {"A and B"}),
        ("10,000", {"ten thousand"}),
        ("41:05", {"forty one five"}),
        ("½", {"half"}),
        ("x²", {"x two"}),
        ("9" * 400, {" ".join(400 * ["nine"])}),
    ],
)
def test_figures_and_signs_are_spelled_out(written, said):
    pytest.importorskip("num2words")
    assert readings(written) == [said]


def test_a_number_has_every_reading():
    pytest.importorskip("num2words")
    [ways] = readings("1984")
    assert {"nineteen eighty four", "one thousand nine hundred eighty four", "one nine eight four"} <= ways
    assert "five oh two" in readings("502")[0]


def test_no_character_is_beyond_it():
    pytest.importorskip("num2words")
    for sign in map(chr, range(0x20, 0x20000)):
        if unicodedata.category(sign) not in ("Cs", "Cn", "Co"):
            for text in (sign, f"a{sign}", f"{sign}1", f"1{sign}2"):
                readings(text)


def test_figures_without_a_library_are_an_error(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "num2words", None)
    spoken_forms._spelled.cache_clear()
    with pytest.raises(NumbersUnspelled, match="25"):
        readings("25")
    spoken_forms._spelled.cache_clear()
