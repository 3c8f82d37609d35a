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
        ("$1.5 million,", {"one point five million dollars"}),
        ("($5 million-plus)", {"five million dollars plus"}),
        ("$1.5", {"one point five dollars"}),
        ("€5,50", {"five euros fifty cents"}),
        ("€1.000,50", {"one thousand euros fifty cents"}),
        ("€1,5 million", {"one point five million euros"}),
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
        ("$" + "9" * 5000, {" ".join([*5000 * ["nine"], "dollars"])}),
        ("9" * 400 + "st", {" ".join(400 * ["nine"])}),
        ("1.2." + "9" * 400, {" ".join(["one", "two", *400 * ["nine"]])}),
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


def test_a_text_without_spaces_has_few_readings():
    pytest.importorskip("num2words")
    [ways] = readings("-".join(str(number) for number in range(1234, 1250)))
    assert 1 < len(ways) <= 48


@pytest.mark.parametrize("language", ["de", "ru", "sv", "cs", "pl", "vi"])
def test_numbers_of_other_languages_have_no_english_words(language):
    pytest.importorskip("num2words")
    words = written_words("105 1984 7:05 5:00 0th 2nd", is_known=lambda _: False, language=language)
    assert len(words) == 6
    assert not {"oh", "o'clock"} & set(words_said(words))


def test_a_number_that_a_language_has_no_words_for_is_named():
    pytest.importorskip("num2words")
    with pytest.raises(NumbersUnspelled, match="1000000000000: num2words has no words for it in 'kn'"):
        written_words("1000000000000", is_known=lambda _: False, language="kn")


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
