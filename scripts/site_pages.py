"""What the site of `mkdocs build` has besides docs/: the references made from the program itself, the documents at the top, and the
notebooks as pages.

mkdocs calls the functions `on_*` (mkdocs.yml names this file under `hooks`).
"""

import argparse
import base64
import contextlib
import importlib
import io
import json
import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from asr.cli import GROUPS, VERBS, main
from asr.cli.console import Parser

ROOT = Path(__file__).resolve().parents[1]
# Documents that lie outside docs/, and their pages.
OUTSIDE = {
    "RESULTS.md": "results/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
COLUMNS = "80"  # characters a line of help
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages of documents outside docs/, and those of notebooks."""
    for name, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    for notebook in [file for file in files if file.src_uri.endswith(".ipynb")]:
        page = notebook.src_uri.removesuffix(".ipynb")
        text, pictures = notebook_page(json.loads(notebook.content_string), name=posixpath.basename(page))
        files.remove(notebook)
        files.append(File.generated(config, f"{page}.md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"{posixpath.dirname(page)}/{name}", content=content))
    return files


def notebook_page(notebook: dict[str, Any], *, name: str) -> tuple[str, dict[str, bytes]]:
    """An executed notebook as Markdown, and the pictures that it shows by their names."""
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream":
                parts.append(f"```text\n{''.join(output['text']).rstrip()}\n```")
            else:
                picture = f"{name}-{len(pictures) + 1}.png"
                pictures[picture] = base64.b64decode(output["data"]["image/png"])
                parts.append(f"![what the code above draws]({picture})")
    return "\n\n".join(parts) + "\n", pictures


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Fill in the references, and turn links to files of the repository into links within the site."""
    here = page.file.src_uri
    source = next((name for name, uri in OUTSIDE.items() if uri == here), f"docs/{here}")
    markdown = _LINK.sub(lambda link: _within_site(link, source=source, here=here), markdown)
    markdown = markdown.replace("<!-- commands -->", commands() if "<!-- commands -->" in markdown else "")
    if "<!-- configuration -->" in markdown:
        markdown = markdown.replace("<!-- configuration -->", configuration())
    return markdown


def _within_site(link: re.Match[str], *, source: str, here: str) -> str:
    """A link as the site needs it; of a file that is no page its text alone. What leads nowhere stays, for mkdocs to name."""
    text, path, anchor = link.group(1), link.group(2), link.group(3) or ""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if target == "README.md":
        target = "docs/index.md"
    page = OUTSIDE.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
    if page is not None and page.endswith(".ipynb"):
        page = page.removesuffix(".ipynb") + ".md"
    if page is not None and page.endswith((".md", ".png", ".json")):
        return f"[{text}]({posixpath.relpath(page, posixpath.dirname(here) or '.')}{anchor})"
    return text if (ROOT / target).exists() else link.group(0)


def commands() -> str:
    """The help of every verb, and of those of several parts of each part."""
    parts = []
    for title, verbs in GROUPS.items():
        parts.append(f"## To {title}" if title != "models and this program" else "## Models and this program")
        for name in verbs:
            parts.append(f"### asr {name}\n\n{_help(name)}")
            parts += [f"#### asr {name} {part}\n\n{_help(name, part)}" for part in _parts_of(name)]
    return "\n\n".join(parts)


def _parts_of(name: str) -> list[str]:
    """The verbs of a verb: `train` and others of `asr lm`."""
    parser = Parser(prog=f"asr {name}")
    importlib.import_module(VERBS[name].module).configure(parser)
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [part for action in actions for part in action.choices]


def _help(*words: str) -> str:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
            main([*words, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return f"```text\n{out.getvalue().rstrip()}\n```"


def configuration() -> str:
    """A table for each group of the configuration."""
    schema = json.loads((ROOT / "docs/reference/configuration.schema.json").read_text(encoding="utf-8"))
    return "\n\n".join(_tables(schema, ""))


def _tables(schema: dict[str, Any], prefix: str) -> list[str]:
    fields = {name: value for name, value in schema["properties"].items() if "properties" not in value}
    found = []
    if prefix:
        found.append(f"## {prefix}\n\n{schema.get('description', '')}")
    if fields:
        rows = [
            f"| `{prefix}.{name}` | {_kind(value)} | {_default(value)} | {value['description'].replace('|', chr(92) + '|')} |"
            for name, value in fields.items()
        ]
        found.append("\n".join(["| key | type | default | |", "|---|---|---|---|", *rows]))
    for name, value in schema["properties"].items():
        if "properties" in value:
            found += _tables(value, f"{prefix}.{name}".lstrip("."))
    return found


def _kind(value: dict[str, Any]) -> str:
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if "anyOf" in value:
        return " or ".join(_kind(part) for part in value["anyOf"])
    if "prefixItems" in value:
        return "[" + ", ".join(_kind(part) for part in value["prefixItems"]) + "]"
    if value["type"] == "array":
        return f"list of {_kind(value['items'])}"
    return str(value["type"])


def _default(value: dict[str, Any]) -> str:
    return f"`{json.dumps(value['default'], ensure_ascii=False)}`" if "default" in value else "must be given"
