"""A dev WER through the whole of decoding, after each epoch."""

import csv
import dataclasses
from pathlib import Path

import pytest

from asr.config import DevDecodingConfig, ExperimentConfig, HeadsConfig, PhonesHeadConfig
from asr.data.manifest import read_manifest
from asr.decoding.options import DecodingOptions
from asr.errors import ConfigError, DecodingError
from asr.evaluation.scoring import score
from asr.training.train import train
from asr.transcription.loading import load


@pytest.fixture
def options(tmp_path: Path) -> DecodingOptions:
    """Through pronunciations; the penalty makes a network that has learned little write words."""
    path = tmp_path / "words.phones"
    path.write_text("A  EY\nB  B IY\n")
    return DecodingOptions("beam", beam_width=7, pronunciations=str(path), blank_penalty=4.0)


@pytest.fixture
def experiment(tone_experiment: ExperimentConfig, options: DecodingOptions) -> ExperimentConfig:
    assert options.pronunciations is not None
    return dataclasses.replace(
        tone_experiment,
        heads=HeadsConfig(phones=PhonesHeadConfig(1.0, "ctc_crf", pronunciations=options.pronunciations)),
        training=dataclasses.replace(tone_experiment.training, epochs=3, ema_decay=0.0),
    )


def rows_of(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "metrics.csv").open()))


def test_it_is_the_wer_of_the_saved_model_decoded_alike(
    experiment: ExperimentConfig, options: DecodingOptions, tmp_path: Path
) -> None:
    config = dataclasses.replace(
        experiment,
        dev_decoding=DevDecodingConfig(2, options),
        training=dataclasses.replace(experiment.training, best_by="decoded_wer"),
    )
    best = train(config, tmp_path / "run")
    transcriber = load(best.with_name("last.pt"), decoding=options)
    dev = read_manifest(config.data.dev)
    texts = {
        outcome.recording.name: outcome.result().text for outcome in transcriber.transcribe_utterances(dev)
    }
    assert any(texts.values())
    expected = score((one.id, one.text or "", texts[one.id]) for one in dev).wer
    rows = rows_of(tmp_path / "run")
    assert float(rows[-1]["dev_decoded_wer"]) == pytest.approx(expected)
    assert all(float(row["decoding_seconds"]) > 0 for row in rows)
    found = [float(row["dev_decoded_wer"]) for row in rows]
    losses = [float(row["dev_loss"]) for row in rows]
    chosen = min(range(3), key=lambda number: (found[number], losses[number]))
    from asr.model.checkpoint import load_checkpoint

    assert load_checkpoint(best).notes["epoch"] == chosen + 1
    assert (tmp_path / "run" / "curves.png").stat().st_size > 0


def test_it_changes_nothing_of_what_is_learned(
    experiment: ExperimentConfig, options: DecodingOptions, tmp_path: Path
) -> None:
    train(experiment, tmp_path / "without")
    train(dataclasses.replace(experiment, dev_decoding=DevDecodingConfig(1, options)), tmp_path / "with")
    for column in ("train_loss", "dev_loss", "dev_per", "gradient_norm"):
        without, beside = ([row[column] for row in rows_of(tmp_path / name)] for name in ("without", "with"))
        assert without == beside


def test_what_does_not_fit_is_said_before_training(
    experiment: ExperimentConfig, options: DecodingOptions, tmp_path: Path
) -> None:
    training = dataclasses.replace(experiment.training, best_by="decoded_wer")
    with pytest.raises(ConfigError, match=r"needs dev_decoding\.utterances"):
        train(dataclasses.replace(experiment, training=training), tmp_path / "run")
    missing = dataclasses.replace(options, lexicon=str(tmp_path / "none.txt"))
    config = dataclasses.replace(experiment, dev_decoding=DevDecodingConfig(2, missing))
    with pytest.raises(DecodingError, match=r"none\.txt"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="utterances -1; expected 0 or more"):
        train(dataclasses.replace(experiment, dev_decoding=DevDecodingConfig(-1)), tmp_path / "other")
