"""The folder of a report: report.html, report.json, report.md, utterances.tsv, ref.trn and hyp.trn."""

import json
from collections.abc import Mapping
from pathlib import Path

from asr.errors import EvaluationError
from asr.evaluation.breakdowns import field_names
from asr.evaluation.formats.lines import read_lines
from asr.evaluation.formats.nist import format_trn
from asr.evaluation.nist_reference import parse_reference
from asr.evaluation.page.report_page import report_page
from asr.evaluation.renderings import as_markdown, as_values
from asr.evaluation.report import Report
from asr.evaluation.transcript import TranscriptPair
from asr.files import write_atomically

_COLUMNS = (
    "id", "speaker", "duration", "words", "errors", "substitutions", "deletions", "insertions", "wer",
    "characters", "character_errors", "reference", "hypothesis", "operations", "raw_reference", "raw_hypothesis",
    "readings",
)  # fmt: skip

# Where raw_reference holds alternatives or optional words as NIST writes them.
_SEVERAL = "several"


def write_report(
    out: Path,
    report: Report,
    *,
    pictures: Mapping[str, bytes] | None = None,
    audio: Mapping[str, str] | None = None,
    version: str = "",
) -> Path:
    """Write a report.

    ref.trn and hyp.trn hold the transcripts as they were compared, so that `sclite` on them (with -D, where
    words are optional) counts the same words. Rates in utterances.tsv are fractions; it is UTF-8, tabs part its columns, and no cell
    holds a tab or a line end.

    Args:
        out: a folder; made when missing.
        report: what to write.
        pictures: PNG images by utterance id, for the worst utterances.
        audio: what an audio player takes, by utterance id: a data: URI, or a path beside the page.
        version: of this program.

    Returns:
        The path of report.html.

    Raises:
        AsrError: a file cannot be written.
    """
    with write_atomically(out / "report.json") as file:
        json.dump(as_values(report), file, indent=2, ensure_ascii=False)
        file.write("\n")
    with write_atomically(out / "report.md") as file:
        file.write(as_markdown(report))
    with write_atomically(out / "utterances.tsv") as file:
        file.writelines(_table_lines(report))
    utterances = report.result.score.utterances
    with write_atomically(out / "ref.trn") as file:
        file.writelines(
            format_trn(utterance.id, str(utterance.readings or utterance.reference)) + "\n"
            for utterance in utterances
        )
    with write_atomically(out / "hyp.trn") as file:
        file.writelines(format_trn(utterance.id, utterance.hypothesis) + "\n" for utterance in utterances)
    page = out / "report.html"
    with write_atomically(page) as file:
        file.write(report_page(report, pictures=pictures or {}, audio=audio or {}, version=version))
    return page


def read_report_pairs(folder: Path) -> list[TranscriptPair]:
    """The references and hypotheses of a report, as their files spelled them, from its utterances.tsv.

    Raises:
        EvaluationError: no report in the folder, or its table is broken.
    """
    path = folder / "utterances.tsv"
    if not path.is_file():
        raise EvaluationError(
            f"{folder}: no utterances.tsv in it; expected a folder that `asr score --out` wrote"
        )
    header, *lines = (line.text.split("\t") for line in read_lines(path))
    missing = [name for name in ("id", "speaker", "raw_reference", "raw_hypothesis") if name not in header]
    if missing:
        raise EvaluationError(
            f"{path}:1: no column {missing[0]}; expected a table that `asr score --out` wrote"
        )
    pairs = []
    for number, cells in enumerate(lines, 2):
        if len(cells) != len(header):
            raise EvaluationError(
                f"{path}:{number}: {len(cells)} columns; expected {len(header)}, as in the header"
            )
        row = dict(zip(header, cells, strict=True))
        text = row["raw_reference"]
        pairs.append(
            TranscriptPair(
                row["id"],
                text,
                row["raw_hypothesis"],
                speaker=row["speaker"] or None,
                readings=parse_reference(text, f"{path}:{number}")
                if row.get("readings") == _SEVERAL
                else None,
            )
        )
    return pairs


def _table_lines(report: Report) -> list[str]:
    names = [name for name in field_names(report.pairs) if name not in _COLUMNS]
    lines = ["\t".join(_cell(name) for name in (*_COLUMNS, *names)) + "\n"]
    for pair, utterance in zip(report.pairs, report.result.score.utterances, strict=True):
        words, characters = utterance.words, utterance.characters
        cells = (
            utterance.id,
            pair.speaker,
            None if pair.duration is None else f"{pair.duration:.3f}",
            words.reference_length,
            words.errors,
            words.substitutions,
            words.deletions,
            words.insertions,
            f"{words.rate:.4f}" if words.reference_length else None,
            characters.reference_length,
            characters.errors,
            utterance.reference,
            utterance.hypothesis,
            utterance.operations,
            pair.reference,
            pair.hypothesis,
            None if pair.readings is None else _SEVERAL,
            *(pair.fields.get(name) for name in names),
        )
        lines.append("\t".join(_cell(cell) for cell in cells) + "\n")
    return lines


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())
