"""Exact counts of real corpora, where they are at hand."""

from collections import Counter
from pathlib import Path

import pytest

from asr.data.corpora import find
from asr.data.corpora.preparation import Prepared, prepare
from asr.data.manifest import read_manifest


def unpacked(corpora_dir: Path, name: str) -> Path:
    """An unpacked corpus in the folder; skips where it is not."""
    folder = corpora_dir / name
    if not folder.is_dir():
        pytest.skip(f"no unpacked {name} in {corpora_dir}")
    return folder


def counts(written: list[Prepared]) -> dict[str, int]:
    assert not [difference for item in written for difference in item.differences]
    return {item.split: item.utterances for item in written}


def test_an4_from_its_archive_has_948_and_130_utterances(corpora_dir: Path, tmp_path: Path) -> None:
    archive = corpora_dir / "an4_sphere.tar.gz"
    source = archive if archive.exists() else unpacked(corpora_dir, "an4")
    found = counts(prepare(find("an4"), source, tmp_path))
    assert found["train"] + found["dev"] == 948
    assert found == {"train": 859, "dev": 89, "test": 130}
    test = read_manifest(tmp_path / "test.jsonl")
    assert sum(len((utterance.text or "").split()) for utterance in test) == 773
    assert len({utterance.speaker for utterance in test}) == 10


def test_librispeech_train_clean_5_has_1519_utterances_and_5_31_hours(
    corpora_dir: Path, tmp_path: Path
) -> None:
    source = unpacked(corpora_dir, "LibriSpeech")
    written = prepare(find("librispeech"), source, tmp_path, only=["train-clean-5"])
    assert counts(written) == {"train-clean-5": 1519}
    assert round(written[0].seconds / 3600, 2) == 5.31
    manifest = read_manifest(written[0].manifest)
    assert sum(len((utterance.text or "").split()) for utterance in manifest) == 52_766
    assert len({utterance.speaker for utterance in manifest}) == 28
    assert Counter(utterance.extras["gender"] for utterance in manifest).keys() == {"F", "M"}


def test_speechocean762_train_has_2500_utterances(corpora_dir: Path, tmp_path: Path) -> None:
    written = prepare(find("speechocean762"), unpacked(corpora_dir, "speechocean762"), tmp_path)
    assert counts(written)["train"] == 2500
    train = next(item for item in written if item.split == "train")
    assert round(train.seconds / 3600, 2) == 2.88
    assert len({utterance.speaker for utterance in read_manifest(train.manifest)}) == 125


def test_an_archive_is_unpacked_once(corpora_dir: Path, tmp_path: Path) -> None:
    archive = corpora_dir / "an4_sphere.tar.gz"
    if not archive.exists():
        pytest.skip(f"no an4_sphere.tar.gz in {corpora_dir}")
    prepare(find("an4"), archive, tmp_path)
    marker = tmp_path / "an4" / "etc" / "an4_test.fileids"
    before = marker.stat().st_ino
    prepare(find("an4"), archive, tmp_path)
    assert marker.stat().st_ino == before
