"""Utterances that weigh less in training."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from forked import write_noise

from asr.cli import main
from asr.config import ExperimentConfig, HeadsConfig, IntermediateHeadConfig, PhonesHeadConfig
from asr.data.batching import SpeechDataset, collate
from asr.data.bucketing import SampleKey
from asr.data.manifest import Utterance, read_manifest
from asr.data.tokenizer import TokenizerConfig, build_tokenizer
from asr.errors import TrainingError
from asr.model.checkpoint import load_checkpoint
from asr.training.train import train


def with_weights(manifest: Path, out: Path, weights: list[float | None]) -> Path:
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    for line, weight in zip(lines, weights, strict=True):
        if weight is not None:
            line["weight"] = weight
    out.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return out


def test_a_batch_has_weights_where_one_is_not_1(tmp_path: Path) -> None:
    manifest = with_weights(write_noise(tmp_path, 3), tmp_path / "w.jsonl", [0.5, None, 2])
    utterances = read_manifest(manifest)
    dataset = SpeechDataset(utterances, build_tokenizer(TokenizerConfig(), ["A B"]), sample_rate=16000)
    samples = [dataset[SampleKey(number, 0)] for number in range(3)]
    weights = collate(samples).weights
    assert weights is not None
    assert weights.tolist() == [0.5, 1.0, 2.0]
    assert collate(samples[1:2]).weights is None


@pytest.mark.parametrize("weight", [-1, "much", True, float("nan"), None])
def test_what_is_no_weight_is_named(weight: object, tmp_path: Path) -> None:
    utterance = Utterance("u", tmp_path / "a.wav", 1.0, text="A", extras={"weight": weight})
    with pytest.raises(TrainingError, match=r"utt u: weight .*expected a number, 0 or more"):
        SpeechDataset([utterance], build_tokenizer(TokenizerConfig(alphabet="A"), []), sample_rate=16000)


def trained(config: ExperimentConfig, manifest: Path, folder: Path) -> dict[str, torch.Tensor]:
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, train=str(manifest)))
    checkpoint = train(config, folder).with_name("last.pt")
    return load_checkpoint(checkpoint).model.state_dict()


@pytest.fixture
def experiment(tone_experiment: ExperimentConfig, tmp_path: Path) -> ExperimentConfig:
    """One step, of a batch of three, without anything random, every head and consistency."""
    pronunciations = tmp_path / "phones.dict"
    pronunciations.write_text("A  EY\nB  B IY\n")
    return dataclasses.replace(
        tone_experiment,
        data=dataclasses.replace(tone_experiment.data, utterances_per_batch=3, seconds_per_batch=60.0),
        heads=HeadsConfig(
            phones=PhonesHeadConfig(0.5, "ctc_crf", pronunciations=str(pronunciations)),
            intermediate=IntermediateHeadConfig(0.3, 1),
        ),
        model=dataclasses.replace(tone_experiment.model, layers=2),
        training=dataclasses.replace(tone_experiment.training, epochs=1, consistency=0.2, ema_decay=0.0),
    )


def test_weights_are_those_of_the_mean_loss(experiment: ExperimentConfig, tmp_path: Path) -> None:
    """All utterances twice as heavy change nothing; one without weight is as if it were not there, but for what is drawn."""
    plain = write_noise(tmp_path, 3)
    same = trained(experiment, plain, tmp_path / "plain")
    for name, weights in (("ones", [1.0, None, 1]), ("twos", [2.0, 2.0, 2.0])):
        heavier = trained(
            experiment, with_weights(plain, tmp_path / f"{name}.jsonl", weights), tmp_path / name
        )
        for part, tensor in same.items():
            torch.testing.assert_close(heavier[part], tensor, rtol=1e-4, atol=1e-6)
    lighter = trained(
        experiment, with_weights(plain, tmp_path / "some.jsonl", [0.1, 1.0, 1.0]), tmp_path / "some"
    )
    assert any(not torch.allclose(lighter[part], tensor, atol=1e-4) for part, tensor in same.items())


def test_shards_keep_no_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = with_weights(write_noise(tmp_path, 2), tmp_path / "w.jsonl", [0.5, None])
    assert main(["pack", str(manifest), str(tmp_path / "shards")]) == 1
    assert "weight 0.5; shards keep no weights, train from the manifest" in capsys.readouterr().err
