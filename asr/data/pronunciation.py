"""Words -> phones: pronunciation dictionaries in the format of CMUdict.

A line is a word and its phones, `HELLO  HH AH L OW`. A second pronunciation is `HELLO(2)`; stress digits
(`OW1`) are taken off; lines that begin with `;;;` are comments, as is what follows a ` #`. Probabilities may stand between a word
and its phones, as in the Montreal Forced Aligner's dictionaries (`HELLO 0.99 0.2 1.0 1.0 HH AH L OW`): the first is that of the
pronunciation; those of silence before and after it are passed over.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from asr.data.manifest import Utterance, iterate_manifest, write_manifest
from asr.errors import TranscriptError
from asr.files import read_text, write_atomically

Pronunciations = Mapping[str, Sequence[str]]

_VARIANT = re.compile(r"\(\d+\)$")
_PROBABILITY = re.compile(r"\d*\.\d+$")
_STRESS = re.compile(r"(?<=\D)[0-2]$")


class Pronunciation(NamedTuple):
    """A way to say a word: its phones, and the natural log of how probable it is beside the word's likeliest way."""

    phones: tuple[str, ...]
    log_share: float = 0.0


def read_pronunciations(path: str | Path) -> dict[str, tuple[str, ...]]:
    """The first pronunciation of each word, without stress. Raises as `read_all_pronunciations`."""
    return {word: ways[0] for word, ways in read_all_pronunciations(path).items()}


def read_all_pronunciations(path: str | Path) -> dict[str, list[tuple[str, ...]]]:
    """All pronunciations of each word, in the file's order, without stress. Raises as `read_weighted_pronunciations`."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for word, phones, _ in _entries(path):
        found.setdefault(word, []).append(phones)
    return found


def read_weighted_pronunciations(path: str | Path) -> dict[str, list[Pronunciation]]:
    """The same with their probabilities; where the file has none, a word's ways are equally probable.

    Raises:
        TranscriptError: cannot be read, no words in it, a word without phones, or a probability of 0 or above 1; the line is named.
    """
    found: dict[str, list[Pronunciation]] = {}
    for word, phones, probability in _entries(path):
        found.setdefault(word, []).append(Pronunciation(phones, math.log(probability)))
    # As the likeliest way costs nothing, a word of many ways is no less probable than one of few.
    return {word: _beside_likeliest(ways) for word, ways in found.items()}


def _beside_likeliest(ways: Sequence[Pronunciation]) -> list[Pronunciation]:
    best = max(way.log_share for way in ways)
    return [Pronunciation(way.phones, way.log_share - best) for way in ways]


def _entries(path: str | Path) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Word, phones and probability of each line, 1 where it has none."""
    lines = read_text(path, what="the pronunciations", error=TranscriptError).split("\n")
    empty = True
    for number, line in enumerate(lines, 1):
        fields = line.split(" #", 1)[0].split()
        if not fields or line.startswith(";;;"):
            continue
        word, *phones = fields
        probability = 1.0
        if phones and _PROBABILITY.match(phones[0]):
            probability = float(phones[0])
            if not 0 < probability <= 1:
                raise TranscriptError(
                    f"{path}:{number}: probability {phones[0]}; expected above 0, and at most 1"
                )
        while phones and _PROBABILITY.match(phones[0]):
            del phones[0]
        if not phones:
            raise TranscriptError(f"{path}:{number}: {line!r}; expected a word and its phones")
        empty = False
        yield _VARIANT.sub("", word), tuple([_without_stress(phone) for phone in phones]), probability
    if empty:
        raise TranscriptError(f"{path}: no pronunciations in it; expected lines such as 'HELLO  HH AH L OW'")


@cache
def _without_stress(phone: str) -> str:
    return _STRESS.sub("", phone)


def write_pronunciations(path: str | Path, pronunciations: Pronunciations) -> None:
    """Write a dictionary, sorted by word."""
    with write_atomically(path) as file:
        for word, phones in sorted(pronunciations.items()):
            file.write(f"{word}  {' '.join(phones)}\n")


def pronounce(text: str, pronunciations: Pronunciations) -> list[str]:
    """The phones of a transcript, word after word.

    Raises:
        TranscriptError: words outside the dictionary; they are named.
    """
    words = text.split()
    missing = sorted({word for word in words if word not in pronunciations})
    if missing:
        raise TranscriptError(f"no pronunciation of {', '.join(missing)}; add them to the dictionary")
    return [phone for word in words for phone in pronunciations[word]]


def phone_set(pronunciations: Pronunciations, words: Iterable[str] | None = None) -> list[str]:
    """The phones in use, sorted; those of `words` alone where they are given."""
    chosen = pronunciations if words is None else {word for word in words if word in pronunciations}
    return sorted({phone for word in chosen for phone in pronunciations[word]})


def pronounce_manifest(source: Path, target: Path, pronunciations: Pronunciations) -> int:
    """Write the utterances of a manifest with their phones, spaces between them, as transcripts; return how many.

    Raises:
        TranscriptError: words outside the dictionary, or no transcript; the utterance is named.
    """

    def spoken() -> Iterator[Utterance]:
        for number, utterance in iterate_manifest(source):
            if utterance.text is None:
                raise TranscriptError(f"{source}:{number} (utt {utterance.id}): no transcript to pronounce")
            try:
                yield replace(utterance, text=" ".join(pronounce(utterance.text, pronunciations)))
            except TranscriptError as error:
                raise TranscriptError(f"{source}:{number} (utt {utterance.id}): {error}") from None

    return write_manifest(target, spoken())
