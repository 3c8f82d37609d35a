"""A Hugging Face dataset on disk: saved with `save_to_disk`, or a folder of parquet files as on the Hub.

Its audio lies within tables: it is written to `OUT/audio/SPLIT/`, one file an utterance, unchanged. The audio
column is found by its type, the others by their names: `text` (or `sentence`, `transcription`, ...), `speaker_id`
(or `speaker`, `client_id`), `id`; what is left of strings and numbers is kept.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asr.data.corpora.corpus import Corpus, Entry
from asr.data.corpora.json_lines import read_json_lines
from asr.errors import CorpusError
from asr.extras import install_command
from asr.files import write_atomically

_TEXT = (
    "text",
    "sentence",
    "transcription",
    "transcript",
    "normalized_text",
    "raw_text",
    "raw_transcription",
)
_SPEAKER = ("speaker", "speaker_id", "client_id")
_ID = ("id", "utterance_id", "segment_id")
_MAGIC = {
    b"RIFF": ".wav",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"\xff": ".mp3",
    b"FORM": ".aiff",
}


class HuggingFace(Corpus):
    """Every split of the dataset, whatever it calls them (`train`, `validation`, `test.clean`)."""

    def expand(self, root: Path, out: Path) -> Path:
        """Write the audio and one list a split into `out/audio`; files already there are kept."""
        try:
            import datasets
        except ImportError:
            raise CorpusError(
                f"{root}: reading it needs the datasets library: {install_command('huggingface')}"
            ) from None
        folder = out / "audio"
        for split, dataset in _load(datasets, root).items():
            audio = next(
                (name for name, kind in dataset.features.items() if isinstance(kind, datasets.Audio)), None
            )
            text = next((name for name in _TEXT if name in dataset.features), None)
            if audio is None or text is None:
                raise CorpusError(
                    f"{root}: columns of {split} are {', '.join(dataset.features)}; expected one of audio, and one "
                    f"named {' or '.join(_TEXT)}"
                )
            with write_atomically(folder / f"{split}.jsonl") as listing:
                for number, row in enumerate(_rows(dataset)):
                    place = _place(
                        row[audio], folder / split / f"{number:08d}", f"{root}: row {number} of {split}"
                    )
                    record = {
                        **_plain(row, {audio, text}),
                        "audio": str(place),
                        "text": row[text],
                        "row": number,
                    }
                    listing.write(json.dumps(record, ensure_ascii=False) + "\n")
        return folder

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Rows in their order, from the lists that `expand` wrote."""
        for listing in sorted(root.glob("*.jsonl")):
            for where, row in read_json_lines(listing):
                speaker = next((row[name] for name in _SPEAKER if row.get(name) is not None), None)
                name = next((row[name] for name in _ID if row.get(name) is not None), None)
                known = {"audio", "text", "row", *_SPEAKER, *_ID}
                yield Entry(
                    split=listing.stem,
                    # Ids of the Hub are not always unique (FLEURS numbers sentences): the row makes them so.
                    id=f"{row['row']:08d}" if name is None else f"{name}-{row['row']}",
                    audio=root / row["audio"],
                    text=" ".join(str(row["text"]).split()) if row["text"] is not None else None,
                    where=where,
                    speaker=None if speaker is None else str(speaker),
                    extras={key: value for key, value in row.items() if key not in known},
                )


def _load(datasets: Any, root: Path) -> dict[str, Any]:
    """Datasets by split."""
    try:
        if any((root / name).exists() for name in ("dataset_dict.json", "dataset_info.json", "state.json")):
            loaded = datasets.load_from_disk(str(root))
        elif any(root.rglob("*.parquet")):
            loaded = datasets.load_dataset("parquet", data_dir=str(root))
        else:
            raise CorpusError(
                f"{root}: no dataset_dict.json, dataset_info.json or *.parquet in it; expected a dataset of "
                "save_to_disk, or parquet files"
            )
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"{root}: cannot read the dataset ({' '.join(str(error).split())}); save it again"
        ) from None
    return dict(loaded) if isinstance(loaded, dict) else {"all": loaded}


def _rows(dataset: Any) -> Iterator[dict[str, Any]]:
    """Rows as they are stored, the audio undecoded; what is on disk has no rows picked out of others."""
    for batch in dataset.data.table.to_batches(max_chunksize=128):
        yield from batch.to_pylist()


def _place(value: dict[str, Any], stem: Path, where: str) -> Path:
    """The file of an audio value, relative to `OUT/audio`: its own, or one that is written for it."""
    content = value.get("bytes")
    if content is None:
        if not value.get("path"):
            raise CorpusError(f"{where}: neither sound nor the path of a file; save the dataset again")
        return Path(value["path"]).absolute()
    suffix = next((suffix for magic, suffix in _MAGIC.items() if content.startswith(magic)), ".wav")
    path = stem.with_suffix(suffix)
    if not path.exists() or path.stat().st_size != len(content):
        with write_atomically(path, mode="wb") as file:
            file.write(content)
    return Path(path.parent.name) / path.name


def _plain(row: dict[str, Any], without: set[str]) -> dict[str, Any]:
    return {
        key: value
        for key, value in row.items()
        if key not in without and isinstance(value, (str, int, float, bool)) and value != ""
    }


CORPUS = HuggingFace(
    name="huggingface",
    title="a Hugging Face dataset on disk: of save_to_disk, or parquet files (needs `pip install datasets`)",
)
