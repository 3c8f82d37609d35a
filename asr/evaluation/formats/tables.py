"""Transcripts in CSV and TSV tables with a header."""

import csv
from pathlib import Path
from typing import Literal

from asr.errors import EvaluationError
from asr.evaluation.formats.lines import read_lines
from asr.evaluation.transcript import Transcript

_ID_NAMES = ("id", "utt_id", "utterance_id", "utt", "utterance", "key", "segment_id", "path", "file", "audio")
_TEXT_NAMES = {
    "reference": ("reference", "ref", "text", "transcript", "transcription", "sentence", "words"),
    "hypothesis": (
        "hypothesis", "hyp", "prediction", "predicted", "recognised", "recognized",
        "text", "transcript", "transcription", "sentence", "words",
    ),
}  # fmt: skip
_SPEAKER_NAMES = ("speaker", "speaker_id", "spk", "client_id")
_DURATION_NAMES = ("duration", "seconds")


def read_table(
    path: Path, *, delimiter: str, side: Literal["reference", "hypothesis"] = "reference"
) -> list[Transcript]:
    """Read a table whose header names an id column and a text column, in any letter case.

    Other columns are kept as fields, numbers as numbers. A table with both a reference and a hypothesis
    column serves as either side.

    Raises:
        EvaluationError: no header, a missing or doubled column, or a row of another length.
    """
    lines = list(read_lines(path, keep_empty=True))
    # Tabs part the columns of a TSV file; there quotes are characters like any other.
    rows = csv.reader(
        (line.text + "\n" for line in lines),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    try:
        header = [name.strip() for name in next(rows, [])]
        names = [name.lower() for name in header]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise EvaluationError(f"{path}:1: column {sorted(doubled)[0]!r} stands twice; expected it once")
        id_column = _column(names, _ID_NAMES, "an id", path, header)
        text_column = _column(names, _TEXT_NAMES[side], f"a {side}", path, header)
        speaker = next((names.index(name) for name in _SPEAKER_NAMES if name in names), None)
        duration = next((names.index(name) for name in _DURATION_NAMES if name in names), None)
        taken = {id_column, text_column, speaker, duration}
        taken |= {
            names.index(name) for side_names in _TEXT_NAMES.values() for name in side_names if name in names
        }
        transcripts = []
        for row in rows:
            where = f"{path}:{rows.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise EvaluationError(
                    f"{where}: {len(row)} columns; expected {len(header)}, as in the header"
                )
            transcripts.append(
                Transcript(
                    row[id_column].strip(),
                    row[text_column].strip(),
                    where,
                    speaker=row[speaker].strip() or None if speaker is not None else None,
                    duration=_seconds(row[duration], where) if duration is not None else None,
                    fields={
                        header[index]: _value(cell)
                        for index, cell in enumerate(row)
                        if index not in taken and cell.strip()
                    },
                )
            )
            if not transcripts[-1].id:
                raise EvaluationError(f"{where}: the id is empty; expected one")
    except csv.Error as error:
        raise EvaluationError(f"{path}:{rows.line_num}: not a table ({error})") from None
    return transcripts


def _column(names: list[str], wanted: tuple[str, ...], what: str, path: Path, header: list[str]) -> int:
    for name in wanted:
        if name in names:
            return names.index(name)
    raise EvaluationError(
        f"{path}:1: no column for {what} among {', '.join(header) or 'none'}; expected one of: {', '.join(wanted)}"
    )


def _seconds(cell: str, where: str) -> float | None:
    if not cell.strip():
        return None
    try:
        return float(cell)
    except ValueError:
        raise EvaluationError(f"{where}: duration {cell!r}; expected seconds") from None


def _value(cell: str) -> str | float:
    try:
        return float(cell)
    except ValueError:
        return cell.strip()
