"""Small pieces of HTML: tables, bars, packaged files."""

import html
from collections.abc import Sequence
from importlib import resources
from string import Template


def packaged(name: str) -> str:
    """The text of a file of this package."""
    return resources.files("asr.evaluation.page").joinpath(name).read_text(encoding="utf-8")


def fill(template: str, **parts: str) -> str:
    """A packaged template with its `$names` replaced by HTML that is safe already."""
    return Template(packaged(template)).substitute(parts)


def escape(text: object) -> str:
    """Text for HTML, in attributes too."""
    return html.escape(str(text), quote=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: Sequence[int] = (0,)) -> str:
    """A table of cells that are HTML already; numbers to the right, text to the left."""

    def cell(tag: str, index: int, content: str) -> str:
        if content.startswith("<td"):
            return content
        scope = ' scope="col"' if tag == "th" else ""
        text = ' class="text"' if index in text_columns else ""
        return f"<{tag}{scope}{text}>{content}</{tag}>"

    def line(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(cell(tag, index, content) for index, content in enumerate(cells)) + "</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<table><thead>{line('th', header)}</thead><tbody>{body}</tbody></table>"


def bar(share: float) -> str:
    """A cell with a bar that fills a share, 0 to 1, of it."""
    return f'<td class="bar"><span style="width:{100 * min(1.0, max(0.0, share)):.1f}%"></span></td>'


def scrolling(label: str, content: str, *, tall: bool = False) -> str:
    """Content that scrolls by itself where it is too wide (and, if `tall`, too high), by keyboard too."""
    return f'<div class="scroll{" tall" if tall else ""}" tabindex="0" role="region" aria-label="{escape(label)}">{content}</div>'


def settings_table(settings: Sequence[tuple[str, str]]) -> str:
    """Names and values."""
    return table(
        ("setting", "value"),
        [(escape(name), escape(value)) for name, value in settings],
        text_columns=(0, 1),
    )
