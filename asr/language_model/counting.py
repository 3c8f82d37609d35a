"""Text -> counts of its n-grams, in memory that grows with the distinct n-grams and not with the text.

Words become ids in a temporary file while the vocabulary is collected; n-grams are packed into integers,
sorted in blocks, and the blocks merged. The last word is packed highest, so that cutting the first word
off leaves a sorted list: counts of all lower orders follow from the highest without sorting again.
"""

import gzip
import logging
import lzma
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from asr.errors import LanguageModelError
from asr.language_model.ngram import ALIASES, END, SPECIAL_WORDS, START, UNKNOWN

log = logging.getLogger(__name__)

BLOCK = 4_000_000  # n-grams sorted at a time


class OrderCounts(NamedTuple):
    """The n-grams of one order k.

    Attributes:
        grams: `(n, k)` int32 word ids, sorted by their last word, then the one before it, and so on.
        raw: `(n,)` int64, times seen.
        adjusted: `(n,)` int64, what Kneser-Ney smoothing counts: in the highest order, and where `<s>`
            comes first, times seen; elsewhere, distinct words seen before the n-gram.
    """

    grams: np.ndarray
    raw: np.ndarray
    adjusted: np.ndarray


class Counts(NamedTuple):
    """Everything counted in a text.

    Attributes:
        words: the spelling of each id; the special words first.
        orders: n-grams of order 1, 2, ...
        sentences, tokens: read; tokens exclude sentence ends.
    """

    words: list[str]
    orders: list[OrderCounts]
    sentences: int
    tokens: int


def count_ngrams(
    sentences: Iterable[Sequence[str]],
    *,
    order: int,
    vocabulary: Iterable[str] | None = None,
    vocabulary_size: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Counts:
    """Count n-grams up to `order`.

    Args:
        sentences: each a sequence of words; empty ones are skipped.
        order: length of the longest n-gram, >= 1.
        vocabulary: words to keep, seen or not; others become `<unk>`. None keeps every word.
        vocabulary_size: so many words are kept, the most frequent, of equally frequent ones the first; None keeps
            every word.
        progress: called with the number of words read, now and then.

    Raises:
        LanguageModelError: no words at all, `<s>` or `</s>` in the text, or a size below 1.
    """
    if order < 1:
        raise ValueError(f"order {order}; expected >= 1")
    if vocabulary_size is not None and vocabulary_size < 1:
        raise LanguageModelError(f"a vocabulary of {vocabulary_size} words; expected 1 or more")
    index = {word: number for number, word in enumerate(SPECIAL_WORDS)}
    if vocabulary is not None:
        for word in vocabulary:
            index.setdefault(word, len(index))
    with tempfile.TemporaryFile() as file:
        sentence_count, tokens = _encode(
            sentences, index, file, order=order, closed=vocabulary is not None, progress=progress
        )
        if tokens == 0:
            raise LanguageModelError("the text holds no words; nothing to estimate a language model from")
        log.info("read %d words in %d sentences, %d distinct", tokens, sentence_count, len(index) - 3)
        size = os.fstat(file.fileno()).st_size // 4
        stream = np.memmap(file, dtype=np.int32, mode="r", shape=(size,))
        words, new_id = list(index), np.arange(len(index))
        if vocabulary_size is not None:
            kept = _most_frequent(stream, len(words), vocabulary_size)
            new_id[:] = UNKNOWN
            new_id[kept] = np.arange(len(kept))
            words = [words[old] for old in kept.tolist()]
        packing = _Packing(order, max(1, (len(words) - 1).bit_length()))
        log.info("counting %d-grams, %d million words at a time", order, BLOCK // 1_000_000)
        runs: list[_Run] = []
        for begin in range(0, size, BLOCK):
            run = _count_block(stream, begin, min(size, begin + BLOCK), packing, new_id)
            runs.append(run)
            while len(runs) > 1 and len(runs[-2].counts) < 2 * len(runs[-1].counts):
                runs[-2:] = [_merge(runs[-2], runs[-1])]
        while len(runs) > 1:
            runs[-2:] = [_merge(runs[-2], runs[-1])]
        del stream
    grams, raw = packing.unpack(runs[0].columns), runs[0].counts
    log.info("%d distinct %d-grams", len(grams), order)
    return Counts(words, _lower_orders(grams, raw), sentence_count, tokens)


def read_sentences(path: str | Path, *, characters: bool = False) -> Iterator[list[str]]:
    """Sentences of a text file, one a line, as words or as characters with `|` between words.

    Plain, gzip and xz by their first bytes. A manifest (`.jsonl`) gives its transcripts.

    Raises:
        LanguageModelError: no such file, not UTF-8, or a line holding a word such as `<s>`.
    """
    if str(path).endswith(".jsonl"):
        from asr.data.manifest import iterate_manifest

        lines: Iterable[tuple[int, str]] = (
            (number, utterance.text or "") for number, utterance in iterate_manifest(path)
        )
    else:
        lines = enumerate(text_lines(path), 1)
    for number, line in lines:
        words = line.split()
        if "<" in line:
            words = [ALIASES.get(word, word) for word in words]
            if "<s>" in words or "</s>" in words:
                raise LanguageModelError(
                    f"{path}:{number}: holds <s> or </s>; sentence ends are put in here, remove them"
                )
        yield list("|".join(words)) if characters else words


def text_lines(path: str | Path) -> Iterator[str]:
    """Lines of a text file; plain, gzip and xz by their first bytes. Raises LanguageModelError for what cannot be read.

    A byte order mark is left out.
    """
    try:
        with open(path, "rb") as raw:
            head = raw.read(6)
        opener = gzip.open if head[:2] == b"\x1f\x8b" else lzma.open if head == b"\xfd7zXZ\x00" else open
        with opener(path, "rt", encoding="utf-8-sig") as file:
            yield from file
    except UnicodeDecodeError as error:
        raise LanguageModelError(f"{path}: not UTF-8 text (byte {error.start}); convert it") from None
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise LanguageModelError(f"{path}: broken compressed file: {error}") from None
    except OSError as error:
        raise LanguageModelError(f"{path}: cannot read: {error.strerror or error}") from None


def _encode(
    sentences: Iterable[Sequence[str]],
    index: dict[str, int],
    file: IO[bytes],
    *,
    order: int,
    closed: bool,
    progress: Callable[[int], None] | None,
) -> tuple[int, int]:
    """Write each sentence as order - 1 times `<s>`, its words, `</s>`; return (sentences, words)."""
    start = [START] * (order - 1)
    buffer: list[int] = []
    sentence_count = tokens = 0
    for sentence in sentences:
        if not sentence:
            continue
        buffer += start
        if closed:
            buffer += [index.get(word, UNKNOWN) for word in sentence]
        else:
            for word in sentence:
                number = index.get(word)
                if number is None:
                    number = index[word] = len(index)
                buffer.append(number)
        buffer.append(END)
        sentence_count += 1
        tokens += len(sentence)
        if len(buffer) > 500_000:
            file.write(np.array(buffer, np.int32).tobytes())
            buffer.clear()
            if progress is not None:
                progress(tokens)
    file.write(np.array(buffer, np.int32).tobytes())
    file.flush()
    if progress is not None:
        progress(tokens)
    return sentence_count, tokens


class _Run(NamedTuple):
    """Distinct n-grams in order, packed, with their counts."""

    columns: list[np.ndarray]
    counts: np.ndarray


class _Packing:
    """n-grams <-> integers: as many words as fit into 63 bits a column, the last word highest."""

    def __init__(self, order: int, bits: int) -> None:
        self.order = order
        self.bits = bits
        self.words_per_column = max(1, 63 // bits)

    def pack(self, stream: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
        """Columns, the most significant first, of the n-grams that end at `ends`."""
        columns = []
        for first in range(0, self.order, self.words_per_column):
            column = np.zeros(len(ends), np.int64)
            for back in range(first, min(self.order, first + self.words_per_column)):
                column = (column << self.bits) | stream[ends - back]
            columns.append(column)
        return columns

    def unpack(self, columns: list[np.ndarray]) -> np.ndarray:
        """`(n, order)` int32 word ids."""
        grams = np.empty((len(columns[0]), self.order), np.int32)
        for number, column in enumerate(columns):
            first = number * self.words_per_column
            last = min(self.order, first + self.words_per_column)
            for back in range(first, last):
                shift = (last - 1 - back) * self.bits
                grams[:, self.order - 1 - back] = (column >> shift) & ((1 << self.bits) - 1)
        return grams


def _most_frequent(stream: np.ndarray, words: int, size: int) -> np.ndarray:
    """The ids of the special words, then of the `size` most frequent ones."""
    seen = np.zeros(words, np.int64)
    for begin in range(0, len(stream), BLOCK):
        seen += np.bincount(stream[begin : begin + BLOCK], minlength=words)
    special = len(SPECIAL_WORDS)
    chosen = special + np.argsort(-seen[special:], kind="stable")[:size]
    log.info(
        "%d words kept, which are %.2f %% of the text",
        len(chosen),
        100 * seen[chosen].sum() / seen[special:].sum(),
    )
    return np.append(np.arange(special), chosen)


def _count_block(stream: np.ndarray, begin: int, end: int, packing: _Packing, new_id: np.ndarray) -> _Run:
    """Count the n-grams that end in `stream[begin:end]`, their words numbered anew."""
    origin = max(0, begin - packing.order + 1)
    piece = new_id[stream[origin:end]]
    # Every position that is no <s> ends exactly one n-gram; the padding keeps it within its sentence.
    ends = np.flatnonzero(piece != START)
    ends = ends[ends >= begin - origin]
    columns = packing.pack(piece, ends)
    if len(columns) == 1:
        columns[0].sort()
    else:
        order = np.lexsort(columns[::-1])
        columns = [column[order] for column in columns]
    return _reduce(columns, np.ones(len(ends), np.int64))


def _merge(left: _Run, right: _Run) -> _Run:
    columns = [np.concatenate(pair) for pair in zip(left.columns, right.columns, strict=True)]
    order = np.argsort(columns[0], kind="stable") if len(columns) == 1 else np.lexsort(columns[::-1])
    counts = np.concatenate([left.counts, right.counts])[order]
    return _reduce([column[order] for column in columns], counts)


def _reduce(columns: list[np.ndarray], counts: np.ndarray) -> _Run:
    """Equal neighbours become one, their counts added."""
    if len(counts) == 0:
        return _Run(columns, counts)
    fresh = np.zeros(len(counts), bool)
    fresh[0] = True
    for column in columns:
        fresh[1:] |= column[1:] != column[:-1]
    starts = np.flatnonzero(fresh)
    return _Run([column[starts] for column in columns], np.add.reduceat(counts, starts))


def _lower_orders(grams: np.ndarray, raw: np.ndarray) -> list[OrderCounts]:
    """Counts of every order from those of the highest, `<s>` padding included in `grams`."""
    orders = []
    adjusted = raw
    while True:
        # n-grams that begin with two <s> are padding, no part of the model.
        real = ~((grams[:, 0] == START) & (grams[:, min(1, grams.shape[1] - 1)] == START))
        orders.append(OrderCounts(grams[real], raw[real], adjusted[real]))
        if grams.shape[1] == 1:
            return orders[::-1]
        shorter = grams[:, 1:]
        fresh = np.ones(len(grams), bool)
        fresh[1:] = (shorter[1:] != shorter[:-1]).any(axis=1)
        starts = np.flatnonzero(fresh)
        distinct = np.diff(np.append(starts, len(grams)))
        raw = np.add.reduceat(raw, starts)
        grams = shorter[starts]
        adjusted = np.where(grams[:, 0] == START, raw, distinct)
