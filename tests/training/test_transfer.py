"""Beginning with an earlier model: what is taken, what begins anew, what is frozen; and gradients of several batches."""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import finish, record_steps, start, start_ranks, train_or_resume

from asr.companions import Companion
from asr.config import ExperimentConfig, OptimizerConfig
from asr.data.augmentation.config import AugmentationConfig
from asr.data.manifest import read_manifest, write_manifest
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.decoding.options import DecodingOptions, tuned_options, write_options
from asr.errors import CheckpointError, ConfigError, TrainingError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.pretrained import default_model, find_model
from asr.training.train import train
from asr.training.transfer import Transfer, take_weights

SMALL = EncoderConfig(layers=2, hidden_size=8, channels=2)


def built(
    symbols: str, *, phones: tuple[str, ...] = (), encoder: EncoderConfig = SMALL, **features: Any
) -> tuple[AcousticModel, CharacterTokenizer]:
    tokenizer = CharacterTokenizer([BLANK_SYMBOL, *symbols])
    config = AcousticModelConfig(FeaturesConfig(**features), encoder=encoder, phones=phones)
    return AcousticModel(config, vocabulary_size=len(tokenizer)), tokenizer


def saved(path: Path, symbols: str, **shape: Any) -> AcousticModel:
    model, tokenizer = built(symbols, **shape)
    save_checkpoint(path, Checkpoint(model, tokenizer))
    return model


def test_another_alphabet_keeps_the_letters_that_both_have(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = saved(tmp_path / "m.pt", " ABC", phones=("AH", "B"))
    model, tokenizer = built("BÄ A", phones=("B", "EY", "AH"))
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    with caplog.at_level(logging.INFO, logger="asr"):
        transfer = take_weights(model, tokenizer, str(tmp_path / "m.pt"))
    after = model.state_dict()
    for ours, theirs in ((0, 0), (1, 3), (3, 1), (4, 2)):
        assert torch.equal(after["head.weight"][ours], earlier.head.weight[theirs])
        assert torch.equal(after["head.bias"][ours], earlier.head.bias[theirs])
    assert torch.equal(after["head.weight"][2], before["head.weight"][2])
    assert earlier.phone_head is not None
    assert torch.equal(after["phone_head.weight"][[0, 1, 3]], earlier.phone_head.weight[[0, 2, 1]])
    for name, weights in earlier.encoder.state_dict().items():
        assert torch.equal(after[f"encoder.{name}"], weights)
    assert set(transfer.new) == {"head.weight", "head.bias", "phone_head.weight", "phone_head.bias"}
    assert set(transfer.taken) | set(transfer.new) == set(after)
    assert "head.4 of its 5 units are known, new: Ä" in caplog.text
    assert "begins anew: head, phone_head" in caplog.text


def test_deeper_networks_begin_with_the_layers_there_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved(tmp_path / "m.pt", " AB", phones=("AH",))
    model, tokenizer = built(" AB", encoder=dataclasses.replace(SMALL, layers=3))
    with caplog.at_level(logging.INFO, logger="asr"):
        transfer = take_weights(model, tokenizer, str(tmp_path / "m.pt"))
    assert {name.split(".")[1] + name.split(".")[2] for name in transfer.new} == {"layers2", "norms2"}
    assert "not needed here: phone_head" in caplog.text


def test_shapes_that_cannot_fit_are_an_error_with_both(tmp_path: Path) -> None:
    saved(tmp_path / "m.pt", " AB")
    model, tokenizer = built(" AB", encoder=dataclasses.replace(SMALL, hidden_size=12))
    with pytest.raises(
        TrainingError, match=r"\(16, 40\) there, \(24, 40\) here.*its configuration has model.hidden_size 8"
    ):
        take_weights(model, tokenizer, str(tmp_path / "m.pt"))


def test_other_features_are_an_error_though_the_shapes_are_the_same(tmp_path: Path) -> None:
    saved(tmp_path / "m.pt", " AB", hop=0.0125)
    model, tokenizer = built(" AB")
    with pytest.raises(TrainingError, match=r"features\.hop 0\.0125 there, 0\.01 here"):
        take_weights(model, tokenizer, str(tmp_path / "m.pt"))


def test_a_model_is_found_by_name_in_a_run_and_as_a_file(tmp_path: Path) -> None:
    saved(tmp_path / "m.pt", " AB")
    assert find_model(tmp_path / "m.pt") == tmp_path / "m.pt"
    assert find_model("english") == (default_model() or Path("english"))
    with pytest.raises(CheckpointError, match=r"folder without checkpoints/best\.pt"):
        find_model(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "m.pt").rename(tmp_path / "checkpoints" / "best.pt")
    assert find_model(tmp_path) == tmp_path / "checkpoints" / "best.pt"


def with_training(config: ExperimentConfig, **changes: Any) -> ExperimentConfig:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))


def weights_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(checkpoint).model.state_dict()


def test_frozen_parts_keep_their_weights_until_their_epoch(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    first = train(tone_experiment, tmp_path / "first")
    config = with_training(
        tone_experiment, start_from=str(tmp_path / "first"), freeze=("encoder",), ema_decay=0.0
    )
    train(config, tmp_path / "frozen")
    given, kept = weights_of(first), weights_of(tmp_path / "frozen" / "checkpoints" / "last.pt")
    assert all(torch.equal(given[name], kept[name]) for name in given if name.startswith("encoder."))
    assert not torch.equal(given["head.weight"], kept["head.weight"])
    train(with_training(config, freeze_epochs=1.0), tmp_path / "thawed")
    thawed = weights_of(tmp_path / "thawed" / "checkpoints" / "last.pt")
    assert not torch.equal(given["encoder.norms.0.weight"], thawed["encoder.norms.0.weight"])
    assert not Companion.DECODING.path(tmp_path / "frozen" / "checkpoints" / "last.pt").exists()
    record = json.loads((tmp_path / "frozen" / "transfer.json").read_text())
    assert "head.weight" in record["taken"]
    assert record["new"] == []


def test_with_the_same_letters_a_model_is_decoded_as_the_earlier_one_was_tuned(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    first = train(with_training(tone_experiment, epochs=1), tmp_path / "first")
    tuned = DecodingOptions("beam", beam_width=7, blank_penalty=0.5)
    write_options(Companion.DECODING.path(first), tuned)
    config = with_training(tone_experiment, epochs=1, start_from=str(tmp_path / "first"))
    best = train(config, tmp_path / "second")
    assert tuned_options(best) == tuned_options(best.with_name("last.pt")) == tuned
    more = dataclasses.replace(
        config.tokenizer, alphabet="".join(load_checkpoint(first).tokenizer.vocabulary[1:]) + "ž"
    )
    other = train(dataclasses.replace(config, tokenizer=more), tmp_path / "third")
    assert tuned_options(other) == DecodingOptions()


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        ("encodr", "no such part; expected taken, or of .*encoder"),
        ("taken", "nothing was taken"),
        ("encoder,head", "nothing is left to train"),
    ],
)
def test_what_cannot_be_frozen_is_an_error(
    freeze: str, message: str, tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    config = with_training(tone_experiment, freeze=tuple(freeze.split(",")))
    with pytest.raises(ConfigError, match=message):
        train(config, tmp_path / "run")


def test_new_parts_learn_faster(tone_experiment: ExperimentConfig, tmp_path: Path) -> None:
    """With sgd the first step of a part is as long as its learning rate."""
    config = dataclasses.replace(
        with_training(tone_experiment, epochs=1, ema_decay=0.0),
        data=dataclasses.replace(tone_experiment.data, augmentation=AugmentationConfig((1.0,)), utterances_per_batch=4, seconds_per_batch=9.0),
        model=dataclasses.replace(tone_experiment.model, dropout=0.0),
        optimizer=OptimizerConfig("sgd", 1e-3, schedule="constant", momentum=0.0, weight_decay=0.0, gradient_clip=0.0),
    )  # fmt: skip
    saved(tmp_path / "earlier.pt", "A", encoder=config.model)
    config = with_training(config, start_from=str(tmp_path / "earlier.pt"))
    runs = {}
    for factor in (1.0, 3.0):
        settings = dataclasses.replace(config.optimizer, new_parts=factor)
        train(dataclasses.replace(config, optimizer=settings), tmp_path / f"run{factor}")
        runs[factor] = weights_of(tmp_path / f"run{factor}" / "checkpoints" / "last.pt")
    train(
        dataclasses.replace(config, optimizer=dataclasses.replace(config.optimizer, learning_rate=1e-12)),
        tmp_path / "still",
    )
    still = weights_of(tmp_path / "still" / "checkpoints" / "last.pt")
    for name, times in (("head.weight", 3.0), ("encoder.norms.0.weight", 1.0)):
        moved = [(runs[factor][name] - still[name]).norm() for factor in (1.0, 3.0)]
        assert moved[0] > 0
        assert float(moved[1] / moved[0]) == pytest.approx(times, rel=1e-3), name


def test_gradients_of_several_batches_are_those_of_one_large_batch(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    """Utterances of different lengths: each batch weighs what it has tokens; in one process and in two."""
    manifest = Path(tone_experiment.data.train)
    texts = ["A", "BABA", "AB", "B"]
    write_manifest(
        manifest,
        [
            dataclasses.replace(utterance, text=text)
            for utterance, text in zip(read_manifest(manifest), texts, strict=True)
        ],
    )
    config = dataclasses.replace(
        with_training(tone_experiment, epochs=1, ema_decay=0.0),
        model=dataclasses.replace(tone_experiment.model, dropout=0.0),
        spec_augment=dataclasses.replace(tone_experiment.spec_augment, frequency_masks=0, time_masks=0),
        optimizer=OptimizerConfig("sgd", 0.1, schedule="constant", momentum=0.0, gradient_clip=0.5),
    )

    def trained(name: str, *, size: int, accumulate: int) -> Path:
        data = dataclasses.replace(
            tone_experiment.data,
            augmentation=AugmentationConfig((1.0,)),
            seconds_per_batch=9.0,
            utterances_per_batch=size,
        )
        own = with_training(dataclasses.replace(config, data=data), accumulate=accumulate)
        return train(own, tmp_path / name).parent / "last.pt"

    def rank(number: int) -> None:
        trained("shared", size=1, accumulate=2)

    large = weights_of(trained("large", size=4, accumulate=1))
    assert finish(start_ranks(rank, 2, tmp_path / "said"), seconds=240) == [0, 0]
    found = {
        "single": weights_of(trained("single", size=1, accumulate=4)),
        "pairs": weights_of(trained("pairs", size=2, accumulate=2)),
        "shared": weights_of(tmp_path / "shared" / "checkpoints" / "last.pt"),
    }
    for name, weights in found.items():
        for part, tensor in large.items():
            torch.testing.assert_close(weights[part], tensor, rtol=1e-5, atol=1e-6, msg=f"{name}: {part}")


def test_a_fine_tuning_that_is_killed_goes_on_bit_for_bit(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    """With batches that add up, new parts of their own learning rate, frozen ones, and the earlier model gone."""
    saved(tmp_path / "earlier.pt", "A", encoder=tone_experiment.model)
    config = dataclasses.replace(
        with_training(
            tone_experiment, start_from=str(tmp_path / "earlier.pt"), freeze=("taken",), freeze_epochs=1.5,
            accumulate=2, checkpoint_steps=1, epochs=3, consistency=0.2,
        ),
        data=dataclasses.replace(tone_experiment.data, utterances_per_batch=1),
        optimizer=OptimizerConfig("muon", new_parts=3.0),
    )  # fmt: skip

    def work(folder: Path, die_after: int | None) -> Any:
        def run() -> None:
            record_steps(tmp_path / "steps.txt", die_after=die_after)
            train_or_resume(config, folder)

        return run

    assert finish([start(work(tmp_path / "whole", None), tmp_path / "err")], seconds=200) == [0]
    assert finish([start(work(tmp_path / "killed", 7), tmp_path / "err")], seconds=200) != [0]
    (tmp_path / "earlier.pt").unlink()
    assert finish([start(work(tmp_path / "killed", None), tmp_path / "err")], seconds=200) == [0], (
        tmp_path / "err"
    ).read_text()
    one, other = (weights_of(tmp_path / name / "checkpoints" / "last.pt") for name in ("whole", "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_dev_set_too_small_to_choose_by_is_said_to_be(
    tone_experiment: ExperimentConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="asr"):
        train(with_training(tone_experiment, epochs=1), tmp_path / "run")
    # Two words: 1.96 sqrt(0.2 0.8 / 2) = 0.55.
    assert "dev.jsonl: 2 words are few to choose by" in caplog.text
    assert "within 55 points" in caplog.text


def test_a_broken_record_of_what_was_taken_is_an_error(tmp_path: Path) -> None:
    assert Transfer.of_run(tmp_path) == Transfer()
    (tmp_path / "transfer.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"transfer.json: broken"):
        Transfer.of_run(tmp_path)
