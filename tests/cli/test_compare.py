"""`asr compare`: verdicts on stdout, from report folders and from hypothesis files."""

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
