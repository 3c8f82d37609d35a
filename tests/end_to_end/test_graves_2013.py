"""The recipe of Graves, Mohamed & Hinton 2013 from corpus to phone error rate, on a fixture and on AN4's phones."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from asr.cli import main
from asr.config import ExperimentConfig, load_experiment, save_experiment
from asr.data.manifest import read_manifest, write_manifest
from asr.model.checkpoint import load_checkpoint

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests" / "data" / "corpora"))


def small(data: Path, **model: object) -> ExperimentConfig:
    """CTC-3l-250h with few cells, for a few steps."""
    config = load_experiment(REPOSITORY / "configs" / "timit_graves2013_ctc_3l_250h.yaml")
    return dataclasses.replace(
        config,
        data=dataclasses.replace(
            config.data, train=str(data / "train.jsonl"), dev=str(data / "dev.jsonl"), workers=0
        ),
        model=dataclasses.replace(config.model, hidden_size=6, **model),  # type: ignore[arg-type]
        training=dataclasses.replace(config.training, epochs=1),
    )


def test_from_timits_layout_to_the_phone_error_rate_over_39_phones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from corpus_layouts import BUILDERS

    BUILDERS["timit"](tmp_path / "corpus")
    data = tmp_path / "data"
    assert main(["prepare", "timit", str(tmp_path / "corpus"), str(data), "--transcript", "phones-61"]) == 0
    config = tmp_path / "graves.yaml"
    save_experiment(config, small(data))
    plain, noisy = tmp_path / "plain", tmp_path / "noisy"
    assert main(["train", "--config", str(config), "--run-dir", str(plain)]) == 0
    # The second half of the recipe: from the best point on, with weight noise, by phone errors.
    best = plain / "checkpoints" / "best.pt"
    second = [
        "--training.start_from",
        str(best),
        "--training.weight_noise",
        "0.075",
        "--training.best_by",
        "wer",
    ]
    assert main(["train", "--config", str(config), "--run-dir", str(noisy), *second]) == 0
    assert len(load_checkpoint(noisy / "checkpoints" / "best.pt").tokenizer) == 62
    words = ["evaluate", str(data / "test.jsonl"), "--model", str(noisy / "checkpoints" / "best.pt")]
    words += ["--out", str(tmp_path / "report"), "--decoding", "beam", "--beam-width", "100"]
    assert main([*words, "--normaliser", "timit-39"]) == 0
    capsys.readouterr()
    reference = (tmp_path / "report" / "ref.trn").read_text()
    assert reference.startswith("sil sh ih sil sh sil (")  # of h# sh ix tcl q zh pau
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["wer"] > 0  # a network that has hardly learnt


def test_an4_becomes_phones_by_its_own_dictionary_and_trains(corpora_dir: Path, tmp_path: Path) -> None:
    dictionary = corpora_dir / "an4" / "etc" / "an4.dic"
    if not dictionary.exists():
        pytest.skip(f"no {dictionary}: AN4 unpacked beside the other corpora")
    assert main(["prepare", "an4", str(corpora_dir / "an4"), str(tmp_path / "words")]) == 0
    phones = tmp_path / "phones"
    for split in ("train", "dev"):
        shortest = sorted(
            read_manifest(tmp_path / "words" / f"{split}.jsonl"), key=lambda item: item.duration
        )
        few = tmp_path / f"{split}.jsonl"
        write_manifest(few, [item for item in shortest if item.duration > 1][:3])
        words = ["manifest", "pronounce", str(few), str(phones / f"{split}.jsonl")]
        assert main([*words, "--dictionary", str(dictionary)]) == 0
    config = small(phones, front_end="stack")
    config = dataclasses.replace(config, tokenizer=dataclasses.replace(config.tokenizer, alphabet=None))
    save_experiment(tmp_path / "e.yaml", config)
    assert main(["train", "--config", str(tmp_path / "e.yaml"), "--run-dir", str(tmp_path / "run")]) == 0
    tokenizer = load_checkpoint(tmp_path / "run" / "checkpoints" / "best.pt").tokenizer
    spoken = {phone for item in read_manifest(phones / "train.jsonl") for phone in (item.text or "").split()}
    assert set(tokenizer.vocabulary[1:]) == spoken


def test_a_word_without_pronunciation_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.jsonl").write_text(
        '{"id": "u1", "audio": "a.wav", "duration": 1.0, "text": "HELLO WORLD"}\n'
    )
    (tmp_path / "d.dic").write_text("HELLO  HH AH L OW\n")
    words = ["manifest", "pronounce", str(tmp_path / "m.jsonl"), str(tmp_path / "out.jsonl")]
    assert main([*words, "--dictionary", str(tmp_path / "d.dic")]) == 1
    assert "m.jsonl:1 (utt u1): no pronunciation of WORLD" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()
