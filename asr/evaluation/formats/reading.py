"""Which format a file has, and the way from two files to references and hypotheses."""

import re
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

from asr.errors import EvaluationError
from asr.evaluation.formats.lines import read_lines
from asr.evaluation.formats.nist import (
    Segment,
    TimedWord,
    cut_by_segments,
    read_ctm,
    read_stm,
    read_trn,
    recordings_of,
)
from asr.evaluation.formats.seglst import read_seglst
from asr.evaluation.formats.simple import read_json_lines, read_kaldi, read_parallel_lines
from asr.evaluation.formats.tables import read_table
from asr.evaluation.transcript import Side, Transcript

Format = Literal["jsonl", "kaldi", "trn", "stm", "ctm", "csv", "tsv", "lines", "seglst"]
FORMATS: tuple[Format, ...] = ("jsonl", "kaldi", "trn", "stm", "ctm", "csv", "tsv", "lines", "seglst")

_DELIMITERS: dict[Format, str] = {"csv": ",", "tsv": "\t"}
_BY_SUFFIX: dict[str, Format] = {
    ".jsonl": "jsonl", ".json": "jsonl", ".ndjson": "jsonl", ".trn": "trn", ".stm": "stm",
    ".ctm": "ctm", ".csv": "csv", ".tsv": "tsv",
}  # fmt: skip


def detect_format(path: Path) -> Format:
    """The format that a file's name tells, or else its first line.

    Anything that is neither JSON nor ends in an (id) is taken for `id words...`; lines without ids
    (`lines`) cannot be told from that and must be asked for.

    Raises:
        EvaluationError: no such file, not UTF-8, or nothing in it.
    """
    suffix = path.suffix.lower()
    if suffix in _BY_SUFFIX and suffix != ".json":
        return _BY_SUFFIX[suffix]
    first = next(iter(islice(read_lines(path), 1)), None)
    if first is None:
        raise EvaluationError(f"{path}: nothing in it; expected transcripts")
    if first.text.lstrip().startswith("["):
        return "seglst"
    if suffix == ".json" or first.text.lstrip().startswith("{"):
        return "jsonl"
    return "trn" if re.search(r"\([^()\s]+\)\s*$", first.text) else "kaldi"


def read_transcripts(
    path: Path,
    *,
    format: Format | None = None,
    ids: Path | None = None,
    side: Side = "reference",
) -> list[Transcript]:
    """Read one file of transcripts.

    Args:
        path: the file.
        format: its format; told from its name and first line when None.
        ids: for format "lines", a file with the id of each line.
        side: which column of a table with both to take.

    Raises:
        EvaluationError: unreadable, not of its format, or nothing in it. Every message names the line.
    """
    format = format or detect_format(path)
    if format == "seglst":
        found = [segment.transcript for segment in read_seglst(path)]
    elif format == "stm":
        found = [segment.transcript for segment in read_stm(path, side=side) if not segment.ignored]
    elif format == "ctm":
        found = recordings_of(read_ctm(path))
    elif format in _DELIMITERS:
        found = read_table(path, delimiter=_DELIMITERS[format], side=side)
    elif format == "trn":
        found = read_trn(path, side=side)
    elif format == "lines":
        found = read_parallel_lines(path, ids=ids)
    else:
        found = {"jsonl": read_json_lines, "kaldi": read_kaldi}[format](path)
    if not found:
        raise EvaluationError(f"{path}: no transcript in it; expected at least one")
    return found


def read_segments(path: Path, *, format: Format | None = None, side: Side = "reference") -> list[Segment]:
    """Read what was said when and by whom: STM, SegLST, or CTM, whose channels are the speakers.

    Args:
        path, format, side: as `read_transcripts`.

    Raises:
        EvaluationError: unreadable, of a format without times and speakers, or nothing in it.
    """
    format = format or detect_format(path)
    if format == "stm":
        found = read_stm(path, side=side)
    elif format == "seglst":
        found = read_seglst(path)
    elif format == "ctm":
        found = [_segment_of(word, path) for word in read_ctm(path)]
    else:
        raise EvaluationError(
            f"{path}: of format {format}, which has no times and speakers; expected stm, seglst or ctm; name it with "
            "--format, --ref-format or --hyp-format where it is one"
        )
    if not found:
        raise EvaluationError(f"{path}: no segment in it; expected at least one")
    return found


def _segment_of(word: TimedWord, path: Path) -> Segment:
    file, channel = word.recording
    transcript = Transcript(
        f"{file}-{channel}-{word.start:08.2f}", word.text, str(path), speaker=channel, start=word.start
    )
    return Segment(word.recording, word.start, word.start + word.duration, transcript, False)


def read_transcripts_pair(
    reference: Path,
    hypothesis: Path | None,
    *,
    reference_format: Format | None = None,
    hypothesis_format: Format | None = None,
    ids: Path | None = None,
) -> tuple[list[Transcript], list[Transcript]]:
    """References and hypotheses, each in its own format; CTM words are cut by STM segments.

    Without a file of hypotheses, the references' is a table with both.

    Raises:
        EvaluationError: as `read_transcripts`; parallel lines of different number; or one file that is no table.
    """
    reference_format = reference_format or detect_format(reference)
    if hypothesis is None:
        if reference_format not in _DELIMITERS:
            raise EvaluationError(
                f"{reference}: one file, of format {reference_format}; expected a second one with the hypotheses, or a "
                "table (--format csv or tsv) with a column for the reference and one for the hypothesis"
            )
        delimiter = _DELIMITERS[reference_format]
        both = [
            read_table(reference, delimiter=delimiter, side=side, is_both=True) for side in get_args(Side)
        ]
        if not both[0]:
            raise EvaluationError(f"{reference}: no transcript in it; expected at least one")
        return both[0], both[1]
    hypothesis_format = hypothesis_format or detect_format(hypothesis)
    if reference_format == "stm" and hypothesis_format == "ctm":
        references, hypotheses = cut_by_segments(read_stm(reference), read_ctm(hypothesis))
        if not references:
            raise EvaluationError(f"{reference}: no segment to score; expected at least one")
        return references, hypotheses
    references = read_transcripts(reference, format=reference_format, ids=ids, side="reference")
    hypotheses = read_transcripts(hypothesis, format=hypothesis_format, ids=ids, side="hypothesis")
    if (
        reference_format == hypothesis_format == "lines"
        and ids is None
        and len(references) != len(hypotheses)
    ):
        raise EvaluationError(
            f"{hypothesis}: {len(hypotheses)} lines, but {len(references)} in {reference}; expected as many"
        )
    return references, hypotheses
