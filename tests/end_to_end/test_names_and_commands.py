"""The English model hears names that it is given, and commands that alone may be said, spoken by flite."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import asr
from asr.cli import main
from asr.transcription.transcriber import Transcriber
from flite import speak

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed"),
]
COMMANDS = ("lights on", "lights off", "volume up", "volume down", "stop", "open the door")


@pytest.fixture(scope="module")
def english() -> Transcriber:
    return asr.load()


@pytest.fixture
def say(tmp_path: Path) -> Callable[[str], Path]:
    def spoken(text: str) -> Path:
        path = tmp_path / f"{text.replace(' ', '-')}.flac"
        speak(text, path, voice="rms")
        return path

    return spoken


@pytest.mark.parametrize("name", ["Okonkwo", "Zyntriqix", "Bacata"])
def test_a_name_is_found_where_it_is_given_and_only_then(
    english: Transcriber, say: Callable[[str], Path], name: str
) -> None:
    pytest.importorskip("espeakng_loader", reason="says names that the dictionary lacks")
    path = say(f"please call doctor {name} tomorrow morning")
    named = english.with_options(replace(english.options, hot_words={name: 5.0}))
    assert name.upper() in named.transcribe(path).text.split()
    assert name.upper() not in english.transcribe(path).text.split()


def test_words_for_one_recording_are_made_without_reading_files(
    english: Transcriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("read again")

    for name in ("read_language_model", "made_once", "read_all_pronunciations"):
        monkeypatch.setattr(f"asr.decoding.resources.{name}", fail)
    for asked in ({"hot_words": {"KAMINSKI": 5.0}}, {"phrases": ("STOP",)}):
        assert english.with_options(replace(english.options, **asked)).decoder is not english.decoder


def test_both_language_models_are_put_together_once_for_all_requests(english: Transcriber) -> None:
    named = english.with_options(replace(english.options, hot_words={"KAMINSKI": 5.0})).decoder.mixture
    plain = english.decoder.mixture
    assert named is not None
    assert plain is not None
    assert named() is plain()


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_heard_and_other_speech_is_none(
    english: Transcriber, say: Callable[[str], Path], command: str
) -> None:
    closed = english.with_options(replace(english.options, phrases=COMMANDS))
    assert closed.transcribe(say(command)).text == command.upper()
    others = tuple(other for other in COMMANDS if other != command)
    without = english.with_options(replace(english.options, phrases=others))
    assert without.transcribe(say(command)).text == ""
    assert closed.transcribe(say("the weather is fine today")).text == ""


def test_the_command_takes_phrases(
    say: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "phrases.txt").write_text("\n".join(COMMANDS))
    assert main(["transcribe", str(say("volume up")), "--phrases", str(tmp_path / "phrases.txt")]) == 0
    assert capsys.readouterr().out.lower().startswith("volume up")
