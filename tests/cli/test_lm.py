"""`asr lm`: what it prints, writes and answers."""

import pytest

from asr.cli import main

TEXT = "A B C\nB C\nC A\n" * 5


@pytest.fixture
def text(tmp_path):
    (tmp_path / "t.txt").write_text(TEXT)
    return tmp_path / "t.txt"


@pytest.fixture
def in_folder(tmp_path, text, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_train_score_and_convert_agree(tmp_path, text, capsys):
    assert main(["lm", "train", str(text), str(tmp_path / "m.arpa"), "--order", "2"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'm.arpa'}: 6 1-grams, 8 2-grams\n"
    assert main(["lm", "convert", str(tmp_path / "m.arpa"), str(tmp_path / "m.lm")]) == 0
    capsys.readouterr()
    assert main(["lm", "score", str(tmp_path / "m.arpa"), str(text)]) == 0
    first = capsys.readouterr().out
    assert main(["lm", "score", str(tmp_path / "m.lm"), str(text)]) == 0
    assert capsys.readouterr().out == first
    assert first.startswith("15 sentences, 35 words, 0 unknown (0.00%)\n")


def test_vocabulary_pruning_and_characters_are_heeded(tmp_path, text, capsys):
    (tmp_path / "vocab.txt").write_text("A\nB\n")
    out = str(tmp_path / "m.arpa")
    assert main(["lm", "train", str(text), out, "--order", "2", "--vocab", str(tmp_path / "vocab.txt")]) == 0
    assert "5 1-grams" in capsys.readouterr().out
    assert main(["lm", "train", str(text), out, "--order", "2", "--prune", "0", "9"]) == 0
    assert "2 2-grams" in capsys.readouterr().out
    assert main(["lm", "train", str(text), out, "--characters"]) == 0
    assert "7 1-grams" in capsys.readouterr().out
    assert main(["lm", "score", out, str(text)]) == 0
    assert "55 characters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "t.txt", "m.bin"], 1, "expected a name that ends in .arpa"),
        (["train", "none.txt", "m.arpa"], 1, "none.txt: cannot read"),
        (["train", "t.txt", "m.arpa", "--order", "0"], 2, "--order 0"),
        (["train", "t.txt", "m.arpa", "--prune", "1"], 1, "prune [1]"),
        (["score", "t.txt", "t.txt"], 1, "no \\data\\ in the file"),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_mistakes_are_named(capsys, arguments, code, message):
    assert main(["lm", *arguments]) == code
    assert message in capsys.readouterr().err
