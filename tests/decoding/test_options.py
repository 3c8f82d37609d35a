"""The record of decoding options: on the command line, in the file beside a checkpoint, as a fingerprint."""

import argparse
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from asr.cli.model_options import add_model_options, decoding_options
from asr.companions import Companion
from asr.decoding.confidence import Calibration
from asr.decoding.options import (
    DecodingOptions,
    read_measured,
    read_options,
    tuned_options,
    write_options,
)
from asr.errors import AsrError, DecodingError, UsageError


def options(tmp_path, *words: str) -> DecodingOptions:
    parser = argparse.ArgumentParser()
    add_model_options(parser)
    return decoding_options(parser.parse_args(["--model", str(tmp_path / "best.pt"), *words]))


@pytest.fixture
def tuned(tmp_path):
    found = DecodingOptions(
        "beam",
        lm=str(tmp_path / "lms" / "words.lm"),
        lm_weight=0.7,
        word_bonus=1.5,
        lexicon="lm",
        calibration=Calibration(0.8, 0.1),
        greedy_calibration=Calibration(0.9, -0.2),
        beam_width=200,
        blank_penalty=1.25,
        pronunciations=str(tmp_path / "words.phones"),
        letter_weight=0.4,
        recurrent_lm=str(tmp_path / "lms" / "words.rnn"),
        recurrent_share=0.6,
    )
    write_options(Companion.DECODING.path(tmp_path / "best.pt"), found, measured={"wer": 0.1})
    return found


def test_the_file_moves_with_its_folder(tmp_path, tuned):
    record = json.loads((tmp_path / "best.decoding.json").read_text())["options"]
    assert record["lm"] == "lms/words.lm"
    assert record["pronunciations"] == "words.phones"
    assert record["recurrent_lm"] == "lms/words.rnn"
    assert read_options(tmp_path / "best.decoding.json") == tuned == tuned_options(tmp_path / "best.pt")
    assert read_measured(tmp_path / "best.decoding.json") == {"wer": 0.1}


# A value of each field that is not its default.
OTHER: dict[str, Any] = {
    "method": "beam",
    "beam_width": 7,
    "token_threshold": -5.0,
    "score_threshold": 9.0,
    "certainty_threshold": 0.25,
    "lm": "x.lm",
    "lm_weight": 0.3,
    "word_bonus": 2.0,
    "unknown_penalty": -4.0,
    "lexicon": "w.txt",
    "hot_words": {"GO": 2.0},
    "look_ahead": False,
    "calibration": Calibration(0.5, 0.0),
    "blank_penalty": 1.5,
    "pronunciations": "p.dict",
    "letter_weight": 0.4,
    "recurrent_lm": "r.rnn",
    "recurrent_share": 0.3,
    "rescoring_n_best": 30,
    "phrases": ("GO", "STOP NOW"),
    "other_speech": -2.0,
    "greedy_calibration": Calibration(0.5, 0.0),
}


@pytest.mark.parametrize("name", [option.name for option in dataclasses.fields(DecodingOptions)])
def test_every_field_is_in_the_file_and_in_the_fingerprint(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for file in ("x.lm", "w.txt", "p.dict", "r.rnn"):
        Path(file).write_text(file, encoding="utf-8")
    plain, other = DecodingOptions(), dataclasses.replace(DecodingOptions(), **{name: OTHER[name]})
    write_options("o.json", other)
    assert read_options("o.json") == other != plain
    assert other.fingerprint() != plain.fingerprint()


def test_the_fingerprint_goes_by_what_files_hold_and_not_by_their_names(tmp_path):
    first, same, other = (tmp_path / name for name in ("a.lm", "b.lm", "c.lm"))
    for path, content in ((first, "1"), (same, "1"), (other, "2")):
        path.write_text(content)
    prints = [DecodingOptions("beam", lm=str(path)).fingerprint() for path in (first, same, other)]
    assert prints[0] == prints[1] != prints[2]
    with pytest.raises(AsrError, match=r"gone\.lm: cannot read"):
        DecodingOptions("beam", lm=str(tmp_path / "gone.lm")).fingerprint()


def test_files_of_version_1_are_read(tmp_path):
    """What `asr lm tune` wrote before the options were one record, the oldest kind and the newest."""
    path = tmp_path / "best.decoding.json"
    oldest = {
        "lm": "w.lm",
        "lm_weight": 1,
        "word_bonus": -0.5,
        "lexicon": "lm",
        "calibration": {"slope": 0.8, "offset": 0},
    }
    path.write_text(json.dumps({**oldest, "greedy_calibration": {}, "measured": {"wer": 0.2}}))
    wanted = DecodingOptions(
        "beam",
        lm=str(tmp_path / "w.lm"),
        lm_weight=1.0,
        word_bonus=-0.5,
        lexicon="lm",
        calibration=Calibration(0.8, 0),
    )
    assert read_options(path) == wanted
    assert read_measured(path) == {"wer": 0.2}
    newest = {"beam_width": 300, "blank_penalty": 2.5, "pronunciations": "w.phones", "recurrent_lm": None}
    path.write_text(json.dumps({**oldest, **newest}))
    assert read_options(path) == dataclasses.replace(
        wanted, beam_width=300, blank_penalty=2.5, pronunciations=str(tmp_path / "w.phones")
    )


def test_a_file_of_a_newer_version_says_so(tmp_path):
    path = tmp_path / "best.decoding.json"
    path.write_text('{"version": 3, "options": {}, "measured": {}}')
    with pytest.raises(DecodingError, match="version 3; this package reads up to 2"):
        read_options(path)


@pytest.mark.parametrize("text", [
        "{", "[]", '{"lm": "x"}', '{"lm": "x", "lm_weight": 1, "word_bonus": 0, "calibration": {"slop": 1}}',
        '{"version": 2}', '{"version": 2, "options": {"beam": 1}, "measured": {}}',
        '{"version": 2, "options": {"beam_width": "wide"}, "measured": {}}',
        '{"version": 2, "options": {}, "measured": [1]}', "[" * 100_000, "9" * 5000,
        *(f'{{"version": 2, "options": {{{option}}}, "measured": {{}}}}' for option in (
            '"beam_width": 1000000000000', '"beam_width": true', '"beam_width": 0', '"hot_words": {"a": "x"}',
            '"hot_words": {"a": NaN}', '"calibration": {"slope": "x"}', '"calibration": {"offset": Infinity}',
            '"word_bonus": 1' + 400 * "0", '"lm_weight": NaN', '"lm_weight": true', '"lexicon": "a\\u0000b"',
        )),
    ])  # fmt: skip
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "best.decoding.json"
    path.write_text(text)
    with pytest.raises(DecodingError, match="not what `asr lm tune` writes"):
        read_options(path)


@pytest.mark.usefixtures("tuned")
def test_tuned_weights_are_used_with_the_tuned_model_alone(tmp_path):
    lm = str(tmp_path / "lms" / "words.lm")
    for words in ([], ["--lm", lm]):
        found = options(tmp_path, *words)
        assert (found.method, found.lm_weight, found.word_bonus, found.lexicon) == ("beam", 0.7, 1.5, "lm")
        assert found.calibration == Calibration(0.8, 0.1)
        assert (found.beam_width, found.blank_penalty) == (200, 1.25)
        assert found.pronunciations == str(tmp_path / "words.phones")
        assert (found.recurrent_lm, found.recurrent_share) == (str(tmp_path / "lms" / "words.rnn"), 0.6)
    assert options(tmp_path, "--pronunciations", "none").pronunciations is None
    assert options(tmp_path, "--recurrent-lm", "none").recurrent_lm is None
    assert options(tmp_path, "--beam-width", "7").beam_width == 7
    other = options(tmp_path, "--lm", str(tmp_path / "other.lm"))
    assert (other.lm_weight, other.word_bonus, other.lexicon, other.blank_penalty) == (0.5, 0.0, None, 0.0)
    assert options(tmp_path, "--lm-weight", "0.2").lm_weight == 0.2
    greedy = options(tmp_path, "--decoding", "greedy")
    assert (greedy.method, greedy.calibration) == ("greedy", Calibration(0.9, -0.2))


def test_how_unsure_is_too_unsure_goes_with_the_network(tmp_path):
    tuned = DecodingOptions("beam", lm=str(tmp_path / "w.lm"), certainty_threshold=0.4)
    write_options(Companion.DECODING.path(tmp_path / "best.pt"), tuned)
    for words in (["--lm", "other.lm"], ["--decoding", "greedy"], []):
        assert options(tmp_path, *words).certainty_threshold == 0.4
        assert options(tmp_path, *words, "--certainty-threshold", "0").certainty_threshold == 0.0
    with pytest.raises(DecodingError, match=r"certainty threshold 1\.0; expected a probability"):
        options(tmp_path, "--certainty-threshold", "1")


def test_decoding_is_greedy_unless_there_is_something_to_know(tmp_path):
    assert options(tmp_path).method == "greedy"
    assert options(tmp_path, "--lexicon", "words.txt").method == "beam"
    found = options(tmp_path, "--hot-word", "NEW YORK=8", "--hot-word", "GO")
    assert (found.method, found.hot_words) == ("beam", {"NEW YORK": 8.0, "GO": 5.0})
    (tmp_path / "hot.txt").write_text("GO\t2\nSTOP\n")
    found = options(tmp_path, "--hot-words", str(tmp_path / "hot.txt"), "--hot-word", "GO=7")
    assert found.hot_words == {"GO": 7.0, "STOP": 5.0}
    for words in (["--lm-weight", "1"], ["--word-bonus", "1"], ["--no-look-ahead"]):
        with pytest.raises(UsageError, match=f"{words[0]} needs --decoding beam"):
            options(tmp_path, *words)


def test_every_option_reaches_the_search(tmp_path):
    found = options(
        tmp_path,
        *("--decoding", "beam", "--beam-width", "7", "--token-threshold", "-5", "--score-threshold", "9"),
        *("--certainty-threshold", "0.25"),
        *("--lm", "x.lm", "--lm-weight", "0.3", "--word-bonus", "2", "--unknown-penalty", "-4"),
        *("--lexicon", "lm", "--no-look-ahead", "--blank-penalty", "1.5", "--pronunciations", "p.dict"),
        *(
            "--letter-weight",
            "0.4",
            "--recurrent-lm",
            "r.rnn",
            "--recurrent-share",
            "0.3",
            "--rescoring-n-best",
            "30",
            "--phrases",
            "GO, STOP  NOW,[unk]",
            "--other-speech",
            "-2",
        ),
    )
    assert found == DecodingOptions(
        **{
            **OTHER,
            "lexicon": "lm",
            "hot_words": {},
            "calibration": Calibration(),
            "greedy_calibration": Calibration(),
        }
    )
    assert (
        str(found)
        == "beam, beam width 7, token threshold -5, score threshold 9, certainty threshold 0.25, lm x.lm, lm weight 0.3, word bonus 2, "
        "unknown penalty -4, lexicon lm, blank penalty 1.5, pronunciations p.dict, letter weight 0.4, "
        "recurrent lm r.rnn, recurrent share 0.3, rescoring n best 30, 2 phrases, other speech -2, no look-ahead"
    )


def test_phrases_are_read_from_a_list_or_a_file(tmp_path):
    (tmp_path / "phrases.txt").write_text("GO\n\nSTOP NOW\nGO\n")
    for text in (str(tmp_path / "phrases.txt"), "GO,STOP NOW"):
        found = options(tmp_path, "--phrases", text)
        assert (found.method, found.phrases) == ("beam", ("GO", "STOP NOW"))
    for text, complaint in (
        (" , [unk]", "--phrases: no phrases"),
        (str(tmp_path / "empty"), "empty: no phrases"),
    ):
        (tmp_path / "empty").touch()
        with pytest.raises(DecodingError, match=complaint):
            options(tmp_path, "--phrases", text)


@pytest.mark.parametrize(
    "wrong", [{"word_bonus": math.nan}, {"lm_weight": math.inf}, {"lm": "a\0"}, {"beam_width": 10**6}]
)
def test_values_that_no_search_can_use_are_refused(wrong):
    with pytest.raises(DecodingError, match="expected"):
        DecodingOptions("beam", **wrong)


def test_a_calibration_that_leaves_no_doubt_is_a_probability():
    assert Calibration(offset=-10000.0)(0.5) == pytest.approx(0)
    assert Calibration(offset=10000.0)(0.5) == pytest.approx(1)
