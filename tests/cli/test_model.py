"""`asr model info`, and the model that ships with the package."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import asr
from asr.cli import main
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.errors import UsageError
from asr.model import pretrained
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig


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


def save_tiny(path: Path, seed: int, *, letters: str = " ABC", **encoder: Any) -> AcousticModel:
    torch.manual_seed(seed)
    shape = EncoderConfig(layers=1, hidden_size=8, channels=4, **encoder)
    model = AcousticModel(AcousticModelConfig(encoder=shape), vocabulary_size=1 + len(letters))
    notes = {"epoch": seed, "dev_wer": 0.1 * seed}
    save_checkpoint(path, Checkpoint(model, CharacterTokenizer([BLANK_SYMBOL, *letters]), notes))
    return model


def test_average_is_the_mean_of_every_weight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(tmp_path / f"{number}.pt") for number in range(3)]
    models = [save_tiny(Path(name), seed, dropout=0.1 * seed) for seed, name in enumerate(names)]
    out = tmp_path / "mean.pt"
    assert main(["model", "average", *names, str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    mean = load_checkpoint(out)
    for name, value in mean.model.state_dict().items():
        if value.is_floating_point():
            expected = sum(model.state_dict()[name] for model in models) / 3
            torch.testing.assert_close(value, expected)
    assert [note["file"] for note in mean.notes["averaged"]] == names
    assert "dev_wer" not in mean.notes
    assert mean.notes["averaged"][2]["dev_wer"] == 0.2


def test_average_writes_half_precision_when_asked(tmp_path: Path) -> None:
    names = [str(tmp_path / f"{number}.pt") for number in range(2)]
    for seed, name in enumerate(names):
        save_tiny(Path(name), seed)
    assert main(["model", "average", *names, str(tmp_path / "mean.pt"), "--half"]) == 0
    assert (tmp_path / "mean.pt").stat().st_size < 0.7 * Path(names[0]).stat().st_size


def test_average_names_every_model_that_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(tmp_path / name) for name in ("a.pt", "b.pt", "c.pt", "d.pt")]
    save_tiny(Path(names[0]), 0)
    save_tiny(Path(names[1]), 1, letters=" ABD")
    save_tiny(Path(names[2]), 2)
    save_tiny(Path(names[3]), 3, subsampling=3)
    assert main(["model", "average", *names, str(tmp_path / "mean.pt")]) == 1
    message = capsys.readouterr().err
    assert "b.pt: another alphabet (5 tokens, expected 5 and the same)" in message
    assert "d.pt: another shape (encoder.subsampling 3, expected 4)" in message
    assert "c.pt" not in message
    assert not (tmp_path / "mean.pt").exists()


def test_average_overwrites_nothing_and_needs_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who forgets the output's name would else lose the last model."""
    names = [str(tmp_path / f"{number}.pt") for number in range(2)]
    for seed, name in enumerate(names):
        save_tiny(Path(name), seed)
    before = Path(names[1]).read_bytes()
    assert main(["model", "average", *names]) == 2
    assert "is there already" in capsys.readouterr().err
    assert Path(names[1]).read_bytes() == before
    assert main(["model", "average", names[0], str(tmp_path / "mean.pt")]) == 2
    assert "1 checkpoint to average; name two or more" in capsys.readouterr().err
