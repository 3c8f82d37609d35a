"""`asr model info`, and the model that ships with the package."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import asr
from asr.cli import main
from asr.errors import UsageError
from asr.model import pretrained


@pytest.fixture
def shipped(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with a model, its language model, its tuned decoding and its card."""
    from asr.decoding.options import DecodingOptions, write_options

    folder = tmp_path / "pretrained"
    folder.mkdir()
    shutil.copy(tiny_checkpoint, folder / "english.pt")
    (tmp_path / "text.txt").write_text("A B\nAB C\n" * 20)
    assert main(["lm", "train", str(tmp_path / "text.txt"), str(folder / "english.lm"), "--order", "2"]) == 0
    tuned = DecodingOptions(
        "beam", lm=str(folder / "english.lm"), lm_weight=0.4, word_bonus=1.5, lexicon="lm"
    )
    write_options(folder / "english.decoding.json", tuned)
    (folder / "MODEL_CARD.md").write_text("# English\n\nTrained on public speech.\n")
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    return folder


def test_info_tells_sizes_alphabet_features_and_network(
    tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "info", str(tiny_checkpoint)]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["name"] == "tiny"
    assert rows["alphabet.symbols"] == "␣ABC"
    assert rows["features.sample_rate"] == "16,000"
    assert rows["encoder.hidden_size"] == "16"
    assert int(rows["parameters"].replace(",", "")) > 1000


def test_info_as_json_has_the_model_card(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info", str(shipped / "english.pt"), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["model_card"].startswith("# English")
    assert record["decoding"]["lm_weight"] == 0.4


def test_load_without_a_name_takes_the_shipped_model_as_tuned(
    shipped: Path, tone: Callable[..., Path]
) -> None:
    transcriber = asr.load()
    assert transcriber.options.method == "beam"
    assert transcriber.options.lm_weight == 0.4
    assert set(transcriber.transcribe(tone()).text.split()) <= {"A", "B", "AB", "C"}


def test_load_without_a_name_says_that_there_is_no_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    with pytest.raises(UsageError, match="no model of its own; name one"):
        asr.load()


def test_transcribe_without_a_name_takes_the_shipped_model(
    shipped: Path, tone: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["transcribe", str(tone()), "--json"]) == 0
    captured = capsys.readouterr()
    assert "decoding as tuned" in captured.err
    assert json.loads(captured.out)["duration"] == 1.0
