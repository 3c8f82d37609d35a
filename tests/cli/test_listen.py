"""`asr listen`, with a file in place of the microphone."""

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from asr.cli import main
from asr.transcription.live import open_session
from asr.transcription.loading import load


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def spoken(tiny_checkpoint: Path, tone: Callable[..., Path]) -> list[str]:
    """The words of a command line that hears two seconds of tone, fast."""
    words = ["listen", "--model", str(tiny_checkpoint), "--file", str(tone(seconds=2.0)), "--fast"]
    return [*words, "--device", "cpu", "--precision", "float32"]


def test_final_results_go_to_stdout(spoken: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(spoken) == 0
    transcriber = load(spoken[2], device="cpu", precision="float32")
    session = open_session(transcriber)
    from asr.data.audio import read_audio

    samples = read_audio(spoken[4], sample_rate=16000)
    results = [
        result for at in range(0, len(samples), 1600) for result in session.feed(samples[at : at + 1600])
    ] + session.finish()
    finals = [result.text for result in results if result.kind == "final"]
    output = capsys.readouterr()
    assert output.out.splitlines() == finals
    assert "\x1b" not in output.err


def test_a_terminal_is_left_without_the_open_line(spoken: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(spoken) == 0
    shown = terminal.getvalue()
    assert "listening" in shown
    assert shown.endswith("\r\x1b[K")


def test_a_file_is_heard_at_its_own_pace(spoken: list[str]) -> None:
    begin = time.monotonic()
    assert main([word for word in spoken if word != "--fast"]) == 0
    assert time.monotonic() - begin >= 2.0


def test_a_microphone_cannot_hurry(tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "--model", str(tiny_checkpoint), "--fast"]) == 2
    assert "--file" in capsys.readouterr().err
