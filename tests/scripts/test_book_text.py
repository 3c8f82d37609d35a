"""Books of Project Gutenberg as text for a language model, and as they are published."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "book_text.py"
BOOK = """Title: {title}
*** START OF THIS PROJECT GUTENBERG EBOOK {title} ***

Mr. Smith [who is he?] had 3 dogs.  "Sit!" he said
to _one_ of them.

The other ran away--it was Zoë's.

*** END OF THIS PROJECT GUTENBERG EBOOK {title} ***
Licence.
"""


@pytest.fixture
def books(tmp_path: Path) -> Path:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(BOOK.format(title=f"NUMBER {number}"), encoding="utf-8")
    return tmp_path


def convert(books: Path, *options: str) -> str:
    out = books / "out" / "text"
    out.parent.mkdir(exist_ok=True)
    subprocess.run([sys.executable, SCRIPT, books, out, *options], check=True, capture_output=True)
    return out.read_text(encoding="utf-8")


def test_sentences_are_spelled_as_librispeech_spells(books: Path) -> None:
    assert convert(books).splitlines() == 3 * ["HE SAID TO ONE OF THEM", "THE OTHER RAN AWAY IT WAS ZOE'S"]


def test_published_text_keeps_its_marks_and_paragraphs_and_every_80th_book_is_held_out(books: Path) -> None:
    held_out = books / "out" / "held-out"
    text = convert(books, "--as-published", "--hold-out", str(held_out))
    one = (
        'Mr. Smith   had 3 dogs.  "Sit!" he said\nto _one_ of them.\n\nThe other ran away--it was Zoë\'s.\n\n'
    )
    assert text == 2 * one
    assert held_out.read_text(encoding="utf-8") == one


def test_articles_are_read_out(tmp_path: Path) -> None:
    (tmp_path / "articles.txt").write_text(
        "Born in 1984 (or 1985), she won 1,250 votes, or 52.5%, on 3rd May.\nIn the 1990s she sang.\nThe capital is Huesca.\n"
        "It cost $25.\nTwo 1905–1912 wars.\n"
    )
    dev = tmp_path / "dev.jsonl"
    dev.write_text('{"id": "1", "audio": "1.wav", "duration": 1.0, "text": "THE CAPITAL IS HUESCA"}\n')
    assert convert(tmp_path, "--read-out", "--without", str(dev)).splitlines() == [
        "BORN IN NINETEEN EIGHTY FOUR SHE WON ONE THOUSAND TWO HUNDRED FIFTY VOTES OR FIFTY TWO POINT FIVE PERCENT ON THIRD MAY",
        "IT COST TWENTY FIVE DOLLARS",
        "TWO NINETEEN OH FIVE NINETEEN TWELVE WARS",
    ]
