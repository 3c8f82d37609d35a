"""The layouts that the tests build are the published ones: torchaudio's own readers accept them, and agree."""

from pathlib import Path

import pytest
from corpus_layouts import BUILDERS
from torchaudio import datasets

from asr.data.corpora import find
from asr.data.corpora.preparation import prepare
from asr.data.manifest import read_manifest


def manifests(name: str, root: Path, out: Path) -> dict[str, list[tuple[str, str | None]]]:
    BUILDERS[name](root)
    return {
        item.split: sorted((utterance.id, utterance.text) for utterance in read_manifest(item.manifest))
        for item in prepare(find(name), root, out)
    }


@pytest.mark.parametrize("subset", ["dev-clean"])
def test_librispeech(subset: str, tmp_path: Path) -> None:
    ours = manifests("librispeech", tmp_path / "corpus", tmp_path / "out")
    theirs = datasets.LIBRISPEECH(tmp_path / "corpus", url=subset)
    rows = [theirs.get_metadata(number) for number in range(len(theirs))]
    assert ours[subset] == sorted((Path(row[0]).stem, row[2]) for row in rows)


def test_libri_light(tmp_path: Path) -> None:
    ours = manifests("libri-light", tmp_path / "corpus", tmp_path / "out")
    for subset in ("10min", "1h", "10h"):
        theirs = datasets.LibriLightLimited(tmp_path / "corpus", subset=subset)
        assert [name for name, _ in ours[subset]] == sorted(name for _, name in theirs._fileids_paths)


def test_speech_commands(tmp_path: Path) -> None:
    (tmp_path / "corpus" / "SpeechCommands").mkdir(parents=True)
    ours = manifests("speech-commands", tmp_path / "corpus" / "SpeechCommands", tmp_path / "out")
    for split, subset in (("train", "training"), ("validation", "validation"), ("test", "testing")):
        theirs = datasets.SPEECHCOMMANDS(tmp_path / "corpus", subset=subset)
        rows = [theirs.get_metadata(number) for number in range(len(theirs))]
        assert ours[split] == sorted((f"{row[2]}-{row[3]}_nohash_{row[4]}", row[2]) for row in rows)


def test_ljspeech(tmp_path: Path) -> None:
    ours = manifests("ljspeech", tmp_path / "corpus", tmp_path / "out")
    theirs = datasets.LJSPEECH(tmp_path / "corpus")
    assert [name for name, _ in ours["all"]] == [row[0] for row in theirs._flist]


def test_cmu_arctic(tmp_path: Path) -> None:
    (tmp_path / "corpus" / "ARCTIC").mkdir(parents=True)
    ours = manifests("cmu-arctic", tmp_path / "corpus" / "ARCTIC", tmp_path / "out")
    theirs = datasets.CMUARCTIC(tmp_path / "corpus", url="bdl")
    # torchaudio keeps the whole line of txt.done.data as one field.
    assert [name for name, _ in ours["all"]] == [f"bdl-{row[0].split()[1]}" for row in theirs._walker]


def test_vctk(tmp_path: Path) -> None:
    ours = manifests("vctk", tmp_path / "corpus", tmp_path / "out")
    for microphone in ("mic1", "mic2"):
        theirs = datasets.VCTK_092(tmp_path / "corpus", mic_id=microphone)
        names = ["_".join([*sample, microphone]) for sample in theirs._sample_ids]
        assert [name for name, _ in ours[microphone]] == names


def test_yesno(tmp_path: Path) -> None:
    ours = manifests("yesno", tmp_path / "corpus", tmp_path / "out")
    theirs = datasets.YESNO(tmp_path / "corpus")
    assert sorted(name for split in ours.values() for name, _ in split) == sorted(theirs._walker)


@pytest.mark.parametrize("release", ["release2", "release3"])
def test_tedlium(release: str, tmp_path: Path) -> None:
    ours = manifests(f"tedlium{release[-1]}", tmp_path / "corpus", tmp_path / "out")
    theirs = datasets.TEDLIUM(tmp_path / "corpus", release=release, subset="train")
    assert len(ours["train"]) == len(theirs)


def test_fluent_speech_commands(tmp_path: Path) -> None:
    ours = manifests("fluent-speech-commands", tmp_path / "corpus", tmp_path / "out")
    for split in ("train", "valid", "test"):
        theirs = datasets.FluentSpeechCommands(tmp_path / "corpus", subset=split)
        assert [name for name, _ in ours[split]] == [theirs.get_metadata(0)[2]]
