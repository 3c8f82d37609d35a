"""Numbers in figures, where figures are called for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.writing.numbers import write_numbers


def written(spoken: str, language: str = "en") -> str:
    words = spoken.split()
    return " ".join(
        words[span.first] if span.text is None else span.text
        for span in write_numbers(words, language=language)
    )


@pytest.mark.parametrize(
    ("spoken", "wanted"),
    [
        ("it costs twenty five dollars", "it costs $25"),
        ("five dollars and twenty cents", "$5.20"),
        ("give me five dollars ten cents", "give me $5.10"),
        ("five hundred million dollars", "$500,000,000"),
        ("forty cents", "40 cents"),
        ("nine hundred euros a month", "€900 a month"),
        ("two point five percent of them", "2.5% of them"),
        ("two hundred per cent", "200%"),
        ("half past three", "half past three"),
        ("come at three fifteen", "come at 3:15"),
        ("it is three forty five p m", "it is 3:45 pm"),
        ("at seven oh five am", "at 7:05 am"),
        ("seven a m", "7 am"),
        ("three o'clock", "3 o'clock"),
        ("the third of may nineteen eighty four", "the 3rd of may 1984"),
        ("on march third", "on march 3rd"),
        ("born in nineteen oh five", "born in 1905"),
        ("since two thousand and ten", "since 2010"),
        ("in twenty twenty two", "in 2022"),
        ("call five five five one two three four", "call 555-1234"),
        ("six one seven five five five oh one nine nine", "617-555-0199"),
        ("double five seven nine", "5579"),
        ("room one oh one", "room 101"),
        ("a hundred and one", "101"),
        ("a million people", "1,000,000 people"),
        ("one hundred twenty three thousand four hundred", "123,400"),
        ("he is the twenty first", "he is the 21st"),
        ("one of them", "one of them"),
        ("no one knows", "no one knows"),
        ("second to none", "second to none"),
        ("i may first go", "i may first go"),
        ("we march two by two", "we march two by two"),
        ("wait a second", "wait a second"),
        ("oh it is so good", "oh it is so good"),
        ("two or three", "two or three"),
        ("twenty one twenty two", "21 22"),
        ("zero point five", "0.5"),
        ("a dollar", "a dollar"),
        ("one point five million dollars were spent", "$1.5 million were spent"),
        ("five point two billion", "5.2 billion"),
        ("three point five million percent", "3.5 million%"),
        ("half a million people", "half a million people"),
        ("two and a half million", "two and a half million"),
        ("a couple hundred of several thousand", "a couple hundred of several thousand"),
        ("a quarter of a million", "a quarter of a million"),
        ("tens of thousands of people", "tens of thousands of people"),
        ("ten thousandths", "ten thousandths"),
        ("five hundredths of it", "five hundredths of it"),
        ("the one hundred and sixtieth", "the 160th"),
        ("fifteen twenty minutes", "fifteen twenty minutes"),
        ("twelve fifty dollars", "twelve fifty dollars"),
        ("ten twenty thirty", "10 20 30"),
        ("on may eleven nineteen eighty four", "on may 11 1984"),
        ("she is one in a million", "she is one in a million"),
        ("one in a hundred and a one in a billion chance", "one in a hundred and a one in a billion chance"),
        ("one in one thousand", "one in one thousand"),
        ("nine in every hundred", "nine in every hundred"),
        ("one in twenty", "one in twenty"),
        ("one in three hundred and fifty six", "one in 356"),
        ("ten in a million", "10 in 1,000,000"),
        ("thanks a million", "thanks a million"),
        ("a million to one", "a million to one"),
        ("it is one hundred to one", "it is one hundred to one"),
        ("from one to a hundred", "from one to a hundred"),
        ("two to three hundred people", "two to three hundred people"),
        ("ten to twenty people", "10 to 20 people"),
        ("two to three hundred dollars", "two to $300"),
        ("one in a hundred percent", "one in 100%"),
        ("a million dollars", "$1,000,000"),
        ("one million people", "1,000,000 people"),
        ("he was one in two thousand two", "he was one in 2002"),
        ("from nine to nineteen eighty four", "from nine to 1984"),
        ("in twenty twenty two people died", "in twenty twenty two people died"),
        ("in twenty twenty two hundred people died", "in twenty twenty two hundred people died"),
        ("in nineteen ninety two thousand people died", "in nineteen ninety two thousand people died"),
        ("in twenty twenty ten people died", "in twenty twenty ten people died"),
        ("in twenty ten twenty people died", "in twenty ten twenty people died"),
        ("in twenty ten five people died", "in 2010 five people died"),
        ("in nineteen ninety nine one hundred people died", "in 1999 100 people died"),
        ("on may twelve two thousand ten", "on may 12 2010"),
        ("", ""),
    ],
)
def test_english(spoken, wanted):
    assert written(spoken) == wanted


@pytest.mark.parametrize(
    ("spoken", "language", "wanted"),
    [
        ("fünfundzwanzig euro", "de", "25 euro"),
        ("vingt et un jours", "fr", "21 jours"),
        ("veinticinco días", "es", "25 días"),
        ("un virgule cinq millions", "fr", "1,5 millions"),
        ("tres coma dos mil millones", "es", "3,2 mil millones"),
        ("uno virgola cinque milioni", "it", "1,5 milioni"),
        ("eins komma fünf millionen euro", "de", "1,5 millionen euro"),
        ("trois millions virgule cinq", "fr", "3000000,5"),
        ("twenty five dollars", "", "twenty five dollars"),
        ("yirmi beş", "tr", "yirmi beş"),
    ],
)
def test_other_languages_have_figures_where_the_library_knows_them(spoken, language, wanted):
    assert written(spoken, language) == wanted


WORDS = [
    "one",
    "two",
    "three",
    "five",
    "nine",
    "ten",
    "twelve",
    "nineteen",
    "twenty",
    "forty",
    "hundred",
    "thousand",
    "million",
    "and",
    "a",
    "oh",
    "zero",
    "sixtieth",
    "hundredths",
    "several",
    "double",
    "point",
    "third",
    "first",
    "second",
    "may",
    "march",
    "of",
    "dollars",
    "cents",
    "euros",
    "percent",
    "per",
    "cent",
    "p",
    "m",
    "am",
    "o'clock",
    "at",
    "half",
    "past",
    "in",
    "to",
    "every",
    "no",
    "them",
    "\ud800",
]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_every_word_is_in_one_span(words):
    spans = write_numbers(words, language="en")
    assert [place for span in spans for place in range(span.first, span.last)] == list(range(len(words)))
    assert all(span.text is not None or span.last - span.first == 1 for span in spans)
    assert all(span.text.strip() == span.text != "" for span in spans if span.text is not None)
