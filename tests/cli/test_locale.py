"""Names and transcripts in any script, whatever the locale: nothing fails, and what is written is UTF-8."""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asr.cli import VERBS, console, main
from asr.cli.console import Parser, setup_output
from asr.data.manifest import read_manifest

NAME, SAID = "ünïcödé-ş", "çа va ß 語"

LOCALES = {
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "POSIX": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "latin-1": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
}


def run(locale: str, *words: object, code: int = 0) -> "subprocess.CompletedProcess[bytes]":
    """Run the command as a process of its own in a locale; no traceback, and the exit code."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG"))}
    done = subprocess.run(
        [sys.executable, "-m", "asr", *map(str, words)],
        capture_output=True,
        check=False,
        timeout=300,
        env={**environment, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **LOCALES[locale]},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode == code, done.stderr.decode(errors="replace")
    return done


@pytest.fixture
def recordings(tone: Callable[..., Path], tmp_path: Path) -> Path:
    """A folder whose name, file and transcript need more than ASCII."""
    folder = tmp_path / NAME
    folder.mkdir()
    shutil.copy(tone(), folder / f"{NAME}.wav")
    (folder / f"{NAME}.txt").write_text(SAID, encoding="utf-8")
    return folder


@pytest.mark.parametrize("locale", ["C", "POSIX", "latin-1", "cp1252"])
def test_prepare_and_stats_in_a_locale(locale: str, recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out-{NAME}"
    run(locale, "prepare", "folder", recordings, out)
    (utterance,) = read_manifest(out / "all.jsonl")
    assert (utterance.id, utterance.text, utterance.audio) == (NAME, SAID, recordings / f"{NAME}.wav")
    printed = run(locale, "stats", out / "all.jsonl").stdout
    if "PYTHONIOENCODING" in LOCALES[locale]:
        assert r"\u8a9e" in printed.decode(LOCALES[locale]["PYTHONIOENCODING"])
    else:
        assert "語" in printed.decode("utf-8")
    missing = run(locale, "stats", tmp_path / f"{NAME}.jsonl", code=1)
    assert b"no such manifest" in missing.stderr


def test_transcribe_in_the_c_locale(recordings: Path, tmp_path: Path, tiny_checkpoint: Path) -> None:
    model = shutil.copy(tiny_checkpoint, tmp_path / f"{NAME}.pt")
    audio = recordings / f"{NAME}.wav"
    done = run("C", "transcribe", audio, "--model", model, "--json")
    assert json.loads(done.stdout.decode("utf-8"))["file"] == str(audio)
    run("C", "transcribe", recordings, "--model", model, "--output-dir", tmp_path / NAME / "out")
    assert (tmp_path / NAME / "out" / f"{NAME}.txt").exists()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode there")
def test_a_name_that_is_not_utf8(
    recordings: Path, tmp_path: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audio = tmp_path / os.fsdecode(b"caf\xe9.wav")
    shutil.copy(recordings / f"{NAME}.wav", audio)
    assert main(["transcribe", str(audio), "--model", str(tiny_checkpoint), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(audio)
    words = ["transcribe", str(audio), "--model", str(tiny_checkpoint), "--output-dir", str(tmp_path / "out")]
    assert main(words) == 0
    (utterance,) = read_manifest(tmp_path / "out" / "transcripts.jsonl")
    assert utterance.audio.samefile(audio)


def streams(
    monkeypatch: pytest.MonkeyPatch, encoding: str, *, terminal: bool
) -> tuple[io.BytesIO, io.BytesIO]:
    """Let stdout and stderr be streams of an encoding; what they hold."""
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    monkeypatch.setattr(console.locale, "getencoding", lambda: encoding)
    held = io.BytesIO(), io.BytesIO()
    for name, raw in zip(("stdout", "stderr"), held, strict=True):
        stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
        monkeypatch.setattr(stream, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, name, stream)
    return held


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_what_goes_to_a_file_is_utf8(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, errors = streams(monkeypatch, encoding, terminal=False)
    setup_output()
    print(SAID)
    print(SAID, file=sys.stderr)
    assert out.getvalue().decode("utf-8").strip() == errors.getvalue().decode("utf-8").strip() == SAID


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("latin-1", "é \\u8a9e"), ("cp1252", "é \\u8a9e"), ("utf-8", "é 語")],
)
def test_a_terminal_gets_what_it_shows(encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, encoding, terminal=True)
    setup_output()
    print("é 語")
    assert out.getvalue().decode(encoding).strip() == shown


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_help_breaks_no_name(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from asr.data.corpora import names

    monkeypatch.setenv("COLUMNS", str(columns))
    parser = Parser(prog="asr prepare")
    importer = __import__(VERBS["prepare"].module, fromlist=["configure"])
    importer.configure(parser)
    text = parser.format_help()
    for name in names():
        assert name in text.split("one of:")[1].replace(",", " ").split()
    assert max(len(line) for line in text.splitlines() if "one of" in line) <= columns


def test_the_parsers_of_verbs_within_verbs_break_no_name_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    inner = Parser(prog="asr").add_subparsers().add_parser("inner")
    assert isinstance(inner, argparse.ArgumentParser)
    inner.add_argument("--option", help="one of " + ", ".join(["a-name-with-hyphens"] * 9))
    help_text = inner.format_help().split("--option OPTION", 1)[1]
    assert help_text.replace(",", " ").split().count("a-name-with-hyphens") == 9
