"""A report's numbers as JSON values, as Markdown and for the terminal."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from asr.evaluation.focus import Focus, FocusWord
from asr.evaluation.report import Report, Result
from asr.evaluation.scoring import ErrorCounts
from asr.evaluation.significance import Interval

Row = tuple[str, ...]

_COMPOUNDS = 5


def percent(rate: float) -> str:
    """A fraction in per cent with two decimals; "undefined" for NaN and infinity."""
    return f"{100 * rate:.2f} %" if abs(rate) < float("inf") else "undefined"


def between(interval: Interval | None) -> str:
    """An interval in per cent; "" for none."""
    if interval is None or interval.low != interval.low:
        return ""
    return f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"


def main_table(report: Report) -> list[Row]:
    """The rates with their counts and intervals, a header first; the headline's rows, then the raw ones."""
    rows: list[Row] = [
        ("normaliser", "measure", "rate", "95 % interval", "errors", "of", "sub", "del", "ins")
    ]
    for result in report.results:
        scored, intervals = result.score, result.intervals
        name = result.normaliser.name
        rows.append((name, "WER", percent(scored.wer), between(intervals.wer), *_counts(scored.words)))
        if intervals.wer_by_speaker is not None:
            rows.append(
                (name, "  WER, by speaker", "", between(intervals.wer_by_speaker), "", "", "", "", "")
            )
        if result.merged is not None:
            before = result.merged.before
            rows.append((name, "  WER, compounds as errors", percent(before.rate), "", *_counts(before)))
        if result.sclite is not None and result.sclite != scored.words:
            rows.append((name, "  WER, as sclite", percent(result.sclite.rate), "", *_counts(result.sclite)))
        rows.append((name, "CER", percent(scored.cer), between(intervals.cer), *_counts(scored.characters)))
        rows.append(
            (
                name,
                "SER",
                percent(scored.ser),
                between(intervals.ser),
                f"{scored.wrong_sentences:,}",
                f"{len(scored.utterances):,}",
                "",
                "",
                "",
            )
        )
        if result is report.result:
            rows += [(name, *row) for row in _information(scored.words)]
    return rows


def _information(words: ErrorCounts) -> list[Row]:
    """The rates of Morris, Maier & Green (2004), from the word counts above."""
    pairs = f"{words.hits + words.errors:,}"
    return [
        ("MER", percent(words.match_error_rate), "", f"{words.errors:,}", pairs, "", "", ""),
        ("WIL", percent(words.information_lost), "", "", "", "", "", ""),
        ("WIP", percent(words.information_preserved), "", "", "", "", "", ""),
    ]


def focus_rows(focus: Focus, *, most: int | None = None) -> list[Row]:
    """A header, all words of the list together, and each by itself; at most `most` of them."""
    header = ("focus", "said", "recognised", "right", "recall", "precision", "F1")
    return [header, *map(_focus_row, (focus.total, *focus.words[:most]))]


def _focus_row(word: FocusWord) -> Row:
    rates = ("" if math.isnan(rate) else percent(rate) for rate in (word.recall, word.precision, word.f1))
    return (word.phrase, f"{word.said:,}", f"{word.recognised:,}", f"{word.right:,}", *rates)


def terminal_rows(report: Report) -> list[Row]:
    """`main_table` with the normaliser named once, for fixed columns."""
    header, *rows = main_table(report)
    shown, last = [(f"{header[1]} ({header[0]})", *header[2:])], ""
    for row in rows:
        shown.append((f"{row[1]} ({row[0]})" if row[0] != last else row[1], *row[2:]))
        last = row[0]
    return shown


def notes(report: Report) -> list[str]:
    """Sentences on what the table does not show, how it was counted first."""
    found = [report.method]
    merged = report.result.merged
    if merged is not None:
        common = "; ".join(f"{one} / {other}" for one, other in list(merged.compounds)[:_COMPOUNDS])
        found.append(
            f"{merged.compounds.total():,} compounds counted as right (reference / hypothesis)"
            + (f": {common}" if common else "")
        )
    if report.focus is not None and report.focus.unseen:
        found.append(f"focus: {report.focus.unseen:,} words of the list neither said nor recognised")
    silent = report.result.hallucinations
    if silent.silent and not silent.words:
        found.append(f"no word recognised on {silent.silent:,} empty references")
    elif silent.silent:
        found.append(
            f"{silent.words:,} words recognised on {silent.utterances:,} of {silent.silent:,} empty references; "
            "they are among the insertions"
        )
    if report.calibration is not None:
        nce = report.calibration.normalised_cross_entropy
        found.append(
            f"confidence: expected calibration error {report.calibration.expected_error:.3f}"
            + ("" if nce is None else f", normalised cross entropy {nce:.3f}")
        )
    return found


def as_markdown(report: Report, *, most: int = 10) -> str:
    """A short report in Markdown, for pull requests and job summaries."""
    lines = [f"## {_escape(report.title)}", "", *markdown_table(main_table(report))]
    lines += ["", *(f"- {_escape(note)}" for note in notes(report))]
    if report.focus is not None:
        lines += ["", *markdown_table(focus_rows(report.focus, most=most))]
    confusions = sorted(
        (item for items in report.confusions.values() for item in items), key=lambda item: -item.times
    )[:most]
    if confusions:
        rows = [("error", "reference", "hypothesis", "times")]
        names = {"S": "substitution", "D": "deletion", "I": "insertion"}
        rows += [
            (names[item.operation], item.reference, item.hypothesis, str(item.times)) for item in confusions
        ]
        lines += ["", "Most frequent errors", "", *markdown_table(rows)]
    settings = [("setting", "value"), *report.settings.items()]
    lines += [
        "",
        "<details><summary>Settings</summary>",
        "",
        *markdown_table(settings),
        "",
        "</details>",
        "",
    ]
    return "\n".join(lines)


def as_values(report: Report) -> dict[str, Any]:
    """The report as plain values for JSON; rates are fractions, null where undefined."""
    return {
        "title": report.title,
        "settings": dict(report.settings),
        "utterances": len(report.pairs),
        "speakers": report.speakers,
        "wer": _rate(report.result.score.wer),
        "result": _result_values(report.result),
        "raw": None if report.raw is None else _result_values(report.raw),
        "breakdowns": [
            {
                "name": breakdown.name,
                "note": breakdown.note,
                "groups": [
                    {
                        "name": group.name,
                        "utterances": group.utterances,
                        "wer": _rate(group.words.rate),
                        "words": asdict(group.words),
                    }
                    for group in breakdown.groups
                ],
            }
            for breakdown in report.breakdowns
        ],
        "confusions": {
            name: [
                {
                    "reference": item.reference,
                    "hypothesis": item.hypothesis,
                    "times": item.times,
                    "of": item.of,
                    "examples": list(item.examples),
                }
                for item in report.confusions[letter]
            ]
            for letter, name in (("S", "substitutions"), ("D", "deletions"), ("I", "insertions"))
        },
        "calibration": None
        if report.calibration is None
        else {
            "words": report.calibration.words,
            "expected_error": report.calibration.expected_error,
            "normalised_cross_entropy": report.calibration.normalised_cross_entropy,
            "bins": [item._asdict() for item in report.calibration.bins],
        },
        "focus": None if report.focus is None else _focus_values(report.focus),
        "worst": [report.pairs[index].id for index in report.worst()],
    }


def _result_values(result: Result) -> dict[str, Any]:
    intervals = result.intervals
    return {
        "normaliser": result.normaliser.name,
        "normaliser_version": result.normaliser.version,
        "wer": _rate(result.score.wer),
        "cer": _rate(result.score.cer),
        "ser": _rate(result.score.ser),
        "wer_interval": _interval_values(intervals.wer),
        "wer_interval_by_speaker": _interval_values(intervals.wer_by_speaker),
        "cer_interval": _interval_values(intervals.cer),
        "ser_interval": _interval_values(intervals.ser),
        "words": asdict(result.score.words),
        "characters": asdict(result.score.characters),
        "wrong_utterances": result.score.wrong_sentences,
        "sclite_words": None if result.sclite is None else asdict(result.sclite),
        "mer": _rate(result.score.words.match_error_rate),
        "wil": _rate(result.score.words.information_lost),
        "wip": _rate(result.score.words.information_preserved),
        "hallucinations": result.hallucinations._asdict(),
        "compounds": None
        if result.merged is None
        else {
            "words_before": asdict(result.merged.before),
            "places": [
                {"reference": one, "hypothesis": other, "times": times}
                for (one, other), times in result.merged.compounds.items()
            ],
        },
    }


def _focus_values(focus: Focus) -> dict[str, Any]:
    def values(word: FocusWord) -> dict[str, Any]:
        rates = {"recall": word.recall, "precision": word.precision, "f1": word.f1}
        return {
            **word._asdict(),
            **{name: _rate(rate) for name, rate in rates.items()},
        }

    return {
        "total": values(focus.total),
        "unseen": focus.unseen,
        "words": [values(word) for word in focus.words],
    }


def _interval_values(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None or interval.low != interval.low:
        return None
    return {
        "low": interval.low,
        "high": interval.high,
        "mean": interval.mean,
        "deviation": interval.deviation,
        "normal": list(interval.normal),
    }


def _rate(rate: float) -> float | None:
    return rate if abs(rate) < float("inf") else None


def _counts(counts: ErrorCounts) -> Row:
    return (
        f"{counts.errors:,}",
        f"{counts.reference_length:,}",
        f"{counts.substitutions:,}",
        f"{counts.deletions:,}",
        f"{counts.insertions:,}",
    )


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as a Markdown table, the first its header."""
    lines = ["| " + " | ".join(_escape(cell.strip()) for cell in row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _escape(text: str) -> str:
    for letter in "\\|*_`<>[]":
        text = text.replace(letter, "\\" + letter)
    return text.replace("\n", " ")
