"""`asr compare`: verdicts on stdout, from report folders and from hypothesis files."""

import json
from pathlib import Path

import pytest

from asr.cli import main


@pytest.fixture
def files(tmp_path: Path) -> Path:
    references = {f"s{number % 3}-{number}": "one two three four five six" for number in range(30)}
    (tmp_path / "ref.txt").write_text("".join(f"{key} {text}\n" for key, text in references.items()))
    for name, step in (("bad", 1), ("good", 10)):
        (tmp_path / f"{name}.txt").write_text(
            "".join(
                f"{key} {text.replace('two', 'too') if number % step == 0 else text.upper()}\n"
                for number, (key, text) in enumerate(references.items())
            )
        )
    return tmp_path


def test_hypothesis_files_are_compared_against_common_references(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", "--ref", str(files / "ref.txt"), str(files / "bad.txt"), str(files / "good.txt")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "good.txt is better by 15.0 points, 95 % interval " in printed
    assert "p < 0.001." in printed
    assert "reference words fixed, broken: 27, 0" in printed


def test_report_folders_are_compared_and_written(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("bad", "good"):
        arguments = ["score", str(files / "ref.txt"), str(files / f"{name}.txt"), "--out", str(files / name)]
        assert main([*arguments, "--normaliser", "none" if name == "bad" else "basic"]) == 0
    capsys.readouterr()
    assert main(["compare", str(files / "bad"), str(files / "good"), "--out", str(files / "out")]) == 0
    assert "good is better by 15.0 points" in capsys.readouterr().out
    assert {path.name for path in (files / "out").iterdir()} == {
        "comparison.html", "comparison.json", "comparison.md",
    }  # fmt: skip


def test_normaliser_and_markdown_are_heeded(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "--ref", str(files / "ref.txt"), str(files / "bad.txt"), str(files / "good.txt")]
    assert main([*arguments, "--normaliser", "none", "--markdown", "--title", "T"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("## T\n\n| system | WER |")
    assert "**bad.txt is better by 75.0 points" in printed


def test_more_than_two_systems_are_ranked_in_every_output(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "joined.txt").write_text((files / "bad.txt").read_text().replace("five six", "fivesix"))
    names = ("bad", "good", "joined")
    arguments = ["compare", "--ref", str(files / "ref.txt"), *(str(files / f"{name}.txt") for name in names)]
    assert main([*arguments, "--out", str(files / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["system", "good.txt", "bad.txt", "joined.txt"]
    assert [line.split()[-2:] for line in lines[1:4]] == [["1", "a"], ["2", "b"], ["3", "c"]]
    assert lines[4] == "normaliser basic, version 1 (Unicode NFC, letter case, punctuation)"
    assert "corrected for 3 comparisons (Holm)): a: good.txt; b: bad.txt; c: joined.txt." in lines[5]
    values = json.loads((files / "out" / "comparison.json").read_text())
    assert [(item["name"], item["ranks"], item["groups"]) for item in values["systems"]] == [
        ("good.txt", [1, 1], ["a"]), ("bad.txt", [2, 2], ["b"]), ("joined.txt", [3, 3], ["c"]),
    ]  # fmt: skip
    for name in ("comparison.html", "comparison.md"):
        text = (files / "out" / name).read_text("utf-8")
        assert "a: good.txt; b: bad.txt; c: joined.txt" in text, name
        assert "basic, version 1" in text, name

    assert main([*arguments, "--merge-compounds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["a", "b", "b"]
    assert lines[4].endswith("as kaldialign counts them")


def test_systems_of_the_same_name_are_told_apart_by_their_folders(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("x", "y"):
        (files / name).mkdir()
        (files / name / "hyp.txt").write_text((files / "good.txt").read_text())
    arguments = [
        "compare",
        "--ref",
        str(files / "ref.txt"),
        str(files / "x/hyp.txt"),
        str(files / "y/hyp.txt"),
    ]
    assert main(arguments) == 0
    assert "x/hyp.txt and y/hyp.txt have the same WER" in capsys.readouterr().out


def test_one_system_or_the_same_twice_is_a_mistake_in_the_command(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(files / "bad")]) == 2
    assert main(["compare", "--ref", str(files / "ref.txt"), *[str(files / "bad.txt")] * 2]) == 2
    assert "given twice" in capsys.readouterr().err


def test_a_folder_without_a_report_exits_1(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(files), str(files / "bad.txt")]) == 1
    assert "no utterances.tsv in it" in capsys.readouterr().err
