"""The quickstart and the test command, without what they would install."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import environment
import quickstart
from asr.cli import VERBS
from asr.cli.console import Parser


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be run."""
    ran: list[list[str]] = []

    def note(words: list[object], **_: object) -> "subprocess.CompletedProcess[bytes]":
        ran.append([str(word) for word in words])
        return subprocess.CompletedProcess(words, 1 if "evaluate" in ran[-1] else 0, b"WER\n")

    monkeypatch.setattr(quickstart, "make_environment", lambda folder, extra: sys.executable)
    monkeypatch.setattr(quickstart, "run", note)
    monkeypatch.setattr(subprocess, "run", note)
    monkeypatch.setattr(Path, "write_bytes", lambda *_: 0)
    return ran


def test_its_commands_are_verbs_with_options_that_they_have(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["quickstart.py"])
    with pytest.raises(SystemExit) as left:
        quickstart.main()
    assert left.value.code == 1, "what fails ends it"
    assert capsys.readouterr().out == "WER\n"
    spoken = [words[3:] for words in commands if words[1:3] == ["-m", "asr"]]
    assert [verb for verb, *_ in spoken] == ["prepare", "validate", "train", "evaluate"]
    for verb, *words in spoken:
        parser = Parser(prog=verb)
        importlib.import_module(VERBS[verb].module).configure(parser)
        parser.parse_args(words)


@pytest.mark.parametrize("words", [["an5"], ["digits", "archive"], ["an4", "nowhere.tar.gz"]])
def test_a_corpus_or_archive_that_is_not_there_is_a_mistake_in_the_command(
    words: list[str], commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["quickstart.py", *words])
    with pytest.raises(SystemExit) as left:
        quickstart.main()
    assert left.value.code == 2
    assert commands == []


@pytest.mark.parametrize(
    ("system", "python"), [("nt", "Scripts/python.exe"), ("posix", "bin/python")], ids=["Windows", "others"]
)
def test_the_environment_is_made_by_the_python_that_runs(
    system: str, python: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "run", lambda words: ran.append([str(word) for word in words]))
    monkeypatch.setattr(environment, "os", type("os", (), {"name": system}))
    made = environment.make_environment(".venv", "dev")
    assert made == tmp_path / ".venv" / python
    assert ran[0] == [sys.executable, "-m", "venv", str(tmp_path / ".venv")]
    assert ran[-1][0] == str(made)
    assert ran[-1][-1] == ".[dev]"
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    with pytest.raises(SystemExit, match=r"this is Python 3.10; expected 3.11 to 3.14"):
        environment.make_environment(".venv", "dev")


def test_a_command_that_fails_ends_the_script_with_its_exit_code() -> None:
    with pytest.raises(SystemExit) as left:
        environment.run([sys.executable, "-c", "raise SystemExit(7)"])
    assert left.value.code == 7
