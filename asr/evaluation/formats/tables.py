"""Transcripts in CSV and TSV tables with a header."""

import csv
from pathlib import Path

from asr.errors import EvaluationError
from asr.evaluation.formats.lines import read_lines
from asr.evaluation.transcript import Side, Transcript
from asr.plain_values import parse_number

_ID_NAMES = ("id", "utt_id", "utterance_id", "utt", "utterance", "key", "segment_id", "path", "file", "audio")
_TEXT_NAMES = {
    "reference": (
        "reference", "ref", "ground_truth", "target", "label",
        "text", "transcript", "transcription", "sentence", "words",
    ),
    "hypothesis": (
        "hypothesis", "hyp", "prediction", "predicted", "pred", "pred_text", "recognised", "recognized",
        "text", "transcript", "transcription", "sentence", "words",
    ),
}  # fmt: skip
_SPEAKER_NAMES = ("speaker", "speaker_id", "spk", "client_id")
_DURATION_NAMES = ("duration", "seconds")


def read_table(
    path: Path,
    *,
    delimiter: str,
    side: Side = "reference",
    is_both: bool = False,
) -> list[Transcript]:
    """Read a table whose header names an id column and a text column, in any letter case.

    Other columns are kept as fields, numbers as numbers. A table with both a reference and a hypothesis
    column serves as either side.

    Args:
        path: the table.
        delimiter: between columns, "," or a tab.
        side: which column to take where there are both.
        is_both: the table has both sides, each in a column of its own; without an id column, rows are numbered.

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
        text_columns = {key: _find(names, wanted) for key, wanted in _TEXT_NAMES.items()}
        text_column = text_columns[side]
        if text_column is None:
            raise _no_column(f"a {side}", _TEXT_NAMES[side], path, header, delimiter)
        if is_both and text_columns["reference"] == text_columns["hypothesis"]:
            raise EvaluationError(
                f"{path}:1: column {header[text_column]!r} alone for reference and hypothesis; expected one of each, "
                "such as `reference` and `hypothesis`, or a second file with the hypotheses"
            )
        id_column = _find(names, _ID_NAMES)
        if id_column is None and not is_both:
            raise _no_column("an id", _ID_NAMES, path, header, delimiter)
        speaker = next((names.index(name) for name in _SPEAKER_NAMES if name in names), None)
        duration = next((names.index(name) for name in _DURATION_NAMES if name in names), None)
        taken = {id_column, text_column, speaker, duration}
        taken |= {
            names.index(name) for side_names in _TEXT_NAMES.values() for name in side_names if name in names
        }
        transcripts: list[Transcript] = []
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
                    f"row-{len(transcripts) + 1}" if id_column is None else row[id_column].strip(),
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


def _find(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _no_column(
    what: str, wanted: tuple[str, ...], path: Path, header: list[str], delimiter: str
) -> EvaluationError:
    hint = ""
    if len(header) == 1 and (others := [mark for mark in ",;\t|" if mark in header[0]]):
        shown = {",": "a comma", "\t": "a tab"}
        hint = f"; columns seem to be parted by {shown.get(others[0], repr(others[0]))}; expected {shown[delimiter]}"
        hint += {",": ": --format csv", "\t": ": --format tsv"}.get(others[0], "")
    elif len(header) == 2:
        hint = "; for a file without header, add one such as " + delimiter.join(("id", "text")).replace(
            "\t", "<TAB>"
        )
        hint += ", or read its `id<TAB>words` with --format kaldi" if delimiter == "\t" else ""
    return EvaluationError(
        f"{path}:1: no column for {what} among {', '.join(header) or 'none'}; expected a header with one of: "
        f"{', '.join(wanted)}{hint}"
    )


def _seconds(cell: str, where: str) -> float | None:
    if not cell.strip():
        return None
    number = parse_number(cell)
    if number is None or number < 0:
        raise EvaluationError(f"{where}: duration {cell!r}; expected seconds, 0 or more")
    return number


def _value(cell: str) -> str | float:
    try:
        return float(cell)
    except ValueError:
        return cell.strip()
