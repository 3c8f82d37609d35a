"""Pronunciation dictionaries."""

import math
from pathlib import Path

import pytest

from asr.data.pronunciation import (
    phone_set,
    pronounce,
    read_all_pronunciations,
    read_pronunciations,
    read_weighted_pronunciations,
    write_pronunciations,
)
from asr.errors import TranscriptError

DICTIONARY = """\
;;; a comment
HELLO  HH AH0 L OW1
HELLO(2)  HH EH0 L OW1 # the second way
WORLD\tW ER1 L D
"""


@pytest.fixture
def dictionary(tmp_path: Path) -> Path:
    path = tmp_path / "words.dict"
    path.write_text(DICTIONARY)
    return path


def test_the_first_pronunciation_counts_without_stress(dictionary: Path) -> None:
    assert read_pronunciations(dictionary) == {
        "HELLO": ("HH", "AH", "L", "OW"),
        "WORLD": ("W", "ER", "L", "D"),
    }


def test_probabilities_are_those_beside_the_likeliest_way(tmp_path: Path) -> None:
    path = tmp_path / "mfa.dict"
    path.write_text("THE 0.25 0.1 1.0 1.3 DH AH0\nTHE 0.5 DH IY1\nA  AH0\n")
    found = read_weighted_pronunciations(path)
    assert found == {
        "THE": [(("DH", "AH"), pytest.approx(math.log(0.5))), (("DH", "IY"), 0.0)],
        "A": [(("AH",), 0.0)],
    }
    assert read_all_pronunciations(path) == {"THE": [("DH", "AH"), ("DH", "IY")], "A": [("AH",)]}
    path.write_text("A  AH0\nTHE 0.0 DH AH0\n")
    with pytest.raises(
        TranscriptError, match=r"mfa\.dict:2: probability 0\.0; expected above 0, and at most 1"
    ):
        read_all_pronunciations(path)


def test_a_transcript_becomes_its_phones(dictionary: Path) -> None:
    pronunciations = read_pronunciations(dictionary)
    assert " ".join(pronounce("WORLD HELLO", pronunciations)) == "W ER L D HH AH L OW"
    assert pronounce("", pronunciations) == []


def test_words_without_pronunciation_are_named(dictionary: Path) -> None:
    with pytest.raises(TranscriptError, match="THERE, YOU"):
        pronounce("HELLO YOU THERE YOU", read_pronunciations(dictionary))


def test_the_phone_set_can_be_that_of_some_words(dictionary: Path) -> None:
    pronunciations = read_pronunciations(dictionary)
    assert phone_set(pronunciations) == ["AH", "D", "ER", "HH", "L", "OW", "W"]
    assert phone_set(pronunciations, ["WORLD"]) == ["D", "ER", "L", "W"]


def test_what_is_written_reads_the_same(dictionary: Path, tmp_path: Path) -> None:
    pronunciations = read_pronunciations(dictionary)
    write_pronunciations(tmp_path / "copy.dict", pronunciations)
    assert read_pronunciations(tmp_path / "copy.dict") == pronunciations


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"HELLO\n", "words.dict:1"), (b"", "no pronunciations"), (b"\xff\xfe", "not UTF-8")],
    ids=["no phones", "empty", "not text"],
)
def test_what_is_wrong_with_a_dictionary_is_said(dictionary: Path, content: bytes, said: str) -> None:
    dictionary.write_bytes(content)
    with pytest.raises(TranscriptError, match=said):
        read_pronunciations(dictionary)


def test_a_missing_dictionary_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="cannot read"):
        read_pronunciations(tmp_path / "none.dict")


def test_all_pronunciations_stay_in_order(dictionary: Path) -> None:
    assert read_all_pronunciations(dictionary)["HELLO"] == [
        ("HH", "AH", "L", "OW"),
        ("HH", "EH", "L", "OW"),
    ]


def test_probabilities_of_the_montreal_forced_aligner_are_passed_over(tmp_path):
    path = tmp_path / "own.dict"
    path.write_text("hello\t0.99\t0.2\t1.0\t1.0\tHH AH0 L OW1\nhello\t.01\tHH EH1 L OW0\n")
    assert read_all_pronunciations(path) == {"hello": [("HH", "AH", "L", "OW"), ("HH", "EH", "L", "OW")]}
