"""report.html: one file that needs no network, whatever the number of utterances."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from asr.evaluation.breakdowns import Breakdown
from asr.evaluation.confusions import Confusion
from asr.evaluation.page.charts import calibration_chart
from asr.evaluation.page.markup import (
    bar,
    escape,
    fill,
    packaged,
    scrolling,
    settings_table,
    table,
)
from asr.evaluation.renderings import between, focus_rows, main_table, notes, percent
from asr.evaluation.report import Report
from asr.evaluation.scoring import ErrorCounts
from asr.evaluation.significance import Interval
from asr.evaluation.transcript import TranscriptPair

# A field of more different values than this is no choice in a list.
_MOST_VALUES = 2000
_SHOWN_CONFUSIONS = 15


def report_page(
    report: Report, *, pictures: Mapping[str, bytes], audio: Mapping[str, str], version: str
) -> str:
    """The page.

    Args:
        report: what it shows.
        pictures: PNG images by utterance id, of the worst utterances.
        audio: what an audio player takes, by utterance id: a data: URI, or a path beside the page.
        version: of this program, for the foot of the page.
    """
    fields = _fields(report.pairs)
    worst = report.worst()
    parts = [
        ("summary", "Summary", ""),
        ("breakdowns", "Breakdowns", _breakdowns(report.breakdowns, report.result.score.words, fields)),
        ("focus", "Focus words", _focus(report)),
        ("errors", "Frequent errors", _confusions(report)),
        ("confidence", "Confidence", _calibration(report)),
        ("worst", f"The worst {len(worst)}", '<div id="worst-list"></div>' if worst else ""),
    ]
    shown = [part for part in parts if part[2] or part[0] == "summary"]
    links = [
        *((name, title) for name, title, _ in shown),
        ("utterances", "Utterances"),
        ("settings", "Settings"),
    ]
    words = report.result.score.words.reference_length
    speakers = f", {report.speakers:,} speakers" if report.speakers else ""
    return fill(
        "report.html",
        title=escape(report.title),
        style=packaged("style.css"),
        script=packaged("report.js"),
        counted=f"{len(report.pairs):,} utterances, {words:,} words{speakers}",
        sections="".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in links),
        cards=_cards(report),
        rates=_rates(report),
        notes="".join(f"<p>{escape(note)}.</p>" for note in notes(report)),
        parts="".join(
            f'<section id="{name}"><h2>{escape(title)}</h2>{content}</section>'
            for name, title, content in shown[1:]
        ),
        settings=settings_table([*report.settings.items()]),
        footer=f"Written by asr {escape(version)}. Rates are pooled: all errors over all reference units.",
        data=_packed(_columns(report, fields, worst)),
        media=_json_in_html(
            {
                "pictures": {name: _picture(image) for name, image in pictures.items()},
                "audio": dict(audio),
            }
        ),
    )


def _picture(image: bytes) -> dict[str, str | int]:
    """A PNG as a data: URI, with the width and height that its header says."""
    return {
        "source": "data:image/png;base64," + base64.b64encode(image).decode(),
        "width": int.from_bytes(image[16:20], "big"),
        "height": int.from_bytes(image[20:24], "big"),
    }


def _cards(report: Report) -> str:
    scored, intervals = report.result.score, report.result.intervals
    raw = report.raw.score if report.raw else None

    def card(name: str, rate: float, interval: Interval, more: str, unnormalised: float | None) -> str:
        sure = f"95 % interval {between(interval)} %" if between(interval) else ""
        without = (
            ""
            if unnormalised is None
            else f"<p class='quiet'>{percent(unnormalised)} without normalising</p>"
        )
        return (
            f'<div class="card"><div class="name">{name}</div><div class="rate">{percent(rate)}</div>'
            f"<p>{sure}</p><p class='quiet'>{more}</p>{without}</div>"
        )

    words, characters = scored.words, scored.characters
    return (
        card(
            "Word error rate",
            scored.wer,
            intervals.wer,
            f"{words.errors:,} errors in {words.reference_length:,} words",
            None if raw is None else raw.wer,
        )
        + card(
            "Character error rate",
            scored.cer,
            intervals.cer,
            f"{characters.errors:,} errors in {characters.reference_length:,} characters",
            None if raw is None else raw.cer,
        )
        + card(
            "Sentence error rate",
            scored.ser,
            intervals.ser,
            f"{scored.wrong_sentences:,} of {len(scored.utterances):,} utterances",
            None if raw is None else raw.ser,
        )
    )


def _rates(report: Report) -> str:
    header, *rows = main_table(report)
    return table(header, [[escape(cell) for cell in row] for row in rows], text_columns=(0, 1))


def _breakdowns(
    breakdowns: Sequence[Breakdown], total: ErrorCounts, fields: Mapping[str, Mapping[str, Any]]
) -> str:
    found = []
    for number, breakdown in enumerate(breakdowns):
        finite = [group.words.rate for group in breakdown.groups if group.words.reference_length]
        highest = max([*finite, 1e-9])
        rows = []
        for group in breakdown.groups:
            name = escape(group.name)
            if group.name in fields.get(breakdown.name, {}).get("values", ()):
                name = (
                    f'<button type="button" class="link" data-field="{escape(breakdown.name)}" '
                    f'data-value="{name}">{name}</button>'
                )
            words = group.words
            rows.append(
                (
                    name,
                    f"{group.utterances:,}",
                    f"{words.reference_length:,}",
                    percent(words.rate),
                    bar(words.rate / highest if words.reference_length else 1.0),
                    *(f"{value:,}" for value in (words.substitutions, words.deletions, words.insertions)),
                    f"{words.errors / max(1, total.errors):.1%}",
                )
            )
        header = (breakdown.name, "utterances", "words", "WER", "", "sub", "del", "ins", "of all errors")
        note = f'<p class="quiet">{escape(breakdown.note)}</p>' if breakdown.note else ""
        content = scrolling(
            f"Errors by {breakdown.name}", table([escape(name) for name in header], rows), tall=True
        )
        found.append(
            f"<details{' open' if number == 0 else ''}><summary>by {escape(breakdown.name)}</summary>{note}{content}</details>"
        )
    return "".join(found)


def _focus(report: Report) -> str:
    if report.focus is None:
        return ""
    header, *rows = focus_rows(report.focus)
    cells = [[f"<bdi>{escape(row[0])}</bdi>", *row[1:]] for row in rows]
    return scrolling("Focus words", table(header, cells), tall=True)


def _confusions(report: Report) -> str:
    kinds = {"S": "Substitutions", "D": "Deletions", "I": "Insertions"}
    found = []
    for letter, title in kinds.items():
        confusions = report.confusions[letter]
        if not confusions:
            continue
        shown = _confusion_table(confusions[:_SHOWN_CONFUSIONS])
        rest = confusions[_SHOWN_CONFUSIONS:]
        more = (
            f"<details><summary>{len(rest)} more</summary>{_confusion_table(rest)}</details>" if rest else ""
        )
        found.append(f"<div><h3>{title}</h3>{shown}{more}</div>")
    return f'<div class="columns">{"".join(found)}</div>' if found else ""


def _confusion_table(confusions: Sequence[Confusion]) -> str:
    letter = confusions[0].operation
    rows = []
    for item in confusions:
        key = escape(json.dumps([item.operation, item.reference, item.hypothesis], ensure_ascii=False))
        shown = [f"<bdi>{escape(word)}</bdi>" for word in (item.reference, item.hypothesis) if word]
        button = (
            f'<button type="button" class="link" data-confusion="{key}" title="show the utterances">'
            f"{' → '.join(shown)}</button>"
        )
        rows.append((button, f"{item.times:,}", f"{item.of:,}"))
    name = {"S": "reference → hypothesis", "D": "reference", "I": "hypothesis"}[letter]
    return table((name, "times", "of" if letter != "I" else "recognised"), rows)


def _calibration(report: Report) -> str:
    calibration = report.calibration
    if calibration is None:
        return ""
    rows = [
        (
            f"{item.low:.1f} to {item.high:.1f}",
            f"{item.words:,}",
            f"{item.confidence:.3f}",
            f"{100 * item.correct:.1f} %",
        )
        for item in calibration.bins
    ]
    content = table(("confidence", "words", "mean confidence", "correct"), rows)
    return (
        f'<div class="columns"><div>{calibration_chart(calibration)}</div>'
        f"{scrolling('Calibration', content)}</div>"
    )


def _fields(pairs: Sequence[TranscriptPair]) -> dict[str, dict[str, Any]]:
    """Speaker and manifest fields as {"values": different ones, "index": one an utterance, -1 for none}."""
    names = dict.fromkeys(name for pair in pairs for name in pair.fields)
    columns: dict[str, list[object]] = {"speaker": [pair.speaker for pair in pairs]}
    columns |= {name: [pair.fields.get(name) for pair in pairs] for name in names}
    found = {}
    for name, column in columns.items():
        texts = [None if value is None else _text(value) for value in column]
        values = sorted({text for text in texts if text is not None})
        if 0 < len(values) <= _MOST_VALUES:
            places = {value: index for index, value in enumerate(values)}
            found[name] = {
                "values": values,
                "index": [-1 if text is None else places[text] for text in texts],
            }
    return found


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _columns(report: Report, fields: Mapping[str, Any], worst: Sequence[int]) -> dict[str, Any]:
    """The utterances by column; 0 stands for "as the column before", "" for all words correct."""
    utterances, pairs = report.result.score.utterances, report.pairs
    means = [
        round(sum(pair.confidences) / len(pair.confidences), 4) if pair.confidences else None
        for pair in pairs
    ]
    durations = [None if pair.duration is None else round(pair.duration, 3) for pair in pairs]
    raw = [(" ".join(pair.reference.split()), " ".join(pair.hypothesis.split())) for pair in pairs]
    return {
        "id": [utterance.id for utterance in utterances],
        "reference": [utterance.reference for utterance in utterances],
        "hypothesis": [
            0 if utterance.hypothesis == utterance.reference else utterance.hypothesis
            for utterance in utterances
        ],
        "raw_reference": [
            0 if text == utterance.reference else text
            for (text, _), utterance in zip(raw, utterances, strict=True)
        ],
        "raw_hypothesis": [
            0 if text == utterance.hypothesis else text
            for (_, text), utterance in zip(raw, utterances, strict=True)
        ],
        "operations": [utterance.operations if utterance.words.errors else "" for utterance in utterances],
        "character_errors": [utterance.characters.errors for utterance in utterances],
        "duration": durations if any(duration is not None for duration in durations) else None,
        "confidence": means if any(mean is not None for mean in means) else None,
        "fields": fields,
        "worst": list(worst),
    }


def _packed(values: object) -> str:
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    # An id made of the name of a file that is not UTF-8 becomes an escape, as `write_atomically` has it.
    packed = gzip.compress(text.encode(errors="backslashreplace"), compresslevel=6, mtime=0)
    return base64.b64encode(packed).decode()


def _json_in_html(values: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
