import sys
from pathlib import Path

import pytest
from corpus_layouts import sound

from asr.data.corpora import find
from asr.data.corpora.preparation import prepare
from asr.data.manifest import read_manifest
from asr.errors import CorpusError


def test_without_the_library_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CorpusError, match=r"pip install 'datasets>="):
        prepare(find("huggingface"), tmp_path, tmp_path / "out")


@pytest.fixture
def dataset(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Two splits; the audio is within the tables, as on the Hub."""
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    import pyarrow

    features = datasets.Features(
        {
            "id": datasets.Value("int64"),
            "audio": datasets.Audio(),
            "transcription": datasets.Value("string"),
            "speaker_id": datasets.Value("int64"),
            "gender": datasets.Value("string"),
        }
    )
    splits = {}
    for number, (split, suffix) in enumerate((("train", ".flac"), ("validation", ".mp3"))):
        content = sound(tmp_path / f"{split}{suffix}", 0.5 + number).read_bytes()
        row = {
            "id": 7,
            "audio": {"bytes": content, "path": None},
            "transcription": f"hello {split}",
            "speaker_id": 3,
            "gender": "f",
        }
        # As it comes from the Hub: encoded sound in the table, without going through an audio library.
        table = pyarrow.Table.from_pylist([row, row], schema=features.arrow_schema)
        info = datasets.DatasetInfo(features=features)
        splits[split] = datasets.Dataset(datasets.table.InMemoryTable(table), info=info, fingerprint=split)
    return datasets.DatasetDict(splits)


def check(out: Path) -> None:
    train, validation = (read_manifest(out / f"{split}.jsonl") for split in ("train", "validation"))
    assert [(item.id, item.text, item.speaker, dict(item.extras)) for item in train] == [
        (f"7-{row}", "hello train", "3", {"gender": "F"}) for row in (0, 1)
    ]
    assert train[0].duration == 0.5
    assert train[0].audio.suffix == ".flac"
    assert validation[0].audio.suffix == ".mp3"
    assert validation[0].duration == pytest.approx(1.5, abs=0.1)


def test_a_saved_dataset(dataset, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    dataset.save_to_disk(str(tmp_path / "saved"))
    prepare(find("huggingface"), tmp_path / "saved", tmp_path / "out")
    check(tmp_path / "out")
    audio = tmp_path / "out" / "audio" / "train" / "00000000.flac"
    before = audio.stat().st_ino
    prepare(find("huggingface"), tmp_path / "saved", tmp_path / "out")
    assert audio.stat().st_ino == before


def test_parquet_files(dataset, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "hub" / "data"
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        dataset[split].to_parquet(str(folder / f"{split}-00000-of-00001.parquet"))
    prepare(find("huggingface"), tmp_path / "hub", tmp_path / "out")
    check(tmp_path / "out")


def test_no_audio_column_is_named(dataset, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    dataset.remove_columns("audio").save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(
        CorpusError, match=r"columns of train are id, transcription, .*; expected one of audio"
    ):
        prepare(find("huggingface"), tmp_path / "saved", tmp_path / "out")


def test_a_folder_without_dataset_says_what_was_expected(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(
        CorpusError, match=r"no dataset_dict\.json, .* or \*\.parquet in it; expected a dataset of"
    ):
        prepare(find("huggingface"), tmp_path, tmp_path / "out")
