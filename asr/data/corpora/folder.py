"""Anyone's own audio: a transcript beside each file, or a table that names files and transcripts.

Beside each file: `a.wav` with `a.txt` or `a.lab` (sub-folders too). A table: one `.csv` or `.tsv` in the
folder with a header; the columns are found by their names:

    audio (or path, file, filename, wav_filename)    relative to the table
    text (or transcript, transcription, sentence)
    speaker, start, duration, id, split              when there are such columns

Without a `split` column everything becomes one manifest, `all.jsonl`. A speaker column, or sub-folders
named after speakers (`SPEAKER/a.wav`), fill in the speaker.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from asr.data.corpora.corpus import Corpus, check_unique, read_lines, with_duration
from asr.data.manifest import Utterance
from asr.errors import CorpusError

_AUDIO_SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".sph", ".aiff", ".aif", ".au", ".caf", ".w64"}
_TEXT_SUFFIXES = (".txt", ".lab")
_COLUMNS = {
    "audio": ("audio", "path", "file", "filename", "audio_filepath", "wav_filename"),
    "text": ("text", "transcript", "transcription", "sentence"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "start": ("start", "offset"),
    "duration": ("duration",),
    "id": ("id", "utterance_id"),
    "split": ("split",),
}


class Folder(Corpus):
    """Audio with transcripts, in one of the two shapes above."""

    def read(self, root: Path) -> Mapping[str, Sequence[Utterance]]:
        """Utterances by split; "all" where no table says otherwise."""
        if not root.is_dir():
            raise CorpusError(f"{root}: not a folder; expected a folder of audio and transcripts")
        tables = sorted([*root.glob("*.csv"), *root.glob("*.tsv")])
        if len(tables) > 1:
            names = ", ".join(table.name for table in tables)
            raise CorpusError(f"{root}: several tables ({names}); expected one, with a column `split` if need be")
        splits = _read_table(tables[0]) if tables else {"all": _read_beside(root)}
        check_unique((utterance for utterances in splits.values() for utterance in utterances), where=root)
        return splits


def _read_beside(root: Path) -> list[Utterance]:
    utterances = []
    without = []
    for audio in sorted(path for path in root.rglob("*") if path.suffix.lower() in _AUDIO_SUFFIXES):
        transcript = next((path for suffix in _TEXT_SUFFIXES if (path := audio.with_suffix(suffix)).exists()), None)
        if transcript is None:
            without.append(audio)
            continue
        place = audio.relative_to(root)
        utterances.append(
            Utterance(
                id=str(place.with_suffix("")).replace("\\", "/").replace("/", "-"),
                audio=audio,
                duration=with_duration(audio),
                text=" ".join(" ".join(read_lines(transcript)).split()),
                speaker=place.parts[0] if len(place.parts) > 1 else None,
            )
        )
    if without:
        raise CorpusError(
            f"{without[0]}: no transcript {without[0].stem}.txt beside it, nor for {len(without) - 1} more files; "
            "add them, or move the audio away"
        )
    if not utterances:
        raise CorpusError(f"{root}: no audio in it; expected {', '.join(sorted(_AUDIO_SUFFIXES))} with a .txt each")
    return utterances


def _read_table(table: Path) -> dict[str, list[Utterance]]:
    lines = read_lines(table)
    rows = csv.DictReader(lines, delimiter="\t" if table.suffix == ".tsv" else ",", strict=True)
    columns = {
        field: next((name for name in rows.fieldnames or () if name.strip().lower() in names), None)
        for field, names in _COLUMNS.items()
    }
    for field in ("audio", "text"):
        if columns[field] is None:
            raise CorpusError(
                f"{table}:1: columns are {rows.fieldnames}; expected one named {' or '.join(_COLUMNS[field])}"
            )
    splits: dict[str, list[Utterance]] = {}
    try:
        for row in rows:
            where = f"{table}:{rows.line_num}"
            values = {field: (row[name] or "").strip() if name else "" for field, name in columns.items()}
            audio = table.parent / values["audio"]
            if not values["audio"] or not audio.is_file():
                raise CorpusError(f"{where}: {audio} is missing; expected a file relative to the table")
            start = _seconds(values["start"], where) or 0.0
            utterance = Utterance(
                id=values["id"] or str(Path(values["audio"]).with_suffix("")).replace("/", "-"),
                audio=audio,
                duration=_seconds(values["duration"], where) or with_duration(audio) - start,
                start=start,
                text=" ".join(values["text"].split()),
                speaker=values["speaker"] or None,
            )
            splits.setdefault(values["split"] or "all", []).append(utterance)
    except csv.Error as error:
        raise CorpusError(f"{table}:{rows.line_num}: not {table.suffix[1:].upper()}: {error}") from None
    if not splits:
        raise CorpusError(f"{table}: no rows; expected one an utterance")
    return splits


def _seconds(value: str, where: str) -> float | None:
    if not value:
        return None
    try:
        return float(value)
    except ValueError:
        raise CorpusError(f"{where}: got {value!r}; expected seconds") from None


CORPUS = Folder(name="folder", title="a folder of audio with transcripts")
