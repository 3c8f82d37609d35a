"""`asr label --rounds`: a model labels, another learns from that, and labels again."""

import dataclasses
import json
from pathlib import Path

import pytest

from asr.cli import main
from asr.companions import Companion
from asr.config import ExperimentConfig, save_experiment
from asr.data.manifest import read_manifest, write_manifest
from asr.decoding.options import DecodingOptions, read_options, write_options
from asr.training.train import train
from asr.transcription.labelling import Choice, fit_error_model


def keep_all(labelled, evidence, *, goal):
    kept = [one for one in labelled if one.words]
    return Choice(0.0, len(kept), len(kept), 0.5, (0.4, 0.6), fit_error_model(evidence))


@pytest.fixture
def words(tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command, with a model that says A to everything."""
    import torch

    from asr.model.checkpoint import load_checkpoint, save_checkpoint

    config = dataclasses.replace(
        tone_experiment, training=dataclasses.replace(tone_experiment.training, epochs=1)
    )
    save_experiment(tmp_path / "config.yaml", config)
    model = tmp_path / "model.pt"
    checkpoint = load_checkpoint(train(config, tmp_path / "first"))
    with torch.no_grad():
        checkpoint.model.head.bias.zero_()[checkpoint.tokenizer.vocabulary.index("A")] = 20.0
    save_checkpoint(model, checkpoint)
    write_options(Companion.DECODING.path(model), DecodingOptions("beam", beam_width=3))
    speech = [
        dataclasses.replace(one, id=f"new-{one.id}", text=None)
        for one in read_manifest(Path(config.data.train))
    ]
    write_manifest(tmp_path / "speech.jsonl", speech)
    monkeypatch.setattr("asr.transcription.labelling.choose", keep_all)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return [
        "label", str(tmp_path / "speech.jsonl"), str(tmp_path / "out.jsonl"), "--dev", config.data.dev, "--model", str(model),
        "--rounds", "2", "--with", config.data.train, "--config", str(tmp_path / "config.yaml"), "--device", "cpu",
    ]  # fmt: skip


def test_two_rounds_and_a_command_that_is_run_again(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    folder = tmp_path / "out.jsonl.rounds"
    first, second = (read_manifest(folder / f"{number}.jsonl") for number in (1, 2))
    assert [one.text for one in first] == ["A"] * 4
    learned_from = read_manifest(folder / "1-train.jsonl")
    assert [one.id for one in learned_from] == [
        "u0",
        "u1",
        "u2",
        "u3",
        "new-u0",
        "new-u1",
        "new-u2",
        "new-u3",
    ]
    assert 0 <= learned_from[-1].extras["weight"] <= 1
    assert read_manifest(tmp_path / "out.jsonl") == second
    best = folder / "1" / "checkpoints" / "best.pt"
    assert read_options(Companion.DECODING.path(best)).beam_width == 3
    run = json.loads((folder / "1" / "transfer.json").read_text())
    assert run["taken"]
    before = {path: path.stat().st_mtime_ns for path in (best, folder / "1.jsonl", folder / "2.jsonl")}
    (tmp_path / "out.jsonl").unlink()
    assert main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert read_manifest(tmp_path / "out.jsonl") == second
    capsys.readouterr()
    assert main([*words, "--wer", "0.2"]) == 2
    assert "holds rounds of other settings" in capsys.readouterr().err


def test_what_rounds_need(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = words.index("--rounds")
    assert main([*words[:place], "--rounds", "2"]) == 2
    assert "--rounds 2 trains between; add --with and --config" in capsys.readouterr().err
    assert main([*words[:place], *words[place + 2 :]]) == 2
    assert "--with and --config: of several rounds; add --rounds N" in capsys.readouterr().err
    assert main([*words[:place], "--rounds", "0"]) == 2
    (tmp_path / "config.yaml").write_text("trainig: {}")
    assert main(words) == 2
    assert "config.yaml" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl.rounds").exists()
