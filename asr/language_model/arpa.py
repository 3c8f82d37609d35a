"""ARPA files, as SRILM, KenLM, OpenGrm and ourselves write them: reading and writing, plain or gzip.

    \\data\\
    ngram 1=3
    ngram 2=1

    \\1-grams:
    -0.8\tthe\t-0.3        log10 probability, words, log10 back-off (may be missing: 0)
    ...
    \\end\\
"""

import gzip
import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

import numpy as np

from asr.errors import LanguageModelError
from asr.files import write_atomically
from asr.language_model.ngram import (
    ALIASES,
    LOG10_NEVER_SEEN,
    SPECIAL_WORDS,
    Duplicate,
    NgramModel,
    NgramTable,
    build_model,
    parents,
)

log = logging.getLogger(__name__)

# -inf is read as this: just as impossible, but 0 times it is 0.
_LOG10_ZERO = -1000.0

_COUNT = re.compile(r"ngram\s+([0-9]{1,3})\s*=\s*([0-9]{1,12})")


def read_arpa(path: str | Path) -> NgramModel:
    """Read an ARPA file.

    A missing `<unk>` gets a log10 probability of -100 (as in KenLM), a missing back-off weight is 0.

    Raises:
        LanguageModelError: no such file, not UTF-8, not ARPA; the line is named.
    """
    return _Reader(path).read()


class _Reader:
    """Reads one file, line by line, and knows where it is."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.number = 0

    def read(self) -> NgramModel:
        try:
            with open(self.path, "rb") as raw:
                zipped = raw.read(2) == b"\x1f\x8b"
            with (gzip.open if zipped else open)(self.path, "rt", encoding="utf-8-sig", newline="\n") as file:
                return self._parse(file)
        except UnicodeDecodeError as error:
            raise LanguageModelError(
                f"{self.path}: not UTF-8 text after line {self.number} (byte {error.object[error.start]:#x}); expected an ARPA file"
            ) from None
        except (EOFError, gzip.BadGzipFile) as error:
            raise LanguageModelError(
                f"{self.path}: broken gzip file after line {self.number}: {error}"
            ) from None
        except OSError as error:
            raise LanguageModelError(f"{self.path}: cannot read: {error.strerror or error}") from None

    def _parse(self, file: IO[str]) -> NgramModel:
        lines = self._numbered(file)
        declared = self._header(lines)
        words: list[str] = list(SPECIAL_WORDS)
        index = {word: number for number, word in enumerate(words)}
        tables, first_lines = [], []
        for order, count in enumerate(declared, 1):
            table, first_line = self._section(
                lines, order, count, last=order == len(declared), words=words, index=index
            )
            tables.append(table)
            first_lines.append(first_line)
        self._expect(next(lines, None), "\\end\\")
        tables[0] = self._all_words(tables[0], len(words))
        try:
            return build_model(words, tables)
        except Duplicate as error:
            lines_of = [int(first_lines[error.order - 1][row]) for row in error.rows]
            self.number = lines_of[1]
            self._fail(f"this {error.order}-gram already stands on line {lines_of[0]}")

    def _numbered(self, file: IO[str]) -> Iterator[str]:
        """Lines that are not blank, stripped, counted."""
        for self.number, line in enumerate(file, 1):
            line = line.strip()
            if line:
                yield line

    def _header(self, lines: Iterator[str]) -> list[int]:
        """Counts of each order. Text before `\\data\\` is a comment (SRILM)."""
        for line in lines:
            if line == "\\data\\":
                break
        else:
            self._fail("no \\data\\ in the file; expected an ARPA language model")
        declared: list[int] = []
        for line in lines:
            if line.startswith("ngram "):
                found = _COUNT.fullmatch(line)
                if found is None or int(found[1]) != len(declared) + 1:
                    self._fail(f"got {line[:60]!r}; expected 'ngram {len(declared) + 1}=COUNT'")
                declared.append(int(found[2]))
            else:
                self._expect(line, "\\1-grams:")
                break
        if not declared:
            self._fail("no 'ngram 1=COUNT' after \\data\\")
        return declared

    def _section(
        self,
        lines: Iterator[str],
        order: int,
        count: int,
        *,
        last: bool,
        words: list[str],
        index: dict[str, int],
    ) -> tuple[NgramTable, np.ndarray]:
        if order > 1:
            self._expect(next(lines, None), f"\\{order}-grams:")
        grams: list[int] = []
        probs: list[float] = []
        backoffs: list[float] = []
        numbers: list[int] = []
        for _ in range(count):
            line = next(lines, "")
            parts = line.split()
            try:
                prob = float(parts[0])
                backoff = float(parts[order + 1]) if len(parts) == order + 2 else 0.0
            except (ValueError, IndexError):
                self._fail(self._what_is_wrong(line, order, count, len(numbers)))
            if len(parts) not in (order + 1, order + 2):
                self._fail(self._what_is_wrong(line, order, count, len(numbers)))
            if not prob <= 0 or not backoff < math.inf:  # NaN fails too
                self._fail(
                    f"log10 probability {parts[0]}, back-off {backoff}; expected a probability of 0 or below"
                )
            for word in parts[1 : order + 1]:
                number = index.get(word)
                if number is None:
                    number = self._new_word(word, order, words, index)
                grams.append(number)
            probs.append(max(prob, _LOG10_ZERO))
            backoffs.append(0.0 if last else max(backoff, _LOG10_ZERO))
            numbers.append(self.number)
        table = NgramTable(
            np.array(grams, np.int32).reshape(count, order),
            np.array(probs, np.float32),
            np.array(backoffs, np.float32),
        )
        if order == 1:
            self._check_unigrams_once(table.grams[:, 0], words, numbers)
        return table, np.array(numbers)

    def _new_word(self, word: str, order: int, words: list[str], index: dict[str, int]) -> int:
        if word in ALIASES:
            return index[ALIASES[word]]
        if order > 1:
            self._fail(f"word {word!r} is not among the 1-grams")
        index[word] = len(words)
        words.append(word)
        return index[word]

    def _check_unigrams_once(self, ids: np.ndarray, words: list[str], numbers: list[int]) -> None:
        values, first, counts = np.unique(ids, return_index=True, return_counts=True)
        if (counts > 1).any():
            twice = int(values[counts > 1][0])
            self.number = numbers[int(np.flatnonzero(ids == twice)[1])]
            self._fail(f"word {words[twice]!r} already stands on line {numbers[int(first[counts > 1][0])]}")

    def _all_words(self, table: NgramTable, size: int) -> NgramTable:
        """Unigrams in the order of their ids, the special words that the file lacks put in."""
        prob = np.full(size, LOG10_NEVER_SEEN, np.float32)
        backoff = np.zeros(size, np.float32)
        prob[table.grams[:, 0]] = table.log10_prob
        backoff[table.grams[:, 0]] = table.log10_backoff
        missing = sorted({0, 1, 2} - set(table.grams[:, 0].tolist()))
        if missing:
            log.warning(
                "%s: has no %s; its log10 probability is taken to be %g",
                *(self.path, " or ".join(SPECIAL_WORDS[number] for number in missing), LOG10_NEVER_SEEN),
            )
        return NgramTable(np.arange(size, dtype=np.int32)[:, None], prob, backoff)

    def _what_is_wrong(self, line: str, order: int, count: int, read: int) -> str:
        if line.startswith("\\") or not line:
            found = repr(line) if line else "the end of the file"
            return f"got {found} after {read} {order}-grams; \\data\\ promises {count}"
        return f"got {line[:60]!r}; expected a log10 probability, {order} words and perhaps a back-off weight"

    def _expect(self, line: str | None, wanted: str) -> None:
        if line != wanted:
            self._fail(
                f"got {line[:60]!r}; expected {wanted}" if line else f"the file ends; expected {wanted}"
            )

    def _fail(self, message: str) -> NoReturn:
        raise LanguageModelError(f"{self.path}:{self.number}: {message}")


def write_arpa(path: str | Path, model: NgramModel) -> None:
    """Write an ARPA file, atomically; gzip where the name ends in `.gz`.

    Nine digits keep every float32 as it is, so that reading gives the same model.

    Raises:
        AsrError: the file cannot be written.
    """
    with write_atomically(path, mode="wb") as raw:
        if str(path).endswith(".gz"):
            # No name and no time inside, so that equal models are equal files.
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0, compresslevel=6) as file:
                _write(file, model)
        else:
            _write(raw, model)


def _write(file: IO[bytes] | gzip.GzipFile, model: NgramModel) -> None:
    counts = "".join(f"ngram {order}={count}\n" for order, count in enumerate(model.counts, 1))
    file.write(f"\\data\\\n{counts}".encode())
    arrays = model.arrays
    parent = parents(arrays.first_child)
    first = 1
    for order, count in enumerate(model.counts, 1):
        file.write(f"\n\\{order}-grams:\n".encode())
        for begin in range(first, first + count, 200_000):
            nodes = np.arange(begin, min(begin + 200_000, first + count))
            probs = arrays.log10_prob[nodes].tolist()
            texts = _spell(model, nodes, parent, order)
            if order == model.order:
                lines = [f"{prob:.9g}\t{text}\n" for prob, text in zip(probs, texts, strict=True)]
            else:
                backoffs = arrays.log10_backoff[nodes].tolist()
                lines = [
                    f"{prob:.9g}\t{text}\t{backoff:.9g}\n"
                    for prob, text, backoff in zip(probs, texts, backoffs, strict=True)
                ]
            file.write("".join(lines).encode())
        first += count
    file.write(b"\n\\end\\\n")


def _spell(model: NgramModel, nodes: np.ndarray, parent: np.ndarray, order: int) -> list[str]:
    """The words of each node, parted by spaces."""
    columns = []
    for _ in range(order):
        columns.append([model.words[word] for word in model.arrays.word[nodes].tolist()])
        nodes = parent[nodes]
    return [" ".join(words) for words in zip(*columns[::-1], strict=True)]
