"""What the documents name is there."""

import re
from pathlib import Path

import pytest

from asr.data.corpora import names

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SHAPES = {"folder", "kaldi", "nemo", "lhotse", "huggingface"}  # of data, not corpora
LINK = re.compile(r"\]\((?!\w+:)([^)\s#]*)(?:#([^)\s]*))?\)")


def name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def anchors(document: Path) -> set[str]:
    """What the headings of a document are linked by: lower case, letters and digits, hyphens for spaces."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/.-])(?:asr|scripts|tests|configs|docs)/[\w./*-]*\w", text))
    assert not [name for name in named if not list(ROOT.glob(name))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    for path, anchor in LINK.findall(document.read_text(encoding="utf-8")):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), path
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("document", ["RESULTS.md"])
def test_the_numbers_of_a_summary_stand_on_the_page_of_their_row(document: str) -> None:
    rows = [
        row
        for row in (ROOT / document).read_text(encoding="utf-8").splitlines()
        if row.startswith("|") and "](docs/results/" in row
    ]
    assert rows
    for row in rows:
        *cells, source = row.strip("| ").split(" | ")
        pages = [(ROOT / path).read_text(encoding="utf-8") for path, _ in LINK.findall(source)]
        for number in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", " ".join(cells[1:])):
            assert any(re.search(rf"(?<![\d.]){number}(?![\d])", page) for page in pages), (number, row)


def test_the_number_of_corpora_is_that_of_their_readers() -> None:
    for document in ("README.md", "CHANGELOG.md"):
        [number] = re.findall(r"(\d+) public corpora", (ROOT / document).read_text(encoding="utf-8"))
        assert int(number) == len(set(names()) - SHAPES), document
