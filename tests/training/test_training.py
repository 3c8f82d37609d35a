"""Training through its Python interface: what a run leaves behind, resume, and numbers that break."""

import csv
import dataclasses
import errno
import itertools
import json
import multiprocessing
import os
from pathlib import Path

import pytest
import torch

from asr.config import ExperimentConfig, load_experiment, save_experiment
from asr.data.manifest import read_manifest, write_manifest
from asr.data.packing import pack
from asr.errors import AsrError, CheckpointError, ConfigError, TrainingError, UsageError
from asr.model.checkpoint import load_checkpoint
from asr.training.module import SpeechModule
from asr.training.optimizers import one_cycle
from asr.training.train import resume, train, train_or_resume


def with_training(config: ExperimentConfig, **changes: object) -> ExperimentConfig:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **changes))  # type: ignore[arg-type]


def test_a_run_folder_holds_config_versions_metrics_curves_and_models(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    best = train(tone_experiment, run)
    assert best == run / "checkpoints" / "best.pt"
    assert load_experiment(run / "config.yaml") == tone_experiment
    record = json.loads((run / "run.json").read_text())[0]
    assert record["seed"] == tone_experiment.training.seed
    assert record["packages"]["torch"] == torch.__version__.split("+")[0]
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for column in ("dev_wer", "dev_cer", "blank_share", "gradient_norm", "hours_per_hour", "data_wait_share"):
        assert 0 <= float(rows[-1][column]) < 1e6
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((run / "tensorboard").glob("events*"))
    assert load_checkpoint(run / "checkpoints" / "last.pt").notes["epoch"] == 2
    assert load_checkpoint(best).tokenizer.vocabulary == ("<blank>", "A", "B")


def test_the_same_seed_trains_the_same_weights_and_another_seed_does_not(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    def weights(name: str, seed: int) -> dict[str, torch.Tensor]:
        best = train(with_training(tone_experiment, seed=seed), tmp_path / name)
        return load_checkpoint(best.with_name("last.pt")).model.state_dict()

    first, again, other = weights("a", 1), weights("b", 1), weights("c", 2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_second_view_comes_when_its_share_of_the_epochs_is_behind(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    def losses(name: str, **training: float) -> list[str]:
        train(with_training(tone_experiment, **training), tmp_path / name)
        rows = (tmp_path / name / "metrics.csv").read_text().splitlines()
        return [row.split(",")[1] for row in rows[1:]]

    one_view = losses("one")
    late = losses("late", consistency=0.2, consistency_from=0.5)
    assert late[0] == one_view[0]
    assert late[1] != one_view[1]
    assert losses("both", consistency=0.2)[0] != one_view[0]
    with pytest.raises(ConfigError, match="consistency_from"):
        losses("wrong", consistency_from=1.5)


def test_no_loader_process_outlives_its_training(tone_experiment: ExperimentConfig, tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    data = dataclasses.replace(tone_experiment.data, workers=1)
    train(dataclasses.replace(tone_experiment, data=data), tmp_path / "run")
    assert set(multiprocessing.active_children()) <= before


def test_a_used_folder_is_not_trained_into(tone_experiment: ExperimentConfig, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").touch()
    with pytest.raises(TrainingError, match="not empty"):
        train(tone_experiment, tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"no config.yaml"):
        resume(tmp_path / "run")


def test_a_requeued_job_begins_its_run_or_goes_on_with_it(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "train.log").touch()  # what a job leaves that ended before its first state
    best = train_or_resume(tone_experiment, tmp_path / "run")
    before = best.read_bytes()
    assert train_or_resume(tone_experiment, tmp_path / "run") == best
    assert best.read_bytes() == before
    with pytest.raises(UsageError, match="holds a run of another configuration"):
        train_or_resume(with_training(tone_experiment, seed=5), tmp_path / "run")


def test_packed_shards_train_as_their_manifest_does_and_go_on_in_the_middle(
    tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(read_manifest(tone_experiment.data.train), tmp_path / "packed", shard_megabytes=0.02)
    config = dataclasses.replace(
        with_training(tone_experiment, epochs=3, checkpoint_steps=1),
        data=dataclasses.replace(
            tone_experiment.data, train=str(tmp_path / "packed"), utterances_per_batch=1
        ),
    )
    train(config, tmp_path / "whole")
    original = SpeechModule._loss
    calls = itertools.count()

    class PowerCut(BaseException):
        pass

    def cut(module: SpeechModule, batch: object) -> torch.Tensor:
        if next(calls) == 6:
            raise PowerCut
        return original(module, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(SpeechModule, "_loss", cut)
    with pytest.raises(PowerCut):
        train(config, tmp_path / "cut")
    monkeypatch.undo()
    resume(tmp_path / "cut")
    whole, again = (
        load_checkpoint(tmp_path / run / "checkpoints" / "last.pt").model.state_dict()
        for run in ("whole", "cut")
    )
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_what_ctc_cannot_fit_stops_training_before_it_starts(
    tone_experiment: ExperimentConfig, tmp_path: Path
) -> None:
    manifest = Path(tone_experiment.data.train)
    utterances = read_manifest(manifest)
    write_manifest(manifest, [dataclasses.replace(utterances[0], text="AB" * 40), *utterances[1:]])
    with pytest.raises(TrainingError, match=r"train.jsonl: utt u0: .* encoder frames, .* needs 80"):
        train(tone_experiment, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_steps_that_are_not_finite_are_skipped_named_and_limited(
    tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = SpeechModule._loss
    poisoned = []

    def sometimes(module: SpeechModule, batch: object) -> torch.Tensor:
        loss = original(module, batch)  # type: ignore[arg-type]
        if module.global_step == 1 and not poisoned:
            poisoned.append(batch.ids)  # type: ignore[attr-defined]
            return loss * float("nan")
        return loss

    monkeypatch.setattr(SpeechModule, "_loss", sometimes)
    best = train(tone_experiment, tmp_path / "once")
    rows = list(csv.DictReader((tmp_path / "once" / "metrics.csv").open()))
    assert sum(int(row["nonfinite_steps"]) for row in rows) == 1
    assert all(torch.isfinite(tensor).all() for tensor in load_checkpoint(best).model.state_dict().values())

    monkeypatch.setattr(SpeechModule, "_loss", lambda module, batch: original(module, batch) * float("nan"))
    with pytest.raises(
        TrainingError, match=r"3 steps had a loss or gradient that is not finite, the last on u"
    ):
        train(with_training(tone_experiment, max_nonfinite=3), tmp_path / "always")


def test_a_gradient_that_is_not_finite_moves_no_weight(
    tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = SpeechModule._loss

    def infinite_gradient(module: SpeechModule, batch: object) -> torch.Tensor:
        loss = original(module, batch)  # type: ignore[arg-type]
        weight = module.model.head.bias.sum()
        return loss + (torch.sqrt(weight - weight.detach()) if module.global_step == 0 else 0.0)

    monkeypatch.setattr(SpeechModule, "_loss", infinite_gradient)
    best = train(tone_experiment, tmp_path / "run")
    assert all(torch.isfinite(tensor).all() for tensor in load_checkpoint(best).model.state_dict().values())


def test_a_full_disk_is_one_plain_error_and_keeps_the_checkpoint_before(
    tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asr.model.checkpoint import Checkpoint, save_checkpoint

    best = train(tone_experiment, tmp_path / "run")
    before = best.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    loaded = load_checkpoint(best)
    with pytest.raises(AsrError, match=r"best.pt: cannot write: No space left on device; free space"):
        save_checkpoint(best, Checkpoint(loaded.model, loaded.tokenizer))
    assert best.read_bytes() == before
    assert sorted(path.name for path in best.parent.iterdir()) == [
        "best.pt",
        "last.pt",
        "state-00001-00000000.ckpt",
        "state-00002-00000000.ckpt",
    ]


def test_every_epoch_draws_its_own_batches(
    tone_experiment: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, list[str]]] = []
    original = SpeechModule.training_step

    def spy(module: SpeechModule, batch: object, batch_index: int) -> object:
        seen.append((module.current_epoch, batch.ids))  # type: ignore[attr-defined]
        return original(module, batch, batch_index)  # type: ignore[arg-type]

    monkeypatch.setattr(SpeechModule, "training_step", spy)
    train(with_training(tone_experiment, epochs=4), tmp_path / "run")
    orders = [[ids for epoch, ids in seen if epoch == wanted] for wanted in range(4)]
    for order in orders:
        assert sorted(name for ids in order for name in ids) == ["u0", "u1", "u2", "u3"]
    assert any(order != orders[0] for order in orders[1:])


def test_the_learning_rate_rises_and_falls_and_never_leaves_its_bounds() -> None:
    rates = [one_cycle(step / 100, warmup=0.2) for step in range(120)]
    assert rates[0] == pytest.approx(1 / 25)
    assert max(rates) == rates[20] == pytest.approx(1.0)
    assert rates[100] == rates[119] == pytest.approx(1e-4)
    assert all(earlier < later for earlier, later in itertools.pairwise(rates[:21]))
    assert all(earlier >= later for earlier, later in itertools.pairwise(rates[20:]))


def test_a_config_survives_yaml(tone_experiment: ExperimentConfig, tmp_path: Path) -> None:
    save_experiment(tmp_path / "c.yaml", tone_experiment)
    assert load_experiment(tmp_path / "c.yaml") == tone_experiment
