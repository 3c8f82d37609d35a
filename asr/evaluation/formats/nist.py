"""NIST's formats, as `sclite` documents them: TRN, and STM references with CTM hypotheses."""

import bisect
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.errors import EvaluationError
from asr.evaluation.formats.lines import Line, read_lines
from asr.evaluation.nist_reference import NistReference, parse_reference
from asr.evaluation.transcript import Side, Transcript
from asr.plain_values import parse_number

_TRN = re.compile(r"^(.*)\(([^()\s]+)\)\s*$", re.DOTALL)
_IGNORED = "IGNORE_TIME_SEGMENT_IN_SCORING"
_MARKUP = re.compile(r"[{}]|(?<!\S)(?:@|\(\S+\))(?!\S)")
_ESCAPED = re.compile(r"[%()\s]")


class Segment(NamedTuple):
    """A reference segment of an STM file; times in seconds."""

    recording: tuple[str, str]  # file, channel
    start: float
    end: float
    transcript: Transcript
    ignored: bool


class TimedWord(NamedTuple):
    """A word of a CTM file; times in seconds."""

    recording: tuple[str, str]
    start: float
    duration: float
    text: str
    confidence: float | None


def read_trn(path: Path, *, side: Side = "reference") -> list[Transcript]:
    """TRN: words, then the id in parentheses. The speaker is the id up to its first `-` or `_`, as NIST has it.

    References may have `{ one / two / @ }` alternatives and `(optional)` words, hypotheses may not.

    Raises:
        EvaluationError: a line without an id, braces that do not match, or alternatives in a hypothesis.
    """
    transcripts = []
    for line in read_lines(path):
        if line.text.startswith(";;"):
            continue
        found = _TRN.match(line.text)
        if not found:
            raise EvaluationError(f"{line.where}: no (id) at the end; expected `words (speaker-number)`")
        utterance_id = unescape_id(found[2])
        speaker = re.split(r"[-_]", utterance_id, maxsplit=1)[0] if re.search(r"[-_]", utterance_id) else None
        text, readings = _text(found[1], line, side)
        transcripts.append(Transcript(utterance_id, text, line.where, speaker=speaker, readings=readings))
    return transcripts


def format_trn(utterance_id: str, text: str) -> str:
    """A TRN line; `%`, parentheses and white space in the id are written as %XX."""
    escaped = _ESCAPED.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), utterance_id)
    return f"{text} ({escaped})"


def unescape_id(written: str) -> str:
    """The id that `format_trn` wrote."""
    if "%" not in written:
        return written
    raw = re.sub(rb"%([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), written.encode())
    return raw.decode("utf-8", errors="replace")


def read_stm(path: Path, *, side: Side = "reference") -> list[Segment]:
    """STM: `file channel speaker start end [<labels>] words`, a segment a line, times in seconds.

    Alternatives and optional words as of `read_trn`.

    Raises:
        EvaluationError: too few columns, times that are none, braces that do not match, or alternatives in a
            hypothesis.
    """
    segments = []
    for line in read_lines(path):
        if line.text.lstrip().startswith(";;"):
            continue
        parts = line.text.split(maxsplit=5)
        if len(parts) < 5:
            raise EvaluationError(
                f"{line.where}: {len(parts)} columns; expected file channel speaker start end words"
            )
        start, end = _number(parts[3], line, "time"), _number(parts[4], line, "time")
        if not start < end:
            raise EvaluationError(f"{line.where}: from {start} s to {end} s; expected start before end")
        words = parts[5] if len(parts) > 5 else ""
        labels = re.match(r"<([^<>\s]*)>(?:\s+|$)", words)
        if labels:
            words = words[labels.end() :]
        recording = (parts[0], parts[1])
        name = "-".join(dict.fromkeys((parts[0], parts[1])))
        fields = {"labels": labels[1]} if labels else {}
        ignored = words.strip().upper() == _IGNORED
        text, readings = ("", None) if ignored else _text(words, line, side)
        transcript = Transcript(
            f"{name}-{start:08.2f}-{end:08.2f}",
            text,
            line.where,
            speaker=parts[2],
            duration=end - start,
            start=start,
            fields=fields,
            readings=readings,
        )
        segments.append(Segment(recording, start, end, transcript, ignored))
    return segments


def read_ctm(path: Path) -> list[TimedWord]:
    """CTM: `file channel start duration word [confidence]`, a word a line, times in seconds."""
    words = []
    for line in read_lines(path):
        if line.text.lstrip().startswith(";;"):
            continue
        parts = line.text.split()
        if len(parts) not in (5, 6, 7, 8):
            raise EvaluationError(
                f"{line.where}: {len(parts)} columns; expected file channel start duration word [confidence]"
            )
        confidence = None
        if len(parts) > 5 and parts[5] != "NA":
            confidence = _number(parts[5], line, "confidence", low=0, high=1)
        text, _ = _text(parts[4], line, "hypothesis")
        if text == "@":  # NIST's word for no word
            continue
        start, duration = _number(parts[2], line, "time"), _number(parts[3], line, "duration", low=0)
        words.append(TimedWord((parts[0], parts[1]), start, duration, text, confidence))
    return words


def cut_by_segments(
    segments: Sequence[Segment], words: Iterable[TimedWord]
) -> tuple[list[Transcript], list[Transcript]]:
    """References and hypotheses: each word goes to the segment that holds its midpoint.

    A word outside every segment goes to the nearest one of its recording, where it counts as inserted;
    words of ignored segments go with them.

    Raises:
        EvaluationError: words of a file and channel that has no segment.
    """
    by_recording: dict[tuple[str, str], list[Segment]] = defaultdict(list)
    for segment in segments:
        by_recording[segment.recording].append(segment)
    for found in by_recording.values():
        found.sort(key=lambda segment: (segment.start, segment.end))
    starts = {recording: [segment.start for segment in found] for recording, found in by_recording.items()}
    taken: dict[str, list[TimedWord]] = defaultdict(list)
    for word in sorted(words, key=lambda word: (word.recording, word.start)):
        if word.recording not in by_recording:
            raise EvaluationError(
                f"file {word.recording[0]} channel {word.recording[1]}: word {word.text!r} at {word.start} s, "
                "but no segment in the references; expected the same files and channels on both sides"
            )
        middle = word.start + word.duration / 2
        candidates = by_recording[word.recording]
        after = bisect.bisect_right(starts[word.recording], middle)
        # Segments may overlap: look back past the last one that starts before.
        near = candidates[max(0, after - 8) : after + 1]
        best = min(near, key=lambda segment: max(segment.start - middle, middle - segment.end, 0.0))
        taken[best.transcript.id].append(word)
    references = [segment.transcript for segment in segments if not segment.ignored]
    hypotheses = []
    for reference in references:
        found_words = taken[reference.id]
        known = [word.confidence for word in found_words if word.confidence is not None]
        hypotheses.append(
            Transcript(
                reference.id,
                " ".join(word.text for word in found_words),
                reference.where,
                confidences=tuple(known) if known and len(known) == len(found_words) else None,
            )
        )
    return references, hypotheses


def recordings_of(words: Iterable[TimedWord]) -> list[Transcript]:
    """A CTM file without segments: one transcript a file, or a file and channel where there are several."""
    by_recording: dict[tuple[str, str], list[TimedWord]] = defaultdict(list)
    for word in words:
        by_recording[word.recording].append(word)
    files = [recording[0] for recording in by_recording]
    transcripts = []
    for (file, channel), found in by_recording.items():
        found.sort(key=lambda word: word.start)
        known = [word.confidence for word in found if word.confidence is not None]
        transcripts.append(
            Transcript(
                f"{file}-{channel}" if files.count(file) > 1 else file,
                " ".join(word.text for word in found),
                f"file {file} channel {channel}",
                confidences=tuple(known) if len(known) == len(found) else None,
            )
        )
    return transcripts


def _text(text: str, line: Line, side: Side) -> tuple[str, NistReference | None]:
    """The words, and a reference's readings where there are several; `@`, NIST's word for no word, is none."""
    if side == "hypothesis" and "{" in text and "}" in text:
        raise EvaluationError(
            f"{line.where}: alternatives in {{ / }} in a hypothesis; expected plain words; only references may "
            "have several readings"
        )
    spelled = " ".join(text.split())
    if side == "hypothesis" or not _MARKUP.search(spelled):
        return spelled, None
    reference = parse_reference(spelled, line.where)
    return (str(reference), None) if reference.is_plain else (spelled, reference)


def _number(text: str, line: Line, what: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    number = parse_number(text)
    if number is None or not low <= number <= high:
        bounds = (
            "" if low == -math.inf else f", {low} or more" if high == math.inf else f" from {low} to {high}"
        )
        raise EvaluationError(f"{line.where}: {what} {text!r}; expected a number{bounds}")
    return number
