"""Many recordings with their texts, to be aligned: a manifest, or a folder as the Montreal Forced Aligner takes it."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from asr.alignment.aligner import Aligner, Alignment
from asr.data.manifest import read_manifest
from asr.decoding.hypothesis import AlignedWord
from asr.errors import AsrError, TranscriptError
from asr.files import read_text
from asr.transcription.recordings import Failure, Recording, find_recordings
from asr.transcription.transcript import Misfit

TEXT_ENDINGS = (".TextGrid", ".lab", ".txt")
_WORST = 20

# What stands in a TextGrid beside its names (`xmin =`, `intervals [1]:`): strings, and numbers that stand alone.
_VALUE = re.compile(r'"((?:[^"]|"")*)"|(?<![\w.\[-])(-?\d+(?:\.\d+)?(?:[eE]-?\d+)?)(?![\w\]])')


class Stretch(NamedTuple):
    """A stretch of a recording, `start` and `end` in seconds (to the end of it where `end` is None), and what is said in it."""

    start: float
    end: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """A recording and its texts, in order of time."""

    recording: Recording
    stretches: tuple[Stretch, ...]


def find_tasks(source: Path) -> tuple[list[Task], list[Failure]]:
    """What there is to align, and what cannot be.

    A manifest's utterances, each by its text. Of a folder, the recordings that have a text of the same name beside them: `.txt` or
    `.lab`, all that is said; or `.TextGrid`, each interval of each tier what is said in it, tiers being speakers.

    Raises:
        ManifestError, UsageError: a manifest that cannot be read, or nothing in the folder.
    """
    tasks: list[Task] = []
    failures: list[Failure] = []
    if source.suffix == ".jsonl":
        for utterance in read_manifest(source):
            recording = Recording.of(utterance)
            if utterance.text is None:
                failures.append(Failure(recording.source, TranscriptError("no transcript to align")))
                continue
            end = utterance.start + utterance.duration
            tasks.append(Task(recording, (Stretch(utterance.start, end, utterance.text),)))
        return tasks, failures
    recordings, failures = find_recordings([str(source)])
    for recording in recordings:
        paths = [recording.audio.with_suffix(ending) for ending in TEXT_ENDINGS]
        path = next((path for path in paths if path.is_file()), None)
        try:
            if path is None:
                raise TranscriptError(
                    f"no text beside it; expected {recording.audio.stem}{'|'.join(TEXT_ENDINGS)}"
                )
            stretches = read_stretches(path)
            tasks.append(Task(recording, tuple(stretches)))
        except AsrError as error:
            failures.append(Failure(recording.source, error))
    return tasks, failures


def read_stretches(path: Path) -> list[Stretch]:
    """What a text file says of a recording: all of it, or of a TextGrid the intervals that are not empty, in order of time.

    Raises:
        TranscriptError: cannot be read, no text in it, or no TextGrid.
    """
    text = read_text(path, what="the transcript", error=TranscriptError)
    if path.suffix != ".TextGrid":
        return [Stretch(0.0, None, text)]
    stretches = sorted(_intervals(text, path), key=lambda one: (one.start, one.end or 0.0))
    if not stretches:
        raise TranscriptError(f"{path}: no interval with text in it; nothing to align")
    return stretches


def _intervals(text: str, path: Path) -> Iterator[Stretch]:
    """The intervals of a TextGrid, long or short: both hold the same strings and numbers in the same order."""
    values = [
        found[1].replace('""', '"') if found[1] is not None else float(found[2])
        for found in _VALUE.finditer(text)
    ]
    try:
        if values[:2] != ["ooTextFile", "TextGrid"]:
            raise ValueError("no TextGrid")
        at = 5
        for _ in range(int(values[4])):
            kind, _, _, _, size = values[at : at + 5]
            at += 5
            if kind != "IntervalTier":  # points in time
                at += 2 * max(0, int(size))
                continue
            for _ in range(int(size)):
                start, end, said = values[at : at + 3]
                at += 3
                if str(said).strip():
                    yield _stretch(float(start), float(end), str(said), path)
    except (ValueError, TypeError, LookupError, OverflowError):
        raise TranscriptError(
            f"{path}: not a TextGrid that can be read; expected Praat's text format"
        ) from None


def _stretch(start: float, end: float, text: str, path: Path) -> Stretch:
    if not 0 <= start < end < math.inf:
        raise TranscriptError(
            f"{path}: an interval from {start} s to {end} s; expected 0 s or more, and start before end"
        )
    return Stretch(start, end, text)


def align_task(aligner: Aligner, task: Task) -> Alignment:
    """Align each stretch by itself; times count from the beginning of the recording. Raises as `Aligner.align_file`."""
    words: list[AlignedWord] = []
    misfits: list[Misfit] = []
    guessed: dict[str, str] = {}
    duration = 0.0
    for stretch in task.stretches:
        length = None if stretch.end is None else stretch.end - stretch.start
        found = aligner.align_file(
            task.recording.audio,
            stretch.text,
            start=stretch.start,
            duration=length,
            channel=task.recording.channel,
        )
        # A manifest's utterance is a recording of its own, wherever in the file it begins.
        offset = stretch.start - task.recording.start
        words += [word.moved(offset) for word in found.words]
        misfits += [
            replace(one, start=round(one.start + offset, 3), end=round(one.end + offset, 3))
            for one in found.misfits
        ]
        guessed |= found.guessed
        duration = max(duration, offset + found.duration)
    words.sort(key=lambda word: word.start)
    return Alignment(tuple(words), tuple(misfits), max(duration, _length(task.recording)), guessed)


def _length(recording: Recording) -> float:
    return recording.duration or 0.0


class Line(NamedTuple):
    """What the report says of a recording: its name, its words and their mean confidence, how many misfits, and an output file."""

    name: str
    words: int
    quality: float
    misfits: int
    output: str


def report(lines: Sequence[Line], failures: Sequence[str]) -> str:
    """How it went, in Markdown: how many, how well, the worst with a link, and what failed."""
    words = sum(line.words for line in lines)
    quality = sum(line.quality * line.words for line in lines) / words if words else 0.0
    rows = [
        "# Alignment",
        "",
        f"{len(lines)} recordings aligned, {len(failures)} failed; {words} words, {quality:.3f} of them probably within 100 ms; "
        f"{sum(line.misfits > 0 for line in lines)} recordings with stretches that do not fit.",
        "",
        "| worst first | words | quality | misfits |",
        "|---|---|---|---|",
    ]
    for line in sorted(lines, key=lambda one: (one.quality, one.name))[:_WORST]:
        link = f"[{line.name}](<{line.output}>)"
        rows.append(f"| {link} | {line.words} | {line.quality:.3f} | {line.misfits} |")
    if failures:
        rows += ["", "Failed:", "", *(f"- {failure}" for failure in failures)]
    return "\n".join(rows) + "\n"
