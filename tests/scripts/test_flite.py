"""Speech of flite: with the program, and with one that stands in for it and fails."""

import shutil
from pathlib import Path

import pytest
import soundfile

from asr.errors import AsrError
from flite import VOICES, speak


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
@pytest.mark.parametrize("voice", VOICES)
def test_each_voice_speaks_16_khz_and_longer_when_stretched(voice: str, tmp_path: Path) -> None:
    usual = speak("the old house by the river", tmp_path / "a.flac", voice=voice)
    longer = speak("the old house by the river", tmp_path / "b.flac", voice=voice, stretch=1.5)
    assert soundfile.info(tmp_path / "a.flac").samplerate == 16000
    assert soundfile.info(tmp_path / "a.flac").duration == pytest.approx(usual)
    assert 1 < usual < 4
    assert 1.2 < longer / usual < 1.7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.flac", "b.flac"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo no such voice >&2; exit 3", "no such voice"),
        ("exit 0", "ended with 0"),
        ('while [ "$1" != -o ]; do shift; done; echo rubbish > "$2"', "Format not recognised"),
    ],
)
def test_a_flite_that_fails_leaves_nothing(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "flite"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    (tmp_path / "out").mkdir()
    with pytest.raises(AsrError, match=message):
        speak("yes", tmp_path / "out" / "a.flac", voice="slt")
    assert list((tmp_path / "out").iterdir()) == []


def test_without_flite_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AsrError, match="apt install flite"):
        speak("yes", tmp_path / "a.flac", voice="slt")
