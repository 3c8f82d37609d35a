"""What `asr lm tune` finds is written beside the checkpoint and picked up from there."""

import argparse
import dataclasses
import json

import pytest

from asr.cli.lm_tune import Trial, write_heat_map
from asr.cli.model_options import add_model_options, decoding_config
from asr.decoding.confidence import Calibration
from asr.decoding.decoder import DecodingConfig
from asr.decoding.tuned import Tuned, read_tuned, tuned_path, write_tuned
from asr.errors import DecodingError, UsageError
from asr.evaluation.scoring import score


def options(tmp_path, *words: str) -> DecodingConfig:
    parser = argparse.ArgumentParser()
    add_model_options(parser)
    return decoding_config(parser.parse_args(["--model", str(tmp_path / "best.pt"), *words]))


@pytest.fixture
def tuned(tmp_path):
    found = Tuned(
        str(tmp_path / "lms" / "words.lm"),
        0.7,
        1.5,
        "lm",
        Calibration(0.8, 0.1),
        Calibration(0.9, -0.2),
        {"wer": 0.1},
        beam_width=200,
        blank_penalty=1.25,
        pronunciations=str(tmp_path / "words.phones"),
        letter_weight=0.4,
        recurrent_lm=str(tmp_path / "lms" / "words.rnn"),
        recurrent_share=0.6,
    )
    write_tuned(tuned_path(tmp_path / "best.pt"), found)
    return found


def test_the_file_moves_with_its_folder(tmp_path, tuned):
    record = json.loads((tmp_path / "best.decoding.json").read_text())
    assert record["lm"] == "lms/words.lm"
    assert record["pronunciations"] == "words.phones"
    assert record["recurrent_lm"] == "lms/words.rnn"
    assert read_tuned(tmp_path / "best.decoding.json") == tuned


def test_a_file_of_an_older_version_has_the_usual_beam_width_and_no_penalty(tmp_path, tuned):
    path = tuned_path(tmp_path / "best.pt")
    record = json.loads(path.read_text())
    del record["beam_width"], record["blank_penalty"]
    del record["pronunciations"], record["letter_weight"]
    del record["recurrent_lm"], record["recurrent_share"]
    path.write_text(json.dumps(record))
    assert read_tuned(path) == dataclasses.replace(
        tuned,
        beam_width=50,
        blank_penalty=0.0,
        pronunciations=None,
        letter_weight=0.0,
        recurrent_lm=None,
        recurrent_share=0.5,
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"lm": "x"}', '{"lm": "x", "calibration": {"slop": 1}}'])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "best.decoding.json"
    path.write_text(text)
    with pytest.raises(DecodingError, match="not what `asr lm tune` writes"):
        read_tuned(path)


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


def test_decoding_is_greedy_unless_there_is_something_to_know(tmp_path):
    assert options(tmp_path).method == "greedy"
    assert options(tmp_path, "--lexicon", "words.txt").method == "beam"
    found = options(tmp_path, "--hot-word", "NEW YORK=8", "--hot-word", "GO")
    assert (found.method, found.hot_words) == ("beam", {"NEW YORK": 8.0, "GO": 5.0})
    (tmp_path / "hot.txt").write_text("GO\t2\nSTOP\n")
    found = options(tmp_path, "--hot-words", str(tmp_path / "hot.txt"), "--hot-word", "GO=7")
    assert found.hot_words == {"GO": 7.0, "STOP": 5.0}
    for words in (["--lm-weight", "1"], ["--word-bonus", "1"], ["--no-look-ahead"]):
        with pytest.raises(UsageError, match=f"{words[0]} is of use to beam decoding alone"):
            options(tmp_path, *words)


def test_every_option_reaches_the_search(tmp_path):
    found = options(
        tmp_path,
        *("--decoding", "beam", "--beam-width", "7", "--token-threshold", "-5", "--score-threshold", "9"),
        *("--lm", "x.lm", "--lm-weight", "0.3", "--word-bonus", "2", "--unknown-penalty", "-4"),
        *("--lexicon", "lm", "--no-look-ahead", "--blank-penalty", "1.5", "--pronunciations", "p.dict"),
        *("--letter-weight", "0.4", "--recurrent-lm", "r.rnn", "--recurrent-share", "0.3"),
    )
    assert found == DecodingConfig(
        "beam",
        7,
        -5.0,
        9.0,
        "x.lm",
        0.3,
        2.0,
        -4.0,
        "lm",
        {},
        False,
        blank_penalty=1.5,
        pronunciations="p.dict",
        letter_weight=0.4,
        recurrent_lm="r.rnn",
        recurrent_share=0.3,
    )
    assert (
        str(found) == "beam, width 7, language model x.lm x 0.3, recurrent language model r.rnn, share 0.3, "
        "word bonus 2, blank penalty 1.5, lexicon lm, "
        "pronunciations p.dict, letters x 0.4"
    )


def test_the_heat_map_is_a_picture(tmp_path):
    trials = [
        Trial(weight, bonus, 0.0, score([("u", "A B", "A" if weight else "A B")]))
        for weight in (0.0, 1.0)
        for bonus in (0.0, 2.0)
    ]
    write_heat_map(tmp_path / "map.png", trials, title="dev")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
