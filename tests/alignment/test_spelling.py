"""What the network should hear of a text: ways of words, their probabilities, and where words begin."""

import math

import pytest

from asr.alignment.spelling import LetterSpeller, PhoneSpeller, Way
from asr.data.tokenizer import CharacterTokenizer
from asr.errors import TranscriptError, UsageError

PHONES = ("AH", "DH", "IY", "K", "T", "AE", "Z")
WORDS = "THE  DH AH\nTHE(2)  DH IY\nCAT  K AE T\nCAT'S  K AE T Z\n"


def test_probabilities_count_beside_the_likeliest_way(tmp_path):
    (tmp_path / "words.dict").write_text(WORDS)
    (tmp_path / "own.dict").write_text("the 0.2 0.1 1.0 1.2 DH IY\nthe 0.8 0.1 1.0 1.2 DH AH\n")
    [ways, cat] = PhoneSpeller(PHONES, tmp_path / "words.dict", tmp_path / "own.dict").spell("the cat").ways
    assert [way.tokens for way in ways] == [(2, 3), (2, 1)]
    assert [way.log_share for way in ways] == pytest.approx([math.log(0.25), 0.0])
    assert cat == [Way((4, 6, 5))]
    plain = PhoneSpeller(PHONES, tmp_path / "words.dict", None).spell("the").ways
    assert plain == [[Way((2, 1)), Way((2, 3))]]


def test_a_written_word_of_several_is_said_in_all_their_ways(tmp_path):
    (tmp_path / "words.dict").write_text("THE 0.5 DH AH\nTHE 1.0 DH IY\nCAT  K AE T\n")
    [ways] = PhoneSpeller(PHONES, tmp_path / "words.dict", None).spell("The-cat!").ways
    assert [(way.tokens, way.begins) for way in ways] == [
        ((2, 1, 4, 6, 5), (0, 2)),
        ((2, 3, 4, 6, 5), (0, 2)),
    ]
    assert [way.log_share for way in ways] == pytest.approx([math.log(0.5), 0.0])


def test_letters_are_spelled_in_the_case_of_the_alphabet_with_spaces_within():
    speller = LetterSpeller(CharacterTokenizer(["<blank>", *" ABC"]))
    assert speller.separator == 1
    spelled = speller.spell("ab, c-b")
    assert spelled.ways == [[Way((2, 3))], [Way((4, 1, 3), (0, 2))]]
    assert [word.text for word in spelled.words] == ["ab,", "c-b"]
    with pytest.raises(TranscriptError, match=r"cannot spell .*: axe; respell them"):
        speller.spell("a axe")


def test_figures_are_words_of_the_language():
    pytest.importorskip("num2words")
    speller = LetterSpeller(CharacterTokenizer(["<blank>", *" efinüv"]), "de")
    [[way]] = speller.spell("5").ways
    assert "".join(speller.symbols[token] for token in way.tokens) == "fünf"
    with pytest.raises(UsageError, match="figures of language 'estonian' are not known"):
        LetterSpeller(CharacterTokenizer(["<blank>", *" AB"]), "estonian")
