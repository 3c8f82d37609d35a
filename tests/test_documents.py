"""What the documents name is there."""

import argparse
import importlib
import json
import re
from functools import cache
from pathlib import Path

import pytest

from asr.cli import VERBS, main
from asr.cli.console import Parser
from asr.config import ExperimentConfig
from asr.data.corpora import names
from asr.options import all_keys

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.ipynb")),
    *sorted((ROOT / "scripts").rglob("*.md")),
]
SHAPES = {"folder", "kaldi", "nemo", "lhotse", "huggingface"}  # of data, not corpora
LINK = re.compile(r"\]\((?!\w+:)([^)\s#]*)(?:#([^)\s]*))?\)")


def name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def text_of(document: Path) -> str:
    """A document's text; of a notebook that of its cells."""
    text = document.read_text(encoding="utf-8")
    if document.suffix == ".ipynb":
        return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


def anchors(document: Path) -> set[str]:
    """What the headings of a document are linked by: lower case, letters and digits, hyphens for spaces."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    text = text_of(document)
    named = set(re.findall(r"(?<![\w/.-])(?:asr|scripts|tests|configs|docs)/[\w./*-]*\w", text))
    assert not [name for name in named if not list(ROOT.glob(name))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    for path, anchor in LINK.findall(text_of(document)):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), path
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize(
    ("document", "first_column"),
    [
        ("README.md", 1),
        ("RESULTS.md", 1),
        ("docs/which-configuration.md", 2),
        ("scripts/benchmarks/README.md", 2),
    ],
)
def test_the_numbers_of_a_table_stand_on_the_pages_that_its_row_links_to(
    document: str, first_column: int
) -> None:
    path = ROOT / document
    rows = [
        row
        for row in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\|.*\]\([\w./]*results/", row)
    ]
    assert rows
    for row in rows:
        pages = [(path.parent / page).read_text(encoding="utf-8") for page, _ in LINK.findall(row)]
        cells = re.sub(r"\[[^]]*\]\([^)]*\)|`[^`]*`", "", row).strip("| ").split(" | ")[first_column:]
        for number in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", " ".join(cells)):
            assert any(re.search(rf"(?<![\d.]){number}(?!\d)", page) for page in pages), (number, row)


def test_the_number_of_corpora_is_that_of_their_readers() -> None:
    for document in ("README.md", "CHANGELOG.md"):
        [number] = re.findall(r"(\d+) public corpora", (ROOT / document).read_text(encoding="utf-8"))
        assert int(number) == len(set(names()) - SHAPES), document


def commands(document: Path) -> list[list[str]]:
    """The words of every `asr` command in a code block or an inline code of a document, up to a pipe or a redirection."""
    text = re.sub(r" *\\\n\s*", " ", text_of(document))
    lines = re.findall(r"^(?:\$ | {4}(?:\w+=\S+ )*| {6}(?:\w+=\S+ )*)(asr [^\n]*)", text, flags=re.MULTILINE)
    lines += re.findall(r"`(asr [a-z-]+ [^`\n]*)`", text)
    found = []
    for line in lines:
        words = line.split("  ")[0].split(" #")[0].split(" | ")[0].split()
        if words[1:] and words[1] in VERBS:
            found.append(words[1:])
    return found


@cache
def options_of(verb: str, part: str) -> set[str]:
    """The options of a verb, or of a part of it such as `asr lm train`."""
    parser = Parser(prog="asr")
    importlib.import_module(VERBS[verb].module).configure(parser)
    subparsers = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    known = [parser, *(action.choices[part] for action in subparsers if part in action.choices)]
    return {option for one in known for action in one._actions for option in action.option_strings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_option_of_a_command_in_a_document_exists(document: Path) -> None:
    keys = {f"--{key}" for key in all_keys(ExperimentConfig)}
    for verb, *words in commands(document):
        part = words[0] if words else ""
        options = {word.split("=")[0] for word in words if re.match(r"--\w", word)}
        configured = keys if verb in ("train", "tune-batch", "inspect") else set()
        assert options <= options_of(verb, part) | configured, (verb, words)


def test_commands_are_found_in_the_documents() -> None:
    found = [words for document in DOCUMENTS for words in commands(document)]
    assert {words[0] for words in found} >= {"transcribe", "train", "evaluate", "lm", "score", "serve"}
    assert commands(ROOT / "docs/tutorials/subtitles.md")[0][-2:] == ["--format", "srt,vtt,txt"]


def test_every_script_stands_in_the_table_of_scripts() -> None:
    for folder in ("scripts", "scripts/benchmarks"):
        text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
        scripts = {path.name for path in (ROOT / folder).iterdir() if path.is_file()} - {"README.md"}
        assert scripts == set(re.findall(rf"(?<!\w){folder}/(\w+(?:\.py)?)(?![\w/])", text))


def test_the_page_on_reports_prints_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/tutorials/wer-report.md").read_text(encoding="utf-8")
    table, printed = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "results.csv").write_text(table, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["score", "results.csv"]) == 0
    assert capsys.readouterr().out == printed
