import csv
from pathlib import Path

import pytest
import soundfile

from asr.cli import main
from asr.config import ExperimentConfig, save_experiment


def test_gradients_of_every_cell_before_and_after_training(
    tone_experiment: ExperimentConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_experiment(tmp_path / "e.yaml", tone_experiment)
    out = tmp_path / "out"
    words = ["inspect", "gradients", "--config", str(tmp_path / "e.yaml"), "--out", str(out)]
    words += ["--cells", "rnn_tanh,lstm", "--distance", "8", "--epochs", "1", "--model.subsampling", "2"]
    assert main(words) == 0
    assert str(out / "gradients.png") in capsys.readouterr().out
    assert (out / "gradients.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((out / "gradients.csv").open()))
    assert {(row["network"], row["stage"]) for row in rows} == {
        (cell, stage) for cell in ("rnn_tanh", "lstm") for stage in ("before training", "after 1 epochs")
    }
    checkpoint = out / "runs" / "lstm" / "checkpoints" / "best.pt"
    words = ["inspect", "gradients", "--model", str(checkpoint), "--manifest", tone_experiment.data.dev]
    assert main([*words, "--out", str(tmp_path / "two"), "--distance", "8"]) == 0
    assert main([*words, "--out", str(tmp_path / "three"), "--distance", "800"]) == 1
    assert "lower --distance" in capsys.readouterr().err


def test_an_utterance_from_sound_to_words(
    tiny_checkpoint: Path, tone: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audio = tone(seconds=1.5)  # type: ignore[operator]
    words = ["inspect", "utterance", str(audio), "--model", str(tiny_checkpoint), "--out"]
    for name, more in (("a.png", []), ("b.png", ["--text", "AB C"])):
        assert main([*words, str(tmp_path / name), *more]) == 0
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    capsys.readouterr()
    assert main([*words, str(tmp_path / "c.png"), "--text", "A!"]) == 1
    assert "is not in the alphabet" in capsys.readouterr().err
    assert not (tmp_path / "c.png").exists()


def test_training_utterances_as_they_are_and_as_they_vary(
    tone_experiment: ExperimentConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_experiment(tmp_path / "e.yaml", tone_experiment)
    out = tmp_path / "out"
    words = ["inspect", "augmentation", "--config", str(tmp_path / "e.yaml"), "--out", str(out)]
    more = ["--utterances", "2", "--epochs", "2", "--data.augmentation.speeds", "[0.5]"]
    assert main([*words, *more, "--data.augmentation.noise.probability", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * (1 + 2) + 1
    assert "epoch 1: speed 0.5, " in lines[1]
    assert " dB" in lines[1]
    plain, varied = (soundfile.info(line.split("  ")[0]).duration for line in lines[:2])
    assert varied == pytest.approx(2 * plain, abs=0.01)
    assert (out / "augmentation.png").read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--manifest", str(tmp_path)]) == 2
    assert "packed shards; give --manifest" in capsys.readouterr().err
    assert main([*words, "--data.augmentation.noise.probability", "3"]) == 2
    assert "noise.probability 3.0; expected 0 to 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["augmentation", "--config", "e.yaml", "--out", "x", "--epochs", "0"], "at least 1"),
        (["gradients", "--out", "x"], "give --config YAML"),
        (["gradients", "--model", "m.pt", "--out", "x"], "--model needs --manifest"),
        (["gradients", "--config", "c.yaml", "--out", "x", "--distance", "0"], "at least 1"),
        (
            ["utterance", "a.wav", "--model", "m.pt", "--out", "x.png", "--what"],
            "unrecognised arguments: --what",
        ),
    ],
)
def test_what_does_not_fit_together_is_a_mistake_in_the_command(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", *words]) == 2
    assert message in capsys.readouterr().err
