"""Marks of a reference on recognised words, and pauses at marks."""

import numpy as np
import pytest

from asr.errors import WritingError
from asr.writing.casing import Casing
from asr.writing.heard import Text, carry_over, pause_shares, read_pause_shares, write_pause_shares
from asr.writing.published import MARKS, published_words
from asr.writing.tagger import PAUSES


def carried(reference: str, heard: str) -> str:
    words = published_words(reference)
    assert words is not None
    return " ".join(word.form + word.mark for word in carry_over(words, heard.split(), casing=Casing("en")))


@pytest.mark.parametrize(
    ("reference", "heard", "wanted"),
    [
        ("Well, Anna came.", "WELL ANNA CAME", "Well, Anna came."),
        ("Well, Anna came.", "WELL HANNAH CAME", "Well, hannah came."),
        ("Who came? She did.", "WHO CAME HE DID", "Who came? He did."),
        ("It was Anna. She left.", "IT WAS SHE LEFT", "It was. She left."),
        ("Anna left.", "AND ANNA LEFT", "and Anna left."),
        ("Anna left.", "", ""),
    ],
)
def test_marks_go_where_their_words_went(reference, heard, wanted):
    assert carried(reference, heard) == wanted


def test_what_cannot_be_read_out_has_no_words():
    assert published_words("It cost $5") is None
    assert published_words("no mark") == [("no", "", ""), ("mark", "", "")]


def test_shares_of_pauses_are_counted_and_kept(tmp_path):
    words = published_words("We came, we saw.")
    shares = pause_shares([Text(words, np.array([0.0, 0.4, 0.01, np.nan]))] * 100)
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(MARKS)))
    assert shares[MARKS.index(""), 0] == pytest.approx(201 / 207)
    assert shares[MARKS.index(","), 3] == pytest.approx((100 + 7 * 101 / 107) / 107)
    assert shares[MARKS.index(".")] == pytest.approx(
        shares[MARKS.index("?")]
    )  # never seen: like those of all marks
    assert shares[MARKS.index("."), 3] == pytest.approx(101 / 107)
    write_pause_shares(tmp_path / "pauses.json", shares)
    np.testing.assert_allclose(read_pause_shares(tmp_path / "pauses.json"), shares, atol=1e-4)


def test_without_times_there_are_no_shares(tmp_path):
    with pytest.raises(WritingError, match="no word has a time"):
        pause_shares([Text(published_words("One word."), np.array([np.nan, np.nan]))])


@pytest.mark.parametrize(
    "number", ["0", "-1", "NaN", "Infinity", "1e308", "1" + 400 * "0", "[" * 100_000, '"x"']
)
def test_what_are_no_shares_is_refused(tmp_path, number):
    row = f"[{', '.join([number] * (len(PAUSES) + 1))}]"
    rows = ", ".join(f'"{mark}": {row}' for mark in MARKS)
    (tmp_path / "x.json").write_text(f'{{"seconds": {list(PAUSES)}, "shares": {{{rows}}}}}')
    with pytest.raises(WritingError, match="no shares of pauses"):
        read_pause_shares(tmp_path / "x.json")
    (tmp_path / "x.json").write_text('{"shares": 1}')
    with pytest.raises(WritingError, match="no shares of pauses"):
        read_pause_shares(tmp_path / "x.json")
