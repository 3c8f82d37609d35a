"""What the normalisers make alike, and what they leave apart."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asr.errors import UsageError
from asr.evaluation.normalisation import NORMALISERS, explain, find_normaliser
from asr.evaluation.normalisation.numerals import digits_of_numerals
from asr.evaluation.normalisation.spellings import read_spellings

basic = find_normaliser("basic").apply
english = find_normaliser("english").apply

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number: int, *, joined: str = "") -> str:
    """A number in English words; `joined` is "and" for British reading."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f" {ONES[number % 10]}" if number % 10 else "")
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            tail = f" {joined if rest < 100 else ''} {in_words(rest, joined=joined)}" if rest else ""
            return f"{in_words(number // size, joined=joined)} {name}{tail}"
    raise AssertionError


@given(st.one_of(st.integers(0, 2100), st.integers(0, 10**12 - 1)), st.sampled_from(["", "and"]))
def test_numerals_in_words_become_their_digits(number: int, joined: str) -> None:
    assert digits_of_numerals(in_words(number, joined=joined).split()) == [str(number)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("six two four", "6 2 4"),
        ("nineteen eighty four", "1984"),
        ("twenty twenty", "2020"),
        ("twenty first", "21st"),
        ("the one hundred and twelfth", "the 112th"),
        ("two thousandth", "2000th"),
        ("three point one four", "3.14"),
        ("zero point oh five", "0.05"),
        ("the point is", "the point is"),
        ("a hundred and one", "101"),
        ("a thousand", "1000"),
        ("the nineties", "the 90s"),
        ("5 million", "5000000"),
        ("007", "007"),
        ("five hundred and then", "500 and then"),
        ("one thousand zero", "1000 0"),
        ("thousand", "thousand"),
        ("one thousand one million", "1000 1000000"),
        ("one hundred hundred", "100 hundred"),
    ],
)
def test_numerals(text: str, wanted: str) -> None:
    assert english(text) == wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I won't pay $5.", "i will not pay five dollars"),
        ("He's here; they’ve gone", "he is here they have gone"),
        ("CAN'T", "cannot"),
        ("Let's analyse the colour-coded programmes", "let us analyze the color coded programs"),
        ("Mr. Smith & Dr. Jones", "mister smith and doctor jones"),
        ("1,000,000 people, 50%", "one million people fifty percent"),
        ("£1", "one pound"),
        ("neighbour's", "neighbor's"),
        ("centred, catalogued and manoeuvred", "centered cataloged and maneuvered"),
    ],
)
def test_english_spells_alike(one: str, other: str) -> None:
    assert english(one) == english(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("john's", "john is"), ("four", "for"), ("its", "it's"), ("1.5", "15"), ("six two", "sixty two")],
)
def test_english_keeps_different_words_apart(one: str, other: str) -> None:
    assert english(one) != english(other)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("9" * 5000 + " x", "9" * 5000 + " x"),
        ("9" * 4299 + " thousand", "9" * 4299 + " thousand"),
        ("x" + "'ve" * 1200, "x" + " have" * 1200),
    ],
    ids=["figures", "thousand", "endings"],
)
def test_english_has_no_limit(text: str, wanted: str) -> None:
    assert english(text) == wanted


def test_basic_keeps_inner_apostrophes_and_decimals_and_parts_hyphens() -> None:
    assert basic("“Don’t” – well-known: 3.5, ‘quoted’ a.b") == "don't well known 3.5 quoted a b"


def test_basic_makes_composed_and_decomposed_letters_equal() -> None:
    assert basic("e\u0301te\u0301") == basic("ÉTÉ") == "été"


@given(st.text(max_size=30))
@example("0'_")
@example("\ue000")
def test_basic_has_nothing_left_to_do_on_its_own_result(text: str) -> None:
    assert basic(basic(text)) == basic(text)


def test_none_changes_white_space_alone() -> None:
    assert find_normaliser("none").apply("  A,\tb\n") == "A, b"


def test_no_american_spelling_is_a_british_one_too() -> None:
    table = read_spellings("british_spellings.txt")
    assert len(table) > 900
    assert not [word for word in table.values() if word in table]


def test_unknown_normaliser_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no normaliser 'german'; expected one of: none, basic, english"):
        find_normaliser("german")


@pytest.mark.parametrize("name", NORMALISERS)
@given(text=st.text(max_size=30))
def test_the_last_step_explained_is_what_the_normaliser_makes(name: str, text: str) -> None:
    normaliser = find_normaliser(name)
    steps = explain(normaliser, text)
    assert [step.step for step in steps] == [step.name for step in normaliser.steps]
    assert (steps[-1].text if steps else " ".join(text.split())) == normaliser.apply(text)


def test_explaining_says_which_step_changed_what() -> None:
    steps = explain(find_normaliser("english"), "He won't pay $5")
    assert [(step.text, step.changed) for step in steps] == [
        ("he won't pay $5", True),
        ("he won't pay $5", False),
        ("he won't pay 5 dollars", True),
        ("he will not pay 5 dollars", True),
        ("he will not pay 5 dollars", False),
    ]
