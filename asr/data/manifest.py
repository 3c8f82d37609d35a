"""Utterances, and the JSON-lines manifests that list them.

One line an utterance:

    {"id": "an4-fash-251", "audio": "wav/an251-fash-b.sph", "duration": 1.01, "text": "YES", "speaker": "fash"}

`start` (seconds, default 0) and `duration` (seconds) cut the utterance out of a longer file, `channel`
(from 0) takes one channel of it. `audio` is taken relative to the folder of the manifest. Any further key
is kept in `extras`.
"""

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asr.errors import ManifestError
from asr.files import write_atomically
from asr.plain_values import can_name_a_file, is_unicode, parse_json

# Seconds: what is shorter would be written as 0, and the longest is more than 31 years.
SHORTEST, LONGEST = 1e-6, 1e9

_OWN_KEYS = ("id", "audio", "start", "duration", "channel", "text", "speaker")


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch of speech and what is known of it.

    Attributes:
        id: unique within a manifest.
        audio: the audio file.
        duration: seconds, from `SHORTEST` to `LONGEST` where it is read from a manifest.
        start: seconds from the beginning of the file.
        text: the transcript; None where nobody wrote one, "" where nobody speaks.
        speaker: who speaks; None when unknown.
        channel: channel of the file, counted from 0; None mixes all of them.
        extras: every further field of the manifest line.
    """

    id: str
    audio: Path
    duration: float
    start: float = 0.0
    text: str | None = None
    speaker: str | None = None
    channel: int | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


def read_manifest(path: str | Path) -> list[Utterance]:
    """Read a whole manifest.

    Raises:
        ManifestError: no such file, not UTF-8, a line that is no JSON object or breaks a rule (the line
            number is named), an id twice, or no utterance at all.
    """
    utterances: list[Utterance] = []
    seen: dict[str, int] = {}
    for number, utterance in iterate_manifest(path):
        if utterance.id in seen:
            raise ManifestError(
                f"{path}:{number} (utt {utterance.id}): id already used on line {seen[utterance.id]}; "
                "ids must be unique"
            )
        seen[utterance.id] = number
        utterances.append(utterance)
    if not utterances:
        raise ManifestError(f"{path}: empty manifest; expected one JSON object a line")
    return utterances


def iterate_manifest(path: str | Path) -> Iterator[tuple[int, Utterance]]:
    """Yield (line number, utterance) without holding the manifest in memory. Raises as `read_manifest`."""
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, parse_line(line, where=f"{path}:{number}", folder=path.parent)
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such manifest; `asr prepare` makes one") from None
    except IsADirectoryError:
        raise ManifestError(f"{path}: is a folder; expected a manifest (.jsonl) in it") from None
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path}: not UTF-8 text (byte {error.start}); expected a JSON-lines manifest"
        ) from None
    except OSError as error:
        raise ManifestError(f"{path}: cannot read: {error.strerror}") from error


def unique_utterances(path: str | Path) -> Iterator[Utterance]:
    """The utterances of a manifest, one after the other; 8 bytes of each are kept to find ids that come twice.

    Raises:
        ManifestError: as `read_manifest`; an id twice is found at the end.
    """
    hashes: array[int] = array("q")
    for _, utterance in iterate_manifest(path):
        hashes.append(hash(utterance.id))
        yield utterance
    if not hashes or any_twice(hashes):
        read_manifest(path)  # names what is wrong


def any_twice(hashes: "array[int]") -> bool:
    """Whether a number is twice in an `array("q")`.

    Hashes of ids take 8 bytes an utterance, where a million ids as strings take 100 MB; two different ids
    of a million share a 64-bit hash once in 10^7 manifests, so that who finds one looks at the ids.
    """
    ordered = np.sort(np.frombuffer(hashes, dtype=np.int64))
    return bool((ordered[1:] == ordered[:-1]).any())


def count_lines(path: str | Path) -> int:
    """Lines of a file, for a progress bar; 0 when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError:
        return 0


def parse_line(line: str, *, where: str, folder: Path) -> Utterance:
    """Turn one manifest line into an utterance.

    Args:
        line: a JSON object.
        where: file and line number, the beginning of every error message.
        folder: what relative audio paths are relative to.

    Raises:
        ManifestError: not a JSON object, a field is missing or has a wrong type or value.
    """
    try:
        record = parse_json(line)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{where}: not JSON ({error.msg} at column {error.colno})") from None
    if not isinstance(record, dict):
        raise ManifestError(f"{where}: got a JSON {type(record).__name__}; expected an object")

    def fetch(key: str, kinds: tuple[type, ...], wanted: str) -> Any:
        value = record.get(key)
        if value is None or (isinstance(value, kinds) and not isinstance(value, bool)):
            return value
        raise ManifestError(f"{where}: {key} is {value!r}; expected {wanted}")

    utterance_id = fetch("id", (str,), "a string")
    if not utterance_id:
        raise ManifestError(f"{where}: id is missing; expected a unique, non-empty string")
    where = f"{where} (utt {utterance_id})"
    audio = fetch("audio", (str,), "a path")
    if not audio:
        raise ManifestError(f"{where}: audio is missing; expected the path of a file")
    duration = fetch("duration", (int, float), "seconds")
    if duration is None:
        raise ManifestError(f"{where}: duration is missing; expected seconds")
    if not SHORTEST <= duration <= LONGEST:
        raise ManifestError(f"{where}: duration {duration} s; expected > 0, from {SHORTEST:g} to {LONGEST:g}")
    start = fetch("start", (int, float), "seconds") or 0.0
    if not 0 <= start <= LONGEST:
        raise ManifestError(f"{where}: start {start} s; expected >= 0, and at most {LONGEST:g}")
    channel = fetch("channel", (int,), "a number from 0")
    if channel is not None and channel < 0:
        raise ManifestError(f"{where}: channel {channel}; expected a number from 0")
    text = fetch("text", (str,), "a string")
    if "\\u" in line:  # without an escape, all that was read as UTF-8 can be written as UTF-8
        _check_escapes(audio, text, where)
    return Utterance(
        id=utterance_id,
        audio=folder / audio,
        duration=float(duration),
        start=float(start),
        text=text,
        speaker=fetch("speaker", (str,), "a string"),
        channel=channel,
        extras={key: value for key, value in record.items() if key not in _OWN_KEYS},
    )


def _check_escapes(audio: str, text: str | None, where: str) -> None:
    """Raise ManifestError for a path that no file can have, and for a text that cannot be written."""
    if not can_name_a_file(audio):
        raise ManifestError(f"{where}: audio is {audio!r}, which no file can be called; expected a path")
    if text is not None and not is_unicode(text):
        raise ManifestError(f"{where}: text is {text!r}, with half a character in it; expected Unicode")


def write_manifest(path: str | Path, utterances: Iterable[Utterance]) -> int:
    """Write utterances to `path`, atomically; return how many.

    Audio below the manifest's folder is written relative to it, so that the folder can be moved; audio
    elsewhere is written as an absolute path.

    Raises:
        AsrError: the file cannot be written.
    """
    folder = os.path.abspath(Path(path).parent)
    count = 0
    with write_atomically(path) as file:
        for utterance in utterances:
            file.write(format_line(utterance, folder=folder) + "\n")
            count += 1
    return count


def format_line(utterance: Utterance, *, folder: str) -> str:
    """The manifest line of an utterance, for a manifest in the absolute `folder`."""
    audio = os.path.abspath(utterance.audio)
    if audio.startswith(folder + os.sep):
        audio = os.path.relpath(audio, folder).replace(os.sep, "/")  # readable on every system
    record: dict[str, Any] = {"id": utterance.id, "audio": audio}
    if utterance.start:
        record["start"] = round(utterance.start, 6)
    record["duration"] = round(utterance.duration, 6)
    if utterance.channel is not None:
        record["channel"] = utterance.channel
    if utterance.text is not None:
        record["text"] = utterance.text
    if utterance.speaker is not None:
        record["speaker"] = utterance.speaker
    return json.dumps({**record, **utterance.extras}, ensure_ascii=False)
