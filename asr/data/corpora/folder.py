"""Anyone's own audio: a transcript beside each file, or a table that names files and transcripts.

Beside each file: `a.wav` with `a.txt` or `a.lab` (sub-folders too); or, of a call with a speaker on each channel, with
`a.1.txt` and `a.2.txt`, which make an utterance a channel, `a-1` and `a-2`. A table: one `.csv` or `.tsv` in the
folder, or given itself, with a header; the columns are found by their names:

    audio (or path, file, filename, wav_filename)    relative to the table
    text (or transcript, transcription, sentence)
    speaker, start, duration, channel, id, split     when there are such columns
    any other                                        kept as a further field of the manifest

Without a `split` column everything becomes one manifest, `all.jsonl`. A speaker column, or sub-folders
named after speakers (`SPEAKER/a.wav`), fill in the speaker; not of a channel, for each has its own.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from asr.data.corpora.corpus import Corpus, Entry, faulty, list_audio, name_of, read_lines, untranscribed
from asr.data.corpora.tables import read_table, seconds
from asr.errors import CorpusError

_TEXT_SUFFIXES = (".txt", ".lab")
_CHANNELS = (0, 1)  # that may have a transcript each
_COLUMNS = {
    "audio": ("audio", "path", "file", "filename", "audio_filepath", "wav_filename"),
    "text": ("text", "transcript", "transcription", "sentence"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "start": ("start", "offset"),
    "duration": ("duration",),
    "channel": ("channel",),
    "id": ("id", "utterance_id"),
    "split": ("split",),
}


class Folder(Corpus):
    """Audio with transcripts, in one of the two shapes above."""

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Utterances by split; "all" where no table says otherwise."""
        if root.is_file():
            yield from _read_table(root)
            return
        if not root.is_dir():
            raise CorpusError(f"{root}: not a folder; expected a folder of audio and transcripts")
        tables = sorted([*root.glob("*.csv"), *root.glob("*.tsv")])
        if len(tables) > 1:
            names = ", ".join(table.name for table in tables)
            raise CorpusError(
                f"{root}: several tables ({names}); give one of them, with a column `split` if need be"
            )
        yield from _read_table(tables[0]) if tables else _read_beside(root)


def _read_beside(root: Path) -> Iterator[Entry]:
    empty = True
    for audio in list_audio(root):
        empty = False
        whole = _beside(audio, "")
        transcripts = {None: whole} if whole else {n: _beside(audio, f".{n + 1}") for n in _CHANNELS}
        if not any(transcripts.values()):
            yield from untranscribed([audio], transcripts="a .txt or .lab beside it", split="all")
        for channel, transcript in transcripts.items():
            if transcript is not None:
                yield _transcribed(audio, transcript, channel, root)
    if empty:
        raise CorpusError(
            f"{root}: no audio in it; expected audio files with a .txt each, or one .csv or .tsv"
        )


def _beside(audio: Path, kind: str) -> Path | None:
    """The transcript of a file, or of one of its channels, where there is one."""
    paths = (audio.with_suffix(kind + suffix) for suffix in _TEXT_SUFFIXES)
    return next((path for path in paths if path.exists()), None)


def _transcribed(audio: Path, transcript: Path, channel: int | None, root: Path) -> Entry:
    """An utterance of a file, or of one of its channels."""
    place = audio.relative_to(root)
    try:
        text = " ".join(" ".join(read_lines(transcript)).split())
    except CorpusError as error:
        return faulty(f"{error}, or leave it out with --skip-broken", split="all", audio=audio)
    name = place.with_suffix("").as_posix().replace("/", "-")
    return Entry(
        split="all",
        id=name if channel is None else f"{name}-{channel + 1}",
        audio=audio,
        text=text,
        where=str(transcript),
        speaker=place.parts[0] if len(place.parts) > 1 and channel is None else None,
        channel=channel,
    )


def _read_table(table: Path) -> Iterator[Entry]:
    rows = read_table(table, delimiter="\t" if table.suffix == ".tsv" else ",")
    columns: dict[str, str | None] | None = None
    for values, where in rows:
        if columns is None:
            columns = _find_columns(table, list(values))
            further = [name for name in values if name and name not in columns.values()]
        fields = {field: values[name] if name else "" for field, name in columns.items()}
        try:
            yield _entry(table, fields, where)._replace(
                extras={name: values[name] for name in further if values[name]}
            )
        except CorpusError as error:
            yield faulty(f"{error}, or leave the row out with --skip-broken", split=fields["split"] or "all")
    if columns is None:
        raise CorpusError(f"{table}: no rows; expected a header and one row an utterance")


def _entry(table: Path, fields: dict[str, str], where: str) -> Entry:
    """An utterance of a row. Raises CorpusError for values that are none."""
    if not fields["audio"]:
        raise CorpusError(f"{where}: no audio file named; expected one relative to the table")
    name = name_of(fields["audio"], where)
    channel = fields["channel"]
    if channel and not re.fullmatch("[0-9]{1,3}", channel):
        raise CorpusError(f"{where}: channel {channel!r}; expected a number from 0")
    return Entry(
        split=fields["split"] or "all",
        id=fields["id"] or name.replace("/", "-"),
        audio=table.parent / fields["audio"],
        text=" ".join(fields["text"].split()),
        where=where,
        speaker=fields["speaker"] or None,
        start=seconds(fields["start"], where) or 0.0,
        duration=seconds(fields["duration"], where),
        channel=int(channel) if channel else None,
    )


def _find_columns(table: Path, header: list[str]) -> dict[str, str | None]:
    columns = {
        field: next((name for name in header if name.lower() in names), None)
        for field, names in _COLUMNS.items()
    }
    for field in ("audio", "text"):
        if columns[field] is None:
            raise CorpusError(
                f"{table}:1: columns are {', '.join(header)}; expected one named {' or '.join(_COLUMNS[field])}"
            )
    return columns


CORPUS = Folder(
    name="folder", title="a folder of audio with a transcript beside each file, or a CSV or TSV table"
)
