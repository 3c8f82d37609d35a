"""How letters are said, learnt from a dictionary."""

import pytest

from asr.data.letter_sounds import LetterSounds

# A language in which every letter has a phone of its own, but for "sh", "x" and an "e" at the end, which is silent.
SOUNDS = {
    "a": "A",
    "b": "B",
    "d": "D",
    "e": "E",
    "h": "H",
    "i": "I",
    "k": "K",
    "m": "M",
    "o": "O",
    "s": "S",
    "t": "T",
}


def spoken(word: str) -> tuple[str, ...]:
    phones: list[str] = []
    rest = word.removesuffix("e")
    while rest:
        chunk = rest[:2] if rest.startswith("sh") else rest[0]
        phones += {"sh": ["SH"], "x": ["K", "S"]}.get(chunk) or [SOUNDS[chunk]]
        rest = rest.removeprefix(chunk)
    return tuple(phones)


TEXT = """
shade shot bash mesh dish kosh bed bid bat tax mix axe box exit okxo some same site made bide hide take home
ash sake hat hot them mist stab task desk best host sad sod side tomb bod
"""
WORDS = TEXT.split()


@pytest.fixture(scope="module")
def sounds() -> LetterSounds:
    return LetterSounds({word: [spoken(word), ("X",)] for word in WORDS})


@pytest.mark.parametrize("word", ["shabox", "dash", "mixtake", "shode", "ibox", "stoxame"])
def test_words_that_were_not_there_are_said_by_the_same_rules(sounds: LetterSounds, word: str) -> None:
    assert word not in WORDS
    assert sounds.say(word) == spoken(word)


def test_a_word_with_an_unknown_letter_is_not_said(sounds: LetterSounds) -> None:
    assert sounds.say("baé") == ()
    assert sounds.say("ba-'b") == ("B", "A", "B")


def test_as_many_words_as_asked_for_are_learnt_from() -> None:
    pronunciations = {word: [spoken(word)] for word in WORDS}
    few = LetterSounds(pronunciations, words=1)
    assert few.say("sha") == ("SH", "A")
    assert few.say("box") == ()


def test_a_word_with_far_more_phones_than_letters_teaches_nothing() -> None:
    sounds = LetterSounds({"w": [("D", "A", "B", "L", "Y", "U")], "a": [("A",)]})
    assert sounds.say("a") == ("A",)
    assert sounds.say("w") == ()
