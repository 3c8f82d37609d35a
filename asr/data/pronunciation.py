"""Words -> phones: pronunciation dictionaries in the format of CMUdict.

A line is a word and its phones, `HELLO  HH AH L OW`. A second pronunciation is `HELLO(2)`; stress digits
(`OW1`) are taken off; lines that begin with `;;;` are comments, as is what follows a ` #`. Probabilities between a word and its
phones, as the Montreal Forced Aligner's dictionaries have them (`HELLO 0.99 0.2 1.0 1.0 HH AH L OW`), are passed over.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from asr.data.manifest import Utterance, iterate_manifest, write_manifest
from asr.errors import TranscriptError
from asr.files import write_atomically

Pronunciations = Mapping[str, Sequence[str]]

_VARIANT = re.compile(r"\(\d+\)$")
_PROBABILITY = re.compile(r"\d*\.\d+$")
_STRESS = re.compile(r"(?<=\D)[0-2]$")


def read_pronunciations(path: str | Path) -> dict[str, tuple[str, ...]]:
    """The first pronunciation of each word, without stress. Raises as `read_all_pronunciations`."""
    return {word: ways[0] for word, ways in read_all_pronunciations(path).items()}


def read_all_pronunciations(path: str | Path) -> dict[str, list[tuple[str, ...]]]:
    """All pronunciations of each word, in the file's order, without stress.

    Raises:
        TranscriptError: cannot be read, no words in it, or a word without phones; the line is named.
    """
    found: dict[str, list[tuple[str, ...]]] = {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TranscriptError(f"{path}: cannot read the pronunciations: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TranscriptError(f"{path}: not UTF-8 text (byte {error.start})") from None
    for number, line in enumerate(lines, 1):
        fields = line.split(" #", 1)[0].split()
        if not fields or line.startswith(";;;"):
            continue
        word, *phones = fields
        while phones and _PROBABILITY.match(phones[0]):
            del phones[0]
        if not phones:
            raise TranscriptError(f"{path}:{number}: {line!r}; expected a word and its phones")
        way = tuple([_without_stress(phone) for phone in phones])
        found.setdefault(_VARIANT.sub("", word), []).append(way)
    if not found:
        raise TranscriptError(f"{path}: no pronunciations in it; expected lines such as 'HELLO  HH AH L OW'")
    return found


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
