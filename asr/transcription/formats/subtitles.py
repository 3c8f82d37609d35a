"""Subtitles: words gathered into cues that can be read in time, as SubRip (.srt) and WebVTT (.vtt).

The defaults follow what broadcasters ask of subtitles: two lines of 42 characters, one to seven seconds
a cue, two frames between cues (Netflix Timed Text Style Guide; BBC Subtitle Guidelines).
"""

import html
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from asr.decoding.hypothesis import Word
from asr.errors import UsageError
from asr.options import option
from asr.transcription.transcript import Transcription, by_channel, channel_name

# What it costs to cut behind a word, by its last character; in the midst of a sentence a half.
_WITHIN = dict.fromkeys(".?!…。．！？؟।۔", 0.0) | dict.fromkeys(",:;，、：；،؛", 0.25)
_UNEVEN = 0.25


@dataclass(frozen=True, slots=True)
class SubtitleRules:
    """What a cue may be: each field an option of `asr transcribe` and of the server."""

    line_length: int = option(42, "characters a line; a longer word has a line for itself")
    lines: int = option(2, "lines a cue")
    shortest: float = option(
        1.0, "seconds a cue stays, where the next one leaves the time", name="shortest_cue", metavar="S"
    )
    longest: float = option(
        7.0,
        "seconds a cue stays at most, where there is more than one word in it",
        name="longest_cue",
        metavar="S",
    )
    gap: float = option(
        0.08, "seconds between two cues, where the words leave them", name="cue_gap", metavar="S"
    )
    pause: float = option(1.0, "silence that no cue spans, in seconds", name="cue_pause", metavar="S")

    def __post_init__(self) -> None:
        if self.line_length < 1 or self.lines < 1:
            raise UsageError(
                f"subtitles of {self.lines} lines of {self.line_length} characters; expected at least 1"
            )
        if not (
            0 <= self.shortest <= self.longest
            and self.shortest < math.inf
            and self.longest > 0
            and self.gap >= 0
            and self.pause > 0
        ):
            raise UsageError(
                f"subtitle cues of {self.shortest} to {self.longest} s, {self.gap} s apart, split at {self.pause} s; "
                "expected 0 <= shortest <= longest, a gap of at least 0, and a pause above 0"
            )


@dataclass(frozen=True, slots=True)
class Cue:
    """What is on the screen for a while: start and end in seconds, the lines, and the channel where channels are told apart."""

    start: float
    end: float
    lines: tuple[str, ...]
    channel: int | None = None


def make_cues(transcription: Transcription, rules: SubtitleRules, *, labels: bool = False) -> list[Cue]:
    """The cues of a transcription, in order, none over another of its channel.

    Args:
        transcription: of one channel, or of several that are told apart.
        rules: what a cue may be.
        labels: begin each cue with the name of its channel, where channels are told apart.
    """
    cues = [
        cue
        for channel, words in by_channel(transcription.words).items()
        for cue in _cues(words, rules, "" if channel is None or not labels else f"{channel_name(channel)}:")
    ]
    return sorted(cues, key=lambda cue: cue.start)


def _cues(words: Sequence[Word], rules: SubtitleRules, label: str) -> list[Cue]:
    """The cues of one channel, in order, none over another, each with a label in front."""
    groups = _fill([word for word in words if word.text.strip()], rules, label)
    cues = []
    for number, group in enumerate(groups):
        start, end = group[0].start, max(group[-1].end, group[0].start + rules.shortest)
        if number + 1 < len(groups):
            following = groups[number + 1][0].start
            # The gap is taken from the time after the last word, and from the word itself only as long as
            # half of the cue is left.
            end = min(end, max(following - rules.gap, (start + following) / 2))
        texts = [*([label] if label else []), *(word.text for word in group)]
        cues.append(Cue(start, end, _wrap(texts, rules), group[0].channel))
    return cues


def as_srt(transcription: Transcription, *, rules: SubtitleRules) -> str:
    """SubRip; a channel that is told apart is named in front."""
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_joined(cue.lines)}\n"
        for number, cue in enumerate(make_cues(transcription, rules, labels=True), 1)
    )


def as_vtt(transcription: Transcription, *, rules: SubtitleRules) -> str:
    """WebVTT; a channel that is told apart is a voice."""
    cues = [
        f"\n{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n"
        f"{'' if cue.channel is None else f'<v {channel_name(cue.channel)}>'}{html.escape(_joined(cue.lines), quote=False)}\n"
        for cue in make_cues(transcription, rules)
    ]
    return "".join(["WEBVTT\n", *cues])


def _fill(words: Sequence[Word], rules: SubtitleRules, label: str) -> list[Sequence[Word]]:
    """The words of every cue, before which there is room for a label."""
    groups: list[Sequence[Word]] = []
    first = 0
    for place in range(1, len(words) + 1):
        if place == len(words) or words[place].start - words[place - 1].end >= rules.pause:
            groups += _cut(words[first:place], rules, len(label) if label else -1)
            first = place
    return groups


def _cut(words: Sequence[Word], rules: SubtitleRules, lead: int) -> list[Sequence[Word]]:
    """Words between two pauses, cut where it costs least (as TeX finds its lines, Knuth & Plass 1981).

    A cue costs 1, and as much again if it holds a lone word; to cut within a sentence costs a half, behind a comma a quarter; and
    between as many cues the even ones win.
    """
    if not words:
        return []
    costs, cuts = [0.0] + [math.inf] * len(words), [0] * (len(words) + 1)
    for first in range(len(words)):
        for last, cost in _cues_from(words, first, rules, lead):
            if costs[first] + cost < costs[last]:
                costs[last], cuts[last] = costs[first] + cost, first
    groups, last = [], len(words)
    while last:
        groups.append(words[cuts[last] : last])
        last = cuts[last]
    return groups[::-1]


def _cues_from(
    words: Sequence[Word], first: int, rules: SubtitleRules, lead: int
) -> Iterator[tuple[int, float]]:
    """Where a cue that begins with a word may end, and what it costs; a word alone always may.

    The first word stands a space behind `lead` characters; -1 is the beginning of the line.
    """
    room = rules.line_length * rules.lines
    lines, width, characters = 1, lead, lead
    for place in range(first, len(words)):
        word = words[place]
        width += 1 + len(word.text)
        characters += 1 + len(word.text)
        if width > rules.line_length and (place > first or lead >= 0):
            lines, width = lines + 1, len(word.text)
        too_much = lines > rules.lines or word.end - words[first].start > rules.longest
        if too_much and place > first:
            return
        cost = 1.0 + _UNEVEN * max(0.0, 1 - characters / room) ** 2
        if place + 1 < len(words):
            cost += _WITHIN.get(word.text[-1:], 0.5)
        if place == first and len(words) > 1:
            cost += 1.0
        yield place + 1, cost


def _wrap(texts: Sequence[str], rules: SubtitleRules) -> tuple[str, ...]:
    """Lines of like length: the narrowest that need no more lines than the widest."""
    widest = _lines(texts, rules.line_length)
    narrow = -(-len(" ".join(texts)) // len(widest))
    for width in range(narrow, rules.line_length):
        lines = _lines(texts, width)
        if len(lines) == len(widest):
            return tuple(lines)
    return tuple(widest)


def _lines(texts: Sequence[str], width: int) -> list[str]:
    return textwrap.wrap(" ".join(texts), width, break_long_words=False, break_on_hyphens=False)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _clock(seconds: float, point: str) -> str:
    """`01:02:03,456`."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
