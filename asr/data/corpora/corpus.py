"""What a corpus reader is, and the small tools that readers share.

A corpus is one file in this folder with a class that derives from `Corpus` and an instance of it named
`CORPUS`. `asr prepare` finds it by the file's name; nothing else needs to change. A reader turns what the
publisher wrote into `Entry` after `Entry`; everything else (fetching, unpacking, durations, checks,
manifests) is done once for all of them in `preparation`.
"""

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from asr.data.audio import AUDIO_ENDINGS
from asr.data.corpora.downloads import Download
from asr.errors import CorpusError
from asr.plain_values import can_name_a_file, is_unicode

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    """What a corpus says of one utterance; its audio has not been looked at yet.

    Attributes:
        split: the manifest it belongs to.
        id: unique within the split.
        audio: the audio file.
        text: the transcript; None where the corpus has none.
        where: transcript file and line, the beginning of error messages.
        speaker: who speaks; None when unknown.
        start: seconds from the beginning of the file.
        duration: seconds; None for the rest of the file.
        channel: counted from 0; None mixes all channels.
        extras: conditions worth keeping: language, gender (see `with_known_gender`), accent, microphone, ...
        fault: what keeps it from being used, as an error message; "" where nothing does. All faults of a corpus are
            reported together, and `--skip-broken` leaves such entries out.
    """

    split: str
    id: str
    audio: Path
    text: str | None
    where: str
    speaker: str | None = None
    start: float = 0.0
    duration: float | None = None
    channel: int | None = None
    extras: Mapping[str, Any] = {}
    fault: str = ""


_GENDERS = {"f": "F", "female": "F", "female_feminine": "F", "m": "M", "male": "M", "male_masculine": "M"}


def with_known_gender(extras: Mapping[str, Any]) -> Mapping[str, Any]:
    """Conditions whose `gender` is F or M where the corpus says one of them in its own way; other answers stay as they are."""
    gender = extras.get("gender")
    known = _GENDERS.get(gender.lower()) if isinstance(gender, str) else None
    return extras if known is None else {**extras, "gender": known}


class Expected(NamedTuple):
    """What the publisher states of a split; None where nothing is stated."""

    utterances: int | None = None
    hours: float | None = None


@dataclass(frozen=True)
class Corpus:
    """A published corpus, or a shape of folder.

    Attributes:
        name: as in `asr prepare NAME`.
        title: one line for people.
        licence: how it may be used.
        citation: what to cite.
        homepage: where the publisher describes it and, where nothing can be fetched, hands it out.
        downloads: what `--download` fetches, by subset; empty when there is nothing to fetch.
        nested: pattern, below the unpacked folder, of archives that the archive holds.
        expected: what the publisher states of each split; a difference is reported.
        transcripts: kinds of transcript that can be asked for, the first one unless said otherwise.
    """

    name: str
    title: str
    licence: str = ""
    citation: str = ""
    homepage: str = ""
    downloads: Mapping[str, tuple[Download, ...]] = field(default_factory=dict)
    nested: str = ""
    expected: Mapping[str, Expected] = field(default_factory=dict)
    transcripts: tuple[str, ...] = ("published",)

    def expand(self, root: Path, out: Path) -> Path:
        """Write what must be written before `read` can read, below `out`; the folder to read then.

        For corpora whose audio is in no files of its own. Most have nothing to do here.
        """
        return root

    def read(self, root: Path, *, transcript: str) -> Iterator[Entry]:
        """Utterances of every split, in the corpus's order, without holding them in memory.

        Args:
            root: the unpacked folder.
            transcript: one of `self.transcripts`.

        Raises:
            CorpusError: the folder is not laid out as published; the message names the file.
        """
        raise NotImplementedError


def find_root(place: Path, *markers: str) -> Path:
    """The folder at `place`, or at most two levels below it, that holds one of the relative paths `markers`.

    Raises:
        CorpusError: no such folder.
    """
    for candidate in (place, *sorted(place.glob("*/")), *sorted(place.glob("*/*/"))):
        if any((candidate / marker).exists() for marker in markers):
            return candidate
    raise CorpusError(
        f"{place}: no {' or '.join(markers)} in it; expected the corpus as its publisher lays it out"
    )


def read_lines(path: Path) -> Iterator[str]:
    """Lines of a transcript file, one at a time, without their ends.

    Raises:
        CorpusError: missing, or not UTF-8 (the line is named).
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise CorpusError(
                        f"{path}:{number}: not UTF-8 (byte {error.start + 1} of the line); convert it with "
                        "`iconv -f latin1 -t utf-8`"
                    ) from None
    except FileNotFoundError:
        raise CorpusError(
            f"{path}: no such file; the corpus is incomplete: fetch or unpack it again"
        ) from None
    except OSError as error:
        raise CorpusError(f"{path}: cannot read: {error.strerror}") from None
    except ValueError:  # a zero byte in the name
        raise CorpusError(f"{str(path)!r}: no file can be called that; expected a path") from None


def name_of(audio: str, where: str) -> str:
    """A path as a corpus has it, without its ending, `/` between its parts. Raises CorpusError where it names no file."""
    path = Path(audio)
    if not path.name or not can_name_a_file(audio):
        raise CorpusError(f"{where}: audio is {audio!r}; expected the path of a file")
    return path.with_suffix("").as_posix()


def check_text(text: object, where: str) -> None:
    """Raise CorpusError unless a value of JSON can be a transcript: None, or a string that can be written."""
    if text is not None and not (isinstance(text, str) and is_unicode(text)):
        raise CorpusError(f"{where}: text is {text!r}; expected a string of Unicode")


def read_pairs(path: Path, *, separator: str | None = None) -> Iterator[tuple[int, str, str]]:
    """Line number, first column and the rest, of a file whose first column is an id.

    Args:
        path: the file; empty lines are passed over.
        separator: between the two; None for any white space.

    Raises:
        CorpusError: as `read_lines`, or an id twice (both lines are named). An id without more gives
            an empty rest.
    """
    seen: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(separator) if separator else _split_once(line)
        if name in seen:
            raise CorpusError(
                f"{path}:{number}: {name} again, after line {seen[name]}; expected each id once: remove one"
            )
        seen[name] = number
        yield number, name, rest.strip()


def _split_once(line: str) -> tuple[str, str, str]:
    name, *rest = line.split(maxsplit=1)
    return name, " ", rest[0] if rest else ""


def list_audio(folder: Path, suffixes: Collection[str] = AUDIO_ENDINGS) -> Iterator[Path]:
    """Audio files below a folder, sorted folder by folder; hidden ones are passed over."""
    try:
        items = sorted(os.scandir(folder), key=lambda item: item.name)
    except OSError as error:
        raise CorpusError(f"{folder}: cannot list: {error.strerror}; expected a folder of audio") from None
    for item in items:
        if item.name.startswith("."):
            continue
        if item.is_dir():
            yield from list_audio(Path(item.path), suffixes)
        elif os.path.splitext(item.name)[1].lower() in suffixes:
            yield Path(item.path)


def first_existing(*candidates: Path) -> Path:
    """The first of the paths that exists; the first of all when none does (the error then names it)."""
    return next((path for path in candidates if path.exists()), candidates[0])


def faulty(message: str, *, split: str, audio: Path | None = None) -> Entry:
    """An entry that stands for something in the corpus that cannot be used, and why."""
    return Entry(split, "", audio or Path(), None, "", fault=message)


def untranscribed(files: Iterable[Path], *, transcripts: Path | str, split: str) -> Iterator[Entry]:
    """A faulty entry for each audio file that has no transcript."""
    for path in sorted(files):
        yield faulty(
            f"{path}: no transcript of it in {transcripts}; add the transcript, move the audio away, or leave it out "
            "with --skip-broken",
            split=split,
            audio=path,
        )


def report_untranscribed(files: Iterable[Path], *, transcripts: Path | str) -> None:
    """A warning about audio without transcript, where the corpus is published like that."""
    left = sorted(files)
    if left:
        more = f", nor for {len(left) - 1} more files" if len(left) > 1 else ""
        log.warning("%s: no transcript of it in %s%s; left out", left[0], transcripts, more)
