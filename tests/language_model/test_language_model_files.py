"""ARPA and compact files: what is read, what is refused and where."""

import gzip
import math

import numpy as np
import pytest

from asr.errors import LanguageModelError
from asr.language_model.arpa import read_arpa, write_arpa
from asr.language_model.binary import read_language_model, write_binary, write_language_model
from asr.language_model.estimate import estimate
from asr.language_model.ngram import UNKNOWN
from asr.language_model.perplexity import score_text

ARPA = """\\data\\
ngram 1=5
ngram 2=3
ngram 3=1

\\1-grams:
-1.0\t<unk>
-99\t<s>\t-0.5
-0.7\t</s>
-0.6\ta\t-0.25
-0.5\tb\t-0.125

\\2-grams:
-0.3\t<s> a\t-0.2
-0.2\ta b
-0.4\tb </s>

\\3-grams:
-0.1\t<s> a b

\\end\\
"""

TEXT = [line.split() for line in ("a b c", "a b d", "b c a b", "d a b c a", "c d")]


def write(tmp_path, text, name="lm.arpa"):
    path = tmp_path / name
    path.write_text(text)
    return path


def log10_scores(model, *words):
    return [score / math.log(10) for score in model.score_words(words)]


def test_scores_back_off_as_the_file_says(tmp_path):
    model = read_arpa(write(tmp_path, ARPA))
    assert log10_scores(model, "a", "b") == pytest.approx([-0.3, -0.1, -0.4])
    # "b" after <s>: back-off of <s>; "a" after b: back-off of b; the end after a: of a.
    assert log10_scores(model, "b", "a") == pytest.approx([-0.5 - 0.5, -0.125 - 0.6, -0.25 - 0.7])
    assert log10_scores(model, "x", "b")[0] == pytest.approx(-0.5 - 1.0)


@pytest.mark.parametrize("ending", ["arpa", "arpa.gz", "lm"])
def test_a_model_comes_back_from_every_form_bit_for_bit(tmp_path, ending):
    model = estimate([["ä", "b", "c"], ["b", "c"], ["c", "ä"]] * 3, order=3)
    write_language_model(tmp_path / f"m.{ending}", model)
    again = read_language_model(tmp_path / f"m.{ending}")
    assert again.words == model.words
    assert again.counts == model.counts
    for name, array in model.arrays._asdict().items():
        assert np.array_equal(array, getattr(again.arrays, name)), name


def test_equal_models_are_equal_files(tmp_path):
    model = read_arpa(write(tmp_path, ARPA))
    for name in ("1.arpa.gz", "2.arpa.gz"):
        write_arpa(tmp_path / name, model)
    assert (tmp_path / "1.arpa.gz").read_bytes() == (tmp_path / "2.arpa.gz").read_bytes()


def test_a_missing_unk_is_as_unlikely_as_in_kenlm(tmp_path):
    text = ARPA.replace("-1.0\t<unk>\n", "").replace("1=5", "1=4")
    model = read_arpa(write(tmp_path, text))
    assert model.words[UNKNOWN] == "<unk>"
    assert log10_scores(model, "a", "x")[1] == pytest.approx(-0.2 - 0.25 - 100)


def test_the_perplexity_of_what_cannot_be_is_infinite(tmp_path):
    text = ARPA.replace("-0.7\t</s>", "-inf\t</s>").replace("-0.4\tb </s>", "-inf\tb </s>")
    score = score_text(read_arpa(write(tmp_path, text)), [["b"]])
    assert score.perplexity == score.perplexity_with_unknown == math.inf


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    path = write(tmp_path, "")
    path.write_bytes(b"\xef\xbb\xbf" + ARPA.encode())
    assert read_arpa(path).words == read_arpa(write(tmp_path, ARPA)).words


def test_an_upper_case_unk_is_unk(tmp_path):
    model = read_arpa(write(tmp_path, ARPA.replace("<unk>", "<UNK>")))
    assert log10_scores(model, "x")[0] == pytest.approx(-1.5)


def test_a_probability_of_zero_stays_finite(tmp_path):
    model = read_arpa(write(tmp_path, ARPA.replace("-0.7\t</s>", "-inf\t</s>")))
    assert log10_scores(model)[0] == pytest.approx(-0.5 - 1000)


def test_spaces_instead_of_tabs_blank_lines_and_comments_are_read(tmp_path):
    text = "made by hand\n\n" + ARPA.replace("\t", "  ").replace("\n-0.6", "\n\n-0.6")
    assert log10_scores(read_arpa(write(tmp_path, text)), "a", "b") == pytest.approx([-0.3, -0.1, -0.4])


def test_a_context_that_is_not_listed_is_put_in(tmp_path):
    # Pruned by another toolkit: "b a b" is there, "b a" is not.
    text = ARPA.replace("-0.1\t<s> a b", "-0.1\tb a b")
    model = read_arpa(write(tmp_path, text))
    assert log10_scores(model, "b", "a", "b") == pytest.approx([-0.5 - 0.5, -0.125 - 0.6, -0.1, -0.4])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\\data\\", "data", "no \\\\data"),
        ("ngram 2=3", "ngram 3=3", r":3: got 'ngram 3=3'; expected 'ngram 2=COUNT'"),
        ("ngram 1=5", "ngram 1=²", r":2: got 'ngram 1=²'; expected 'ngram 1=COUNT'"),
        ("-0.6\ta\t-0.25", "x\ta\t-0.25", r":10: got 'x\\ta\\t-0.25'; expected a log10 probability, 1 words"),
        ("-0.6\ta\t-0.25", "0.6\ta\t-0.25", r":10: log10 probability 0.6"),
        ("-0.6\ta\t-0.25", "nan\ta\t-0.25", r":10: log10 probability nan"),
        ("-0.2\ta b", "-0.2\ta b -0.1 -0.3", r":15: got .*expected a log10 probability, 2 words"),
        ("-0.2\ta b", "-0.2\ta x", r":15: word 'x' is not among the 1-grams"),
        ("-0.2\ta b", "-0.3\t<s> a", r":15: this 2-gram already stands on line 14"),
        ("-0.5\tb", "-0.5\ta", r":11: word 'a' already stands on line 10"),
        ("ngram 2=3", "ngram 2=4", r":18: got '\\\\3-grams:' after 3 2-grams; \\data\\ promises 4"),
        ("ngram 2=3", "ngram 2=2", r":16: got .*expected \\3-grams"),
        ("\\end\\\n", "", r"the file ends; expected \\end"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path, old, new, message):
    assert old in ARPA
    with pytest.raises(LanguageModelError) as caught:
        read_arpa(write(tmp_path, ARPA.replace(old, new, 1)))
    import re

    assert re.search(message.replace("\\data\\ promises", r"\\data\\ promises"), str(caught.value)), (
        caught.value
    )


def test_files_that_are_no_models_are_refused(tmp_path):
    (tmp_path / "cut.arpa.gz").write_bytes(gzip.compress(ARPA.encode())[:-20])
    (tmp_path / "latin.arpa").write_bytes(ARPA.replace("b", "\xfc").encode("latin-1"))
    for name, message in [
        ("cut.arpa.gz", "gzip"),
        ("latin.arpa", "UTF-8"),
        ("none.arpa", "cannot read"),
    ]:
        with pytest.raises(LanguageModelError, match=message):
            read_language_model(tmp_path / name)
    with pytest.raises(LanguageModelError, match=r"\.lm for the compact form"):
        write_language_model(tmp_path / "m.bin", read_arpa(write(tmp_path, ARPA)))


def test_a_compact_file_cut_short_is_refused(tmp_path):
    write_binary(tmp_path / "m.lm", read_arpa(write(tmp_path, ARPA)))
    whole = (tmp_path / "m.lm").read_bytes()
    (tmp_path / "m.lm").write_bytes(whole[:-100])
    with pytest.raises(LanguageModelError, match="cut short"):
        read_language_model(tmp_path / "m.lm")
    (tmp_path / "m.lm").write_bytes(whole[:15] + b"\x09" + whole[16:])
    with pytest.raises(LanguageModelError, match="of this version"):
        read_language_model(tmp_path / "m.lm")


def test_a_small_file_holds_the_same_model_in_steps_of_a_twentieth(tmp_path):
    model = estimate(TEXT * 3 + [[f"w{n}", f"w{n * n % 499}"] for n in range(1000)], order=3)
    write_binary(tmp_path / "m.lm", model)
    write_binary(tmp_path / "s.lm", model, small=True)
    small = read_language_model(tmp_path / "s.lm")
    assert small.words == model.words
    assert small.counts == model.counts
    for name in ("word", "suffix", "first_child"):
        assert (getattr(small.arrays, name) == getattr(model.arrays, name)).all(), name
    for name in ("log10_prob", "log10_backoff"):
        ours, theirs = getattr(small.arrays, name), getattr(model.arrays, name)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=0.0251)
    assert (tmp_path / "s.lm").stat().st_size < (tmp_path / "m.lm").stat().st_size


def test_an_arpa_file_cannot_be_small(tmp_path):
    with pytest.raises(LanguageModelError, match="compact form can be small"):
        write_language_model(tmp_path / "m.arpa", estimate(TEXT, order=2), small=True)
