"""A comparison for the terminal, as Markdown, as JSON values and as a page; and its folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asr.evaluation.comparison import Comparison, p_value
from asr.evaluation.page.charts import IntervalOf, intervals_chart
from asr.evaluation.page.markup import escape, fill, packaged, scrolling, settings_table, table
from asr.evaluation.ranking import RankedSystem, groups_note
from asr.evaluation.renderings import between, markdown_table, percent
from asr.evaluation.scoring import ScoredUtterance
from asr.evaluation.significance import Interval
from asr.files import write_atomically

_MOST_WORDS = 30
_MOST_UTTERANCES = 100


def systems_rows(ranking: Sequence[RankedSystem]) -> list[tuple[str, ...]]:
    """A header and a row a system, the lowest WER first."""
    rows: list[tuple[str, ...]] = [
        ("system", "WER", "95 % interval", "errors", "of", "sub", "del", "ins", "rank", "group")
    ]
    for ranked in ranking:
        words = ranked.system.score.words
        rows.append(
            (
                ranked.system.name,
                percent(words.rate),
                between(ranked.interval),
                f"{words.errors:,}",
                f"{words.reference_length:,}",
                f"{words.substitutions:,}",
                f"{words.deletions:,}",
                f"{words.insertions:,}",
                ranked.ranks,
                " ".join(ranked.groups),
            )
        )
    return rows


def details(comparison: Comparison) -> list[tuple[str, str]]:
    """Names and values of what the verdict rests on."""
    test = comparison.test
    second = comparison.second.name
    better = sum(change.gain > 0 for change in comparison.utterances)
    worse = len(comparison.utterances) - better
    rows = [
        ("difference in WER, points", f"{100 * comparison.difference:.2f} (above 0: {second} is better)"),
        ("95 % interval, by utterance", between(comparison.bootstrap.difference)),
    ]
    if comparison.by_speaker is not None:
        rows.append(("95 % interval, by speaker", between(comparison.by_speaker.difference)))
    rows += [
        (f"resamples in which {second} is better", f"{comparison.bootstrap.improved:.1%}"),
        (
            "matched-pairs test",
            f"Z = {test.statistic:.3f}, p {p_value(test.p)}, {test.segments} segments, mean difference {test.mean:.3f}, "
            f"deviation {test.deviation:.3f}",
        ),
    ]
    if comparison.p != test.p:
        rows.append(("p, corrected for the number of comparisons (Holm)", p_value(comparison.p)))
    rows += [
        ("reference words fixed, broken", f"{comparison.fixed:,}, {comparison.broken:,}"),
        ("inserted words dropped, added", f"{comparison.dropped:,}, {comparison.added:,}"),
        (f"utterances in which {second} is better, worse", f"{better:,}, {worse:,}"),
        ("utterances without a change", f"{len(comparison.first.score.utterances) - better - worse:,}"),
    ]
    return rows


def changed_words(comparison: Comparison) -> list[tuple[str, str, str]]:
    """A header and the words with most changes."""
    return [
        ("word", "fixed", "broken"),
        *((change.word, str(change.fixed), str(change.broken)) for change in comparison.words[:_MOST_WORDS]),
    ]


def as_markdown(
    ranking: Sequence[RankedSystem],
    comparisons: Sequence[Comparison],
    *,
    title: str,
    settings: Mapping[str, str],
) -> str:
    """A short comparison in Markdown."""
    lines = [f"## {title}", "", *markdown_table(systems_rows(ranking)), "", f"{groups_note(ranking)}."]
    for comparison in comparisons:
        lines += ["", f"**{comparison.verdict}.**", ""]
        lines += markdown_table([("what", "value"), *details(comparison)])
    lines += ["", *markdown_table([("setting", "value"), *settings.items()])]
    return "\n".join([*lines, ""])


def as_values(
    ranking: Sequence[RankedSystem], comparisons: Sequence[Comparison], *, settings: Mapping[str, str]
) -> dict[str, Any]:
    """The comparison as plain values for JSON; rates are fractions."""
    return {
        "settings": dict(settings),
        "systems": [
            {
                "name": ranked.system.name,
                "wer": ranked.system.score.wer,
                "wer_interval": ranked.interval._asdict(),
                "words": asdict(ranked.system.score.words),
                "ranks": [ranked.best, ranked.worst],
                "groups": list(ranked.groups),
            }
            for ranked in ranking
        ],
        "groups": groups_note(ranking),
        "comparisons": [
            {
                "first": item.first.name,
                "second": item.second.name,
                "verdict": item.verdict,
                "difference": item.difference,
                "bootstrap": _bootstrap_values(item.bootstrap.difference, item.bootstrap.improved),
                "bootstrap_by_speaker": None
                if item.by_speaker is None
                else _bootstrap_values(item.by_speaker.difference, item.by_speaker.improved),
                "matched_pairs": item.test._asdict(),
                "p_corrected": item.p,
                "words_fixed": item.fixed,
                "words_broken": item.broken,
                "insertions_dropped": item.dropped,
                "insertions_added": item.added,
                "words": [change._asdict() for change in item.words],
                "utterances": [
                    {"id": change.first.id, "errors": [change.first.words.errors, change.second.words.errors]}
                    for change in item.utterances
                ],
            }
            for item in comparisons
        ],
    }


def write_comparison(
    out: Path,
    ranking: Sequence[RankedSystem],
    comparisons: Sequence[Comparison],
    *,
    title: str,
    settings: Mapping[str, str],
    version: str,
) -> Path:
    """Write comparison.html, comparison.json and comparison.md into a folder; return the page's path.

    Raises:
        AsrError: a file cannot be written.
    """
    with write_atomically(out / "comparison.json") as file:
        json.dump(as_values(ranking, comparisons, settings=settings), file, indent=2, ensure_ascii=False)
        file.write("\n")
    with write_atomically(out / "comparison.md") as file:
        file.write(as_markdown(ranking, comparisons, title=title, settings=settings))
    page = out / "comparison.html"
    with write_atomically(page) as file:
        file.write(_page(ranking, comparisons, title=title, settings=settings, version=version))
    return page


def _page(
    ranking: Sequence[RankedSystem],
    comparisons: Sequence[Comparison],
    *,
    title: str,
    settings: Mapping[str, str],
    version: str,
) -> str:
    header, *rows = systems_rows(ranking)
    sections = []
    for item in comparisons:
        names, *words = changed_words(item)
        word_cells = [[f"<bdi>{escape(word)}</bdi>", fixed, broken] for word, fixed, broken in words]
        numbers = [(escape(name), escape(value)) for name, value in details(item)]
        changed = "".join(
            _changed(change.first, change.second, item) for change in item.utterances[:_MOST_UTTERANCES]
        )
        left_out = len(item.utterances) - _MOST_UTTERANCES
        more = f'<p class="quiet">{left_out:,} more are in comparison.json.</p>' if left_out > 0 else ""
        sections.append(
            f"<section><h2>{escape(item.first.name)} and {escape(item.second.name)}</h2>"
            f'<p class="verdict">{escape(item.verdict)}.</p><div class="columns">'
            f"<div>{scrolling('Numbers', table(('what', 'value'), numbers, text_columns=(0, 1)))}</div>"
            f"<div>{scrolling('Changed words', table(names, word_cells))}</div></div>"
            f"<h3>Utterances that change most</h3>{changed}{more}</section>"
        )
    systems = table(header, [[escape(cell) for cell in row] for row in rows])
    chart = intervals_chart(
        [
            IntervalOf(
                f"{item.system.name} ({' '.join(item.groups)})",
                item.interval.low,
                item.system.score.wer,
                item.interval.high,
            )
            for item in ranking
        ]
    )
    return fill(
        "comparison.html",
        title=escape(title),
        style=packaged("style.css"),
        systems=f"{scrolling('Systems', systems)}<p>{escape(groups_note(ranking))}.</p>"
        f"<figure><figcaption>WER, 95 % intervals</figcaption>{chart}</figure>",
        comparisons="".join(sections),
        settings=settings_table([*settings.items()]),
        footer=f"Written by asr {escape(version)}. Intervals: percentile bootstrap. Test: matched pairs of "
        "sentence segments (Gillick and Cox 1989), on sclite's alignments.",
    )


def _changed(one: ScoredUtterance, two: ScoredUtterance, comparison: Comparison) -> str:
    lines = "".join(
        f'<div class="facts"><span>{escape(name)}: {utterance.words.errors} of '
        f"{utterance.words.reference_length} words wrong</span></div>"
        f'<p class="words{" long" if len(utterance.operations) > 250 else ""}" dir="auto">{_aligned(utterance)}</p>'
        for name, utterance in ((comparison.first.name, one), (comparison.second.name, two))
    )
    return f'<article class="utterance"><div class="facts"><span class="id">{escape(one.id)}</span></div>{lines}</article>'


def _aligned(utterance: ScoredUtterance) -> str:
    shown = []
    for operation, reference, hypothesis in utterance.alignment:
        left, right = escape(reference), escape(hypothesis)
        shown.append(
            {
                "equal": left,
                "substitute": f'<span class="step s"><del>{left}</del><ins>{right}</ins></span>',
                "delete": f'<del class="step d">{left}</del>',
                "insert": f'<ins class="step i">{right}</ins>',
            }[operation]
        )
    return " ".join(shown)


def _bootstrap_values(interval: Interval, improved: float) -> dict[str, float]:
    return {**interval._asdict(), "improved": improved}
