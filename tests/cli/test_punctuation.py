"""`asr punctuation`: from published text to a tagger, its scores, and text with marks."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asr.cli import main
from asr.writing.heard import Text
from asr.writing.published import MARKS, sentences
from asr.writing.scoring import score_writing
from asr.writing.tagger import Written, read_tagger, write_tagger

LINES = ["Who saw Anna?", "They met Bertha, but Anna left.", "Where is Bertha?", "We like the old town."] * 10
OPTIONS = "--known 50 --embedded 20 --width 24 --cells 16 --dropout 0 --words-per-text 12 --epochs 100 " \
    "--learning-rate 0.02 --words-per-batch 256 --replaced 0 --deleted 0"  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text, half of it in a manifest, and a tagger of both."""
    folder = tmp_path_factory.mktemp("punctuation")
    (folder / "book.txt").write_text("CHAPTER ONE\n\n" + "\n".join(LINES[:20]) + "\n", encoding="utf-8")
    rows = [
        {"id": str(n), "audio": "a.wav", "duration": 1, "text": text} for n, text in enumerate(LINES[20:])
    ]
    (folder / "talk.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    given = [str(folder / name) for name in ("book.txt", "talk.jsonl", "en.tagger")]
    assert main(["punctuation", "train", *given, "--language", "en", *OPTIONS.split()]) == 0
    return folder


def test_what_was_taken_away_is_put_again(folder, capsys, monkeypatch):
    bare = "who saw anna\nwhere is bertha\n\nthey met bertha\nbut anna left\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(bare))
    assert main(["punctuation", "apply", str(folder / "en.tagger")]) == 0
    written = capsys.readouterr().out
    assert written == "Who saw Anna?\nWhere is Bertha?\n\nThey met Bertha,\nbut Anna left.\n"
    (folder / "bare.txt").write_text(bare.upper())
    assert main(["punctuation", "apply", str(folder / "en.tagger"), str(folder / "bare.txt")]) == 0
    assert capsys.readouterr().out == written


def test_what_is_no_utf8_on_stdin_is_said(folder, capsys, monkeypatch):
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    stdin = io.TextIOWrapper(io.BytesIO(b"caf\xe9 twenty\n"), encoding="utf-8", errors="surrogateescape")
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["punctuation", "apply", str(folder / "en.tagger")]) == 1
    assert "stdin: not UTF-8 text" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        '{"id": "0", "words": [{"text": "a"}, {"text": "b"}]}',
        '{"id": "0", "words": "xy"}',
        '{"id": "0", "words": 5}',
        '{"id": "0", "words": []}\n{"id": 7, "words": []}',
        '{"id": "0", "words": [{"text": 5, "start": 0, "end": 1}]}',
        '{"id": "0", "words": [{"text": "a b", "start": 0, "end": 1}]}',
        '{"id": "0", "words": [{"text": "a", "start": "0", "end": "1"}]}',
        '{"id": "0", "words": [{"text": "a", "start": 0, "end": 1' + 400 * "0" + "}]}",
        "[" * 100_000,
    ],
    ids=["no start", "string", "number", "ids", "text", "space", "times", "huge", "deep"],
)
def test_what_nobody_heard_is_refused(folder, content, tmp_path, capsys):
    (tmp_path / "odd.jsonl").write_text(content)
    given = [str(folder / "talk.jsonl"), str(tmp_path / "odd.jsonl"), str(tmp_path / "pauses.json")]
    assert main(["punctuation", "pauses", *given]) == 1
    assert "odd.jsonl: no recognised words; expected hypotheses.jsonl" in capsys.readouterr().err


def test_scores_are_printed(folder, capsys):
    given = [str(folder / name) for name in ("en.tagger", "book.txt", "talk.jsonl")]
    rows = found(Path(given[0]), given[1:], capsys)
    assert rows["?"][1:] == ["20", "1.000", "1.000", "1.000", "1.000", "to", "1.000"]
    assert rows["capital"][1] == "80"
    assert rows["!"][1:5] == ["0", "nan", "nan", "nan"]


def test_pauses_and_scores_of_what_was_heard(folder, capsys):
    heard = [
        {"id": "0", "words": timed("WHO SAW ANNA")},
        {"id": "1", "words": timed("THEY MET A BERTHA BUT ANNA")},
    ]
    (folder / "heard.jsonl").write_text("".join(json.dumps(row) + "\n" for row in heard))
    talk, tagger, written = (str(folder / name) for name in ("talk.jsonl", "en.tagger", "heard.jsonl"))
    assert main(["punctuation", "pauses", talk, written, str(folder / "pauses.json")]) == 0
    assert (
        json.loads((folder / "pauses.json").read_text())["shares"][","][4] == 11 / 32
    )  # one of one, and seven more like those of all marks
    assert main(["punctuation", "score", tagger, talk, "--heard", written]) == 0
    with_pauses = capsys.readouterr().out
    assert "9 words in 2 texts" in with_pauses.splitlines()[-1]
    assert (
        main(["punctuation", "score", tagger, talk, "--heard", written, "--without-pauses", "--baseline"])
        == 0
    )
    without = capsys.readouterr().out
    assert main(["punctuation", "score", tagger, talk, "--heard", written, "--baseline"]) == 0
    assert capsys.readouterr().out != without  # the baseline's full stops are at pauses
    (folder / "heard.jsonl").write_text(json.dumps({"id": "else", "words": []}))
    assert main(["punctuation", "pauses", talk, written, str(folder / "none.json")]) == 1
    assert "1 ids that" in capsys.readouterr().err
    assert not (folder / "none.json").exists()


def timed(words: str) -> list[dict[str, object]]:
    """Words of half a second, half a second behind each."""
    return [{"text": word, "start": float(n), "end": n + 0.5} for n, word in enumerate(words.split())]


def test_right_vain_and_missed_are_counted():
    (text,) = sentences(["He saw Anna, Bertha and Carl."])

    def write(words, pauses):
        assert pauses is None
        assert words == ["he", "saw", "anna", "bertha", "and", "carl"]
        forms = ["He", "saw", "Anna", "bertha", "And", "carl"]
        return [Written(form, mark) for form, mark in zip(forms, ["", ",", ",", "", "", "?"], strict=True)]

    scores = {score.name: score for score in score_writing([Text(text)], write)}
    assert (scores[","].precision, scores[","].recall, scores[","].count) == (0.5, 1.0, 1)
    assert (scores["."].recall, scores["?"].precision) == (0.0, 0.0)
    assert (scores["capital"].precision, scores["capital"].recall) == (2 / 3, 0.5)
    assert scores["capital"].f1 == pytest.approx(4 / 7)
    assert scores["capital"].interval == pytest.approx((4 / 7, 4 / 7))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"PK\x03\x04", "not a tagger"), (b"words", "not a tagger"), (None, "cannot read: No such file")],
)
def test_what_is_no_tagger_is_refused(content, said, tmp_path, capsys):
    path = tmp_path / "x.tagger"
    if content is not None:
        path.write_bytes(content)
    assert main(["punctuation", "apply", str(path), str(tmp_path / "text.txt")]) == 1
    assert said in capsys.readouterr().err


def test_a_text_without_sentences_is_refused(tmp_path, capsys):
    (tmp_path / "text.txt").write_text("no marks in it\n")
    assert main(["punctuation", "train", str(tmp_path / "text.txt"), str(tmp_path / "x.tagger")]) == 1
    assert "no sentences in the text" in capsys.readouterr().err
    assert not (tmp_path / "x.tagger").exists()


def test_marks_that_are_put_too_seldom_are_tuned(folder, capsys):
    tagger = read_tagger(folder / "en.tagger")
    texts = [str(folder / name) for name in ("book.txt", "talk.jsonl")] * 3
    question = MARKS.index("?")
    marks, _ = tagger.scores(["who", "saw", "anna", "where", "is", "bertha"])
    short = marks[[2, 5], question] - np.delete(marks[[2, 5]], question, axis=1).max(axis=1)
    bias = tagger.weights.marks_bias.copy()
    bias[question] -= short.max() + 0.2  # no question mark any more, and within reach
    write_tagger(folder / "seldom.tagger", replace(tagger, weights=tagger.weights._replace(marks_bias=bias)))
    assert found(folder / "seldom.tagger", texts, capsys)["?"][2:5] == ["nan", "0.000", "0.000"]
    assert (
        main(["punctuation", "tune", str(folder / "seldom.tagger"), *texts, str(folder / "more.tagger")]) == 0
    )
    assert "? +" in capsys.readouterr().out
    assert found(folder / "more.tagger", texts, capsys)["?"][4] == "1.000"
    (folder / "few.txt").write_text("Who saw Anna?\n")
    given = [str(folder / name) for name in ("en.tagger", "few.txt", "none.tagger")]
    assert main(["punctuation", "tune", *given]) == 1
    assert "no mark is 50 times in the text" in capsys.readouterr().err
    assert not (folder / "none.tagger").exists()


def found(tagger: Path, texts: list[str], capsys) -> dict[str, list[str]]:
    """The rows of the scores."""
    assert main(["punctuation", "score", str(tagger), *texts]) == 0
    return {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()[1:]}
