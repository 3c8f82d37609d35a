"""What the documents name is there."""

import re
from pathlib import Path

import pytest

from asr.data.corpora import names

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "RESULTS.md", *sorted((ROOT / "docs").glob("*.md"))]
SHAPES = {"folder", "kaldi", "nemo", "lhotse", "huggingface"}  # of data, not corpora


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    named = set(
        re.findall(r"(?<![\w/.-])(?:asr|scripts|tests|configs|docs)/[\w./*-]*\w", document.read_text())
    )
    assert not [name for name in named if not list(ROOT.glob(name))]


def test_the_number_of_corpora_is_that_of_their_readers() -> None:
    for document in ("README.md", "CHANGELOG.md"):
        [number] = re.findall(r"(\d+) public corpora", (ROOT / document).read_text())
        assert int(number) == len(set(names()) - SHAPES), document
