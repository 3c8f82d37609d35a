"""The proof as one page, with a picture."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from asr.evaluation.page.markup import escape, packaged, scrolling, settings_table, table
from proof.section import Section


def proof_page(
    sections: Mapping[str, Section], troubles: Mapping[str, str], settings: Sequence[tuple[str, str]]
) -> str:
    """One HTML file without anything from elsewhere.

    Args:
        sections: what was found, by name.
        troubles: why a section has found nothing, by name.
        settings: names and values, of the machine and the run.
    """
    checks = [check for section in sections.values() for check in section.checks]
    held = sum(check.holds for check in checks)
    title = f"Proof: {held} of {len(checks)} claims hold"
    summary = "".join(
        f"<p><strong>{escape(name)} ended with an error:</strong> {escape(trouble)}</p>"
        for name, trouble in troubles.items()
    )
    picture = base64.b64encode(draw(sections)).decode()
    body = "".join(_section(section) for section in sections.values())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{packaged('style.css')} img {{ max-width: 100% }}</style></head>"
        f"<body><header><h1>{escape(title)}</h1></header><main>{summary}"
        f'<section><img alt="Speed of training and transcription, and how near each claim is to its limit" '
        f'src="data:image/png;base64,{picture}"></section>{body}'
        f"<section><h2>Settings</h2>{settings_table(settings)}</section></main></body></html>\n"
    )


def draw(sections: Mapping[str, Section]) -> bytes:
    """A PNG: hours an hour by size, what transcription takes, and each claim's share of its limit."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 5), layout="constrained")
    FigureCanvasAgg(figure)
    speeds, seconds, limits = figure.subplots(1, 3)
    _bars(speeds, sections.get("training"), (2, 3), "hours of audio an hour")
    _bars(seconds, sections.get("transcription"), (1, 2, 3), "seconds")
    checks = [check for section in sections.values() for check in section.checks]
    shares = [check.found / check.limit if check.limit else float(not check.holds) for check in checks]
    limits.barh(
        [check.claim for check in checks],
        shares,
        color=["tab:green" if check.holds else "tab:red" for check in checks],
    )
    limits.axvline(1, color="black", linewidth=1)
    limits.tick_params(axis="y", labelsize=7)
    limits.set_xlabel("share of the limit")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _bars(axes: Any, section: Section | None, columns: Sequence[int], unit: str) -> None:
    """A group of bars for each row, a bar for each column."""
    if section is None or not section.rows:
        axes.set_axis_off()
        return
    width = 0.8 / len(columns)
    for number, column in enumerate(columns):
        places = [row + number * width for row in range(len(section.rows))]
        axes.bar(places, [float(row[column]) for row in section.rows], width, label=section.header[column])
    axes.set_xticks(
        [row + 0.4 - width / 2 for row in range(len(section.rows))], [str(row[0]) for row in section.rows]
    )
    axes.set_ylabel(unit)
    axes.set_title(section.title)
    axes.legend()


def _section(section: Section) -> str:
    rows = [[_cell(value) for value in row] for row in section.rows]
    found = scrolling(
        section.title, table([escape(name) for name in section.header], rows), tall=len(rows) > 20
    )
    claims = [
        (
            escape(check.claim),
            _cell(check.found),
            _cell(check.limit),
            "yes" if check.holds else "<strong>no</strong>",
        )
        for check in section.checks
    ]
    checked = table(("claim", "found", "at most", "holds"), claims) if claims else ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in section.notes)
    return f"<section><h2>{escape(section.title)}</h2>{checked}{found}{notes}</section>"


def _cell(value: str | float) -> str:
    return escape(value if isinstance(value, str) else f"{value:.4g}")
