"""CSV and TSV files with a header, one row at a time."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.data.corpora.corpus import read_lines
from asr.data.manifest import LONGEST
from asr.errors import CorpusError
from asr.plain_values import parse_number

# Some corpora keep whole speeches in a field.
csv.field_size_limit(1 << 28)


class Row(NamedTuple):
    """One row: values by column, "" where a row is short, and `file:line` for messages."""

    values: dict[str, str]
    where: str


def read_table(
    table: Path,
    *,
    delimiter: str = ",",
    needed: Sequence[str] = (),
    header: Sequence[str] | None = None,
    quoted: bool = True,
    lines: Iterator[str] | None = None,
) -> Iterator[Row]:
    """Rows of a table.

    Args:
        table: the file, UTF-8.
        delimiter: between columns.
        needed: columns that must be there.
        header: names of the columns of a table without a header.
        quoted: whether `"` quotes; where it does not, a field may hold a lone one.
        lines: the table's lines, where they do not come from a plain file.

    Raises:
        CorpusError: missing, not UTF-8, not a table, or without a needed column.
    """
    rows = csv.DictReader(
        read_lines(table) if lines is None else lines,
        fieldnames=header,
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    try:
        columns = [name.strip() for name in rows.fieldnames or ()]
        for column in needed:
            if column not in columns:
                raise CorpusError(
                    f"{table}:1: columns are {', '.join(columns) or 'none'}; expected one named {column}"
                )
        for row in rows:
            if None in row:
                raise CorpusError(
                    f"{table}:{rows.line_num}: more values than the {len(columns)} columns; quote a value that holds "
                    f"{delimiter!r}"
                )
            yield Row(
                {name.strip(): (value or "").strip() for name, value in row.items()},
                f"{table}:{rows.line_num}",
            )
    except csv.Error as error:
        raise CorpusError(
            f"{table}:{max(1, rows.line_num)}: not a table: {error}; correct the line"
        ) from None


def seconds(value: object, where: str) -> float | None:
    """A number of seconds, 0 or more, or a text that spells one; None for an empty value. Raises CorpusError for anything else."""
    if value is None or value == "":
        return None
    number = parse_number(value)
    if number is None or not 0 <= number <= LONGEST:
        raise CorpusError(f"{where}: got {value!r}; expected seconds, from 0 to {LONGEST:g}")
    return number
