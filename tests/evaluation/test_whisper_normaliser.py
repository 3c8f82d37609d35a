"""Whisper's and the Open ASR leaderboard's rules: by hand, and against the package that has Whisper's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.evaluation.normalisation import find_normaliser

whisper = find_normaliser("whisper").apply
open_asr = find_normaliser("open-asr").apply
multilingual = find_normaliser("whisper-multilingual").apply

SAID = (
    "one two three ten eleven nineteen twenty fifty ninety zero oh o hundred thousand million first second third tenth "
    "twentieth twelfth hundredth thousandth zeroth twos sixes twenties hundreds minus plus positive dollars pound "
    "cents euro per cent percent and double triple point a half 5 10 2.5 0 100 1,000 $5 £3.50 ¢7 5% the cat 3rd 1 "
    "1960s x mr. st dr. can't won't couldn't've john's it's he'd been they'd done colour archaeology flyer . , $ % - a.b. "
    "b i wi fi ok mm uh etc ½ é ß 007 1.2.3 (aside) [noise] <unk> let's"
)
WORDS = SAID.split()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Two hundred and five", "205"),
        ("nineteen eighty-four", "1984"),
        ("one oh one", "101"),
        ("twenty twenty two", "2022"),
        ("forty two thousand and one", "42001"),
        ("double oh seven", "007"),
        ("ten thousand dollars", "$10000"),
        ("$20 million", "$20000000"),
        ("two dollars and seven cents", "$2.07"),
        ("fifty per cent", "50%"),
        ("two and a half million", "2500000"),
        ("the twenty-first, the sixties", "the 21st the 60s"),
        ("minus three point one four", "-3.14"),
        ("this one and those ones", "this one and those ones"),
        ("1,000,000 people", "1000000 people"),
        ("two point five percent", "2.5%"),
    ],
)
def test_numbers_are_figures(text: str, wanted: str) -> None:
    assert whisper(text) == wanted
    assert open_asr(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Um, I'll [laughs] analyse (softly) the colour.", "i will analyze the color"),
        ("Mr. Smith won't; he's gone, they'd been", "mister smith will not he has gone they had been"),
        ("Crème brûlée, œuvre", "creme brulee oeuvre"),
        ("50% of 3.5 & 4.", "50% of 3.5 4"),
    ],
)
def test_words_are_spelled_one_way(text: str, wanted: str) -> None:
    assert whisper(text) == wanted
    assert open_asr(text) == wanted


@pytest.mark.parametrize(
    ("text", "as_whisper", "as_leaderboard"),
    [
        ("John's hat", "john is hat", "john s hat"),
        ("Ah, huh, hum", "ah huh hum", ""),
        ("the B.B.C. says O.K.", "the b b c says 0 k", "the bbc says okay"),
        ("wi-fi and 5 G", "wi fi and 5 g", "wifi and 5g"),
        ("I a", "i a", "i a"),
        ("I A E A", "i a e a", "iaea"),
        ("the flyer is ok", "the flyer is ok", "the flier is okay"),
        ("archaeological, archeological", "archaeological archaeological", "archeological archeological"),
    ],
)
def test_the_leaderboard_goes_further_than_whisper(text: str, as_whisper: str, as_leaderboard: str) -> None:
    assert whisper(text) == as_whisper
    assert open_asr(text) == as_leaderboard


def test_multilingual_drops_symbols_and_brackets_alone() -> None:
    assert multilingual("¿Qué? (risas) L'ÉTÉ [bruit] – 3,5 %") == "qué l été 3 5"


def test_brackets_without_end_stay_and_are_read_at_once() -> None:
    assert whisper("a (b) [c> " + "(" * 100_000 + "[" * 100_000) == "a"
    assert whisper("(()a) b") == "a b"


def test_more_figures_than_an_integer_has_stay_as_they_are() -> None:
    assert whisper("9" * 5000 + " million") == "9" * 5000 + " 1000000"


@given(st.lists(st.sampled_from(WORDS), max_size=9))
def test_sentences_of_rules_are_as_the_package_has_them(words: list[str]) -> None:
    english = pytest.importorskip("whisper_normalizer.english").EnglishTextNormalizer()
    # Later versions of the package spell more out than Whisper does.
    for word in ("kinda", "sorta", "dunno", "cause"):
        english.replacers.pop(rf"\b{word}\b", None)
    text = " ".join(words)
    assert whisper(text).split() == english(text).split()


@given(st.text(max_size=20))
def test_any_text_is_as_the_package_has_it(text: str) -> None:
    english = pytest.importorskip("whisper_normalizer.english").EnglishTextNormalizer()
    basic = pytest.importorskip("whisper_normalizer.basic").BasicTextNormalizer()
    for word in ("kinda", "sorta", "dunno", "cause"):
        english.replacers.pop(rf"\b{word}\b", None)
    assert whisper(text).split() == english(text).split()
    assert multilingual(text).split() == basic(text).split()
