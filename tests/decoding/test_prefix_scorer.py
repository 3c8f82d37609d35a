"""What must fit together is checked when the search is built, and the error says which side has what."""

import math

import pytest

from asr.decoding.alphabet import Alphabet
from asr.decoding.hotwords import parse_hot_word, read_hot_words
from asr.decoding.lexicon import read_lexicon
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.prefix_scorer import build_prefix_scorer
from asr.decoding.pronunciation_lexicon import build_spelling_lexicon
from asr.errors import DecodingError
from asr.language_model.estimate import estimate

UPPER = Alphabet(("", " ", "A", "B", "C"))
LM = estimate([["A", "AB"], ["C", "A"]] * 3, order=2)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (
            {"hot_words": {"abc": 1.0}},
            r"hot word 'abc': .* cannot spell 'a', 'b', 'c'.*' ABC'; write the words in upper case",
        ),
        ({"hot_words": {"AXB": 1.0}}, r"hot word 'AXB': the model cannot spell 'X'; its alphabet is ' ABC'$"),
        ({"hot_words": {" ": 1.0}}, "empty"),
        ({"hot_words": {"A": math.nan}}, "weight nan"),
        ({"lm": estimate([["ab", "c"]], order=1)}, r"language model: 2 of 2 .* upper case"),
        ({"lm": estimate([list("ab|c")], order=1)}, r"language model of characters: 3 of 4 .*'a', 'b', 'c'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(known, message):
    with pytest.raises(DecodingError, match=message):
        build_prefix_scorer(UPPER, **known)


def test_a_lexicon_that_does_not_fit_is_refused():
    with pytest.raises(
        DecodingError, match=r"lexicon: 2 of 2 words cannot be spelled.*'ab', 'c'.*upper case"
    ):
        build_spelling_lexicon(["ab", "c"], UPPER)
    with pytest.raises(DecodingError, match="cannot spell 'X'"):
        build_spelling_lexicon(["AB"], UPPER, phrases=["AX"])
    with pytest.raises(DecodingError, match=r"lexicon: of words, but .* has no space"):
        build_spelling_lexicon(["A"], Alphabet(("", "A")))
    with pytest.raises(DecodingError, match=r"none of its 2 words, such as 'BC', .* words such as 'A'"):
        build_lexicon_scorer(build_spelling_lexicon(["BC", "CCC"], UPPER), lm=LM)


def test_words_need_a_space_and_single_characters():
    with pytest.raises(DecodingError, match="has no space"):
        build_prefix_scorer(Alphabet(("", "A", "B", "C")), lm=LM)
    with pytest.raises(DecodingError, match="a phrase, but"):
        build_prefix_scorer(Alphabet(("", "A", "B")), hot_words={"A B": 1.0})
    with pytest.raises(DecodingError, match=r"single characters; this one has 'TH'"):
        build_prefix_scorer(Alphabet(("", " ", "A", "TH")), hot_words={"A": 1.0})


def test_a_few_words_that_cannot_be_spelled_are_left_out_and_counted(caplog):
    lexicon = build_spelling_lexicon(["A", "AB", "X1"], UPPER)
    assert lexicon.texts() == ["A", "AB"]
    assert "1 of 3 words hold letters that the model lacks" in caplog.text


def test_lexicon_files_hold_words_or_words_with_letters(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("GO\nSTOP S T O P |\n\nGO\n")
    assert read_lexicon(path) == ["GO", "STOP"]
    path.write_text("GO\nSTOP S T AA P\n")
    with pytest.raises(DecodingError, match=r"words\.txt:2: 'STOP S T AA P'; expected a word"):
        read_lexicon(path)
    path.write_text("\n")
    with pytest.raises(DecodingError, match="no words"):
        read_lexicon(path)
    with pytest.raises(DecodingError, match="cannot read"):
        read_lexicon(tmp_path / "none")


def test_hot_word_files_hold_phrases_with_weights(tmp_path):
    path = tmp_path / "hot.txt"
    path.write_text("NEW YORK\t7.5\nGO\n")
    assert read_hot_words(path) == {"NEW YORK": 7.5, "GO": 5.0}
    path.write_text("GO\nGO\t3\n")
    with pytest.raises(DecodingError, match=r"hot\.txt:2: 'GO' stands here twice"):
        read_hot_words(path)
    path.write_text("GO\tmuch\n")
    with pytest.raises(DecodingError, match=r"hot\.txt:1: weight 'much' of 'GO'"):
        read_hot_words(path)
    assert parse_hot_word("GO=2", where="--hot-words", separator="=") == ("GO", 2.0)
