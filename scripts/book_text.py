"""Books of Project Gutenberg, or articles, to text for a language model: a sentence a line, in LibriSpeech's spelling.

python scripts/book_text.py BOOKS OUT.txt
python scripts/book_text.py ARTICLES OUT.txt --read-out --without DEV.jsonl...
python scripts/book_text.py BOOKS OUT.txt --as-published --hold-out HELD.txt      for `asr punctuation train` and `score`

BOOKS is a folder of plain text files, UTF-8 or Latin-1. The header and the licence around each book are cut off, as are
notes in square brackets. Sentences become capitals, A to Z and apostrophes within words; MR, MRS, DR and ST are written out;
accents fall away. What nobody could read out as it stands is left out: sentences with digits, of other
letters than Latin, of less than two words, or with more single letters than words. With --read-out, figures are spelled out (1984 as
a year), what stands in round brackets is passed over, as a reader of articles does, and each sentence is there once; --without leaves out
the sentences of development and test sets. With --as-published, all that the author wrote stays as it is, in its paragraphs; with --hold-out, every 80th book goes there.
"""

import argparse
import re
import sys
import unicodedata
from collections.abc import Iterator, Set
from pathlib import Path

from tqdm import tqdm

from asr.data.manifest import read_manifest
from asr.data.spoken_forms import NumbersUnspelled, written_words
from asr.errors import UsageError
from asr.files import write_atomically
from commands import finish

_START = re.compile(
    r"\*\*\* ?START OF (?:THIS|THE) PROJECT GUTENBERG.*?\*\*\*|\*END\*? ?THE SMALL PRINT.*?\*END\*", re.S
)
_END = re.compile(
    r"\*\*\* ?END OF (?:THIS|THE) PROJECT GUTENBERG|End of (?:the |this )?Project Gutenberg", re.I
)
_NOTE = re.compile(r"\[[^\[\]]*\]")
_ABBREVIATIONS = {
    "Mr": "Mister", "Mrs": "Missus", "Messrs": "Messieurs", "Dr": "Doctor", "St": "Saint", "Capt": "Captain",
    "Col": "Colonel", "Gen": "General", "Prof": "Professor", "Rev": "Reverend",
}  # fmt: skip
_ABBREVIATED = re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\b\.?")
_INITIAL = re.compile(r"\b([A-Z])\.")
_SENTENCE_END = re.compile(r"[.?!]+[\"'”’)]*\s+|\n\s*\n")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_BRACKETS = re.compile(r" ?\([^()]*\)")
_FIGURES = re.compile(r"[^\s–—-]*\d[^\s–—-]*")
_SHORTEST = 2
_HELD_OUT = 80  # every so many books one


def main() -> None:
    """Convert all books."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("books", metavar="BOOKS", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument(
        "--as-published", action="store_true", help="as it is, without header, licence and notes"
    )
    parser.add_argument("--hold-out", type=Path, metavar="FILE", help="every 80th book, not in OUT")
    parser.add_argument(
        "--read-out",
        action="store_true",
        help="spell figures out, pass over what stands in round brackets, each sentence once",
    )
    parser.add_argument(
        "--without",
        type=Path,
        nargs="+",
        default=[],
        metavar="MANIFEST",
        help="leave out the sentences of these",
    )
    arguments = parser.parse_args()
    books = sorted(arguments.books.rglob("*.txt"))
    if not books:
        raise UsageError(f"{arguments.books}: no .txt files in it; name a folder of books")
    held_out = books[::_HELD_OUT] if arguments.hold_out else []
    left_out = {utterance.text for path in arguments.without for utterance in read_manifest(path)}
    for out, part in ((arguments.hold_out, held_out), (arguments.out, sorted({*books} - {*held_out}))):
        if part:
            words, found = _write(out, part, arguments, left_out)
            print(
                f"{out}: {words:,} words of {len(part):,} books; {found:,} sentences of {len(arguments.without)} manifests left out"
            )


def _write(
    path: Path, books: list[Path], arguments: argparse.Namespace, left_out: Set[str | None]
) -> tuple[int, int]:
    """Write the text of books; count its words, and the sentences that were left out."""
    words = found = 0
    seen: set[int] = set()
    with write_atomically(path) as out:
        for book in tqdm(books, unit=" books", disable=not sys.stderr.isatty()):
            text = text_of(book.read_bytes())
            if arguments.as_published:
                lines = iter([text.strip(), ""])
            else:
                lines = sentences(read_out(text) if arguments.read_out else text)
            for line in lines:
                if line in left_out:
                    found += 1
                elif not arguments.read_out or _is_new(line, seen):
                    words += len(line.split())
                    out.write(line + "\n")
    return words, found


def _is_new(line: str, seen: set[int]) -> bool:
    """Whether a line is not among those seen, which it then is; by their hashes, for there are millions."""
    number = hash(line)
    if number in seen:
        return False
    seen.add(number)
    return True


def text_of(data: bytes) -> str:
    """What the author wrote."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    text = text.replace("\r\n", "\n")
    start = _START.search(text)
    text = text[start.end() :] if start else text
    end = _END.search(text)
    return _NOTE.sub(" ", text[: end.start()] if end else text)


def read_out(text: str) -> str:
    """A text with its figures as words, and without what stands in round brackets."""
    return _FIGURES.sub(_spelled, _BRACKETS.sub("", text))


def _spelled(found: re.Match[str]) -> str:
    token = found[0]
    if re.search(r"\d[^\W\d]|[^\W\d]\d", token) and not re.search(r"\d(?:st|nd|rd|th)\b", token):
        return token  # such as 1990s and 20mm: the sentence stays out
    try:
        said = min(written_words(token, is_known=lambda _: False)[0].readings, key=len)
    except NumbersUnspelled as error:
        raise UsageError(f"--read-out: figures, {error}") from None
    before = token[: len(token) - len(token.lstrip("\"'(“‘"))]
    after = re.search(r"[^\w%$£€]*$", token)
    return before + " ".join(said) + (after[0] if after else "")


def sentences(text: str) -> Iterator[str]:
    """The sentences that can be read out, spelled as LibriSpeech spells."""
    text = _ABBREVIATED.sub(lambda found: _ABBREVIATIONS[found[1]], text)
    text = _INITIAL.sub(r"\1 ", text)
    text = text.replace("’", "'").replace("_", "").replace("æ", "ae").replace("œ", "oe").replace("--", " ")
    text = (
        "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
        if not text.isascii()
        else text
    )
    for sentence in _SENTENCE_END.split(text):
        words = _WORD.findall(sentence.upper())
        line = " ".join(words)
        if len(words) < _SHORTEST or not re.fullmatch(r"[A-Z' ]+", line):
            continue
        if 2 * sum(len(word) == 1 and word not in "AIO" for word in words) > len(words):
            continue
        yield line


if __name__ == "__main__":
    sys.exit(finish(main))
