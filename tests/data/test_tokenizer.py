import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.data.tokenizer import (
    BLANK,
    BLANK_SYMBOL,
    CharacterTokenizer,
    TokenizerConfig,
    UnitTokenizer,
    build_tokenizer,
    make_tokenizer,
    required_frames,
)
from asr.errors import ConfigError, TranscriptError


@given(st.text(alphabet="ABC' ", max_size=30))
def test_decoding_undoes_encoding_of_normalised_text(text: str) -> None:
    tokenizer = build_tokenizer(TokenizerConfig(alphabet="ABC' "), [])
    tokens = tokenizer.encode(text)
    assert BLANK not in tokens
    assert tokenizer.decode(tokens) == tokenizer.normalise(text)


def test_the_alphabet_comes_from_the_transcripts_when_none_is_given() -> None:
    tokenizer = build_tokenizer(TokenizerConfig(case="lower"), ["Ab", "c a"])
    assert tokenizer.vocabulary == (BLANK_SYMBOL, " ", "a", "b", "c")
    assert tokenizer.encode("CAB  a") == [4, 2, 3, 1, 2]


def test_a_foreign_character_is_named_with_its_position() -> None:
    tokenizer = build_tokenizer(TokenizerConfig(alphabet="AB "), [])
    with pytest.raises(TranscriptError, match=r"character '!' \(U\+0021\) at position 3 of 'AB! A'"):
        tokenizer.encode("AB! A")


def test_decomposed_and_composed_letters_are_the_same_token() -> None:
    tokenizer = build_tokenizer(TokenizerConfig(alphabet="é"), [])
    assert tokenizer.encode("e\u0301") == tokenizer.encode("\u00e9")


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (["a"], "expected '<blank>' first"),
        ([], "expected '<blank>' first"),
        ([BLANK_SYMBOL, "a", "a"], r"holds \['a'\] more than once"),
        ([BLANK_SYMBOL, "ab"], "expected single characters"),
    ],
)
def test_an_impossible_vocabulary_is_refused(vocabulary: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CharacterTokenizer(vocabulary)


def test_an_alphabet_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="no letters"):
        build_tokenizer(TokenizerConfig(), ["", "  "])


def test_equal_neighbours_need_a_frame_more() -> None:
    assert [required_frames(tokens) for tokens in ([], [1], [1, 2], [1, 1], [1, 1, 1])] == [0, 1, 2, 3, 5]


@given(st.lists(st.sampled_from(["sh", "iy", "h#", "ax-h"]), max_size=9))
def test_units_are_tokens_with_spaces_between_them(units: list[str]) -> None:
    tokenizer = build_tokenizer(TokenizerConfig(kind="units", alphabet="sh iy h# ax-h"), [])
    assert len(tokenizer) == 5
    tokens = tokenizer.encode("  ".join(units))
    assert len(tokens) == len(units)
    assert tokenizer.decode(tokens) == " ".join(units)


def test_units_come_from_the_transcripts_when_none_are_given() -> None:
    tokenizer = build_tokenizer(TokenizerConfig(kind="units", case="lower"), ["SH IY", "h# sh"])
    assert tokenizer.vocabulary == (BLANK_SYMBOL, "h#", "iy", "sh")


def test_a_foreign_unit_is_named_with_its_position() -> None:
    tokenizer = build_tokenizer(TokenizerConfig(kind="units", alphabet="sh iy"), [])
    with pytest.raises(
        TranscriptError, match=r"unit 'zz' at position 2 of 'sh zz' is not among the 2 units 'sh iy'"
    ):
        tokenizer.encode("sh zz")


def test_impossible_units_are_refused() -> None:
    with pytest.raises(ConfigError, match="without white space"):
        UnitTokenizer([BLANK_SYMBOL, "a b"])
    with pytest.raises(ConfigError, match="more than once"):
        UnitTokenizer([BLANK_SYMBOL, "a", "a"])
    with pytest.raises(ConfigError, match="expected 'characters' or 'units'"):
        make_tokenizer("words", [BLANK_SYMBOL, "a"], case="keep")
