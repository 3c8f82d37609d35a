"""Annotations in tiers, as Praat, ELAN, Audacity and the Montreal Forced Aligner have them: pure functions."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

Interval = tuple[float, float, str]  # start and end in seconds, text

# ELAN's format wants a date; the same transcription shall give the same file whenever it is written.
_EAF_DATE = "2000-01-01T00:00:00+00:00"

# Characters that XML cannot hold, not even as an escape.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Tier(NamedTuple):
    """A name, and intervals in order, none over another."""

    name: str
    intervals: Sequence[Interval]


def textgrid(tiers: Sequence[Tier], *, duration: float) -> str:
    """Praat's long text format.

    Args:
        tiers: their intervals in order; what lies between them becomes empty intervals.
        duration: of the recording, in seconds.
    """
    end = _end(tiers, duration)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (tier, spoken) in enumerate(tiers, 1):
        intervals = _filled(spoken, end)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(tier)}",
            "        xmin = 0",
            f"        xmax = {end}",
            f"        intervals: size = {len(intervals)}",
        ]
        for index, (start, last, text) in enumerate(intervals, 1):
            lines += [
                f"        intervals [{index}]:",
                f"            xmin = {start}",
                f"            xmax = {last}",
                f"            text = {_quoted(text)}",
            ]
    return "\n".join(lines) + "\n"


def _filled(spoken: Sequence[Interval], end: float) -> list[Interval]:
    """Intervals without gaps, as Praat wants them: empty ones between those that are spoken."""
    filled: list[Interval] = []
    at = 0.0
    for start, last, text in spoken:
        if start > at:
            filled.append((at, start, ""))
        filled.append((start, last, text))
        at = last
    if at < end or not filled:
        filled.append((at, end, ""))
    return filled


def short_textgrid(tiers: Sequence[Tier], *, duration: float) -> str:
    """Praat's short text format; arguments as `textgrid`."""
    end = _end(tiers, duration)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "0",
        str(end),
        "<exists>",
        str(len(tiers)),
    ]
    for tier, spoken in tiers:
        intervals = _filled(spoken, end)
        lines += ['"IntervalTier"', _quoted(tier), "0", str(end), str(len(intervals))]
        for start, last, text in intervals:
            lines += [str(start), str(last), _quoted(text)]
    return "\n".join(lines) + "\n"


def eaf(tiers: Sequence[Tier], *, audio: str) -> str:
    """ELAN's annotation format 3.0, every tier by itself, times in milliseconds.

    Args:
        tiers: their intervals in order.
        audio: the name of the sound file.
    """
    slots: list[int] = []
    parts: list[str] = []
    number = 0
    for tier, spoken in tiers:
        parts.append(f'    <TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID={quoteattr(_xml(tier))}>')
        for start, last, text in spoken:
            slots += [round(1000 * start), max(round(1000 * last), round(1000 * start) + 1)]
            number += 1
            parts += [
                "        <ANNOTATION>",
                f'            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts{len(slots) - 1}" '
                f'TIME_SLOT_REF2="ts{len(slots)}">',
                f"                <ANNOTATION_VALUE>{escape(_xml(text))}</ANNOTATION_VALUE>",
                "            </ALIGNABLE_ANNOTATION>",
                "        </ANNOTATION>",
            ]
        parts.append("    </TIER>")
    order = "\n".join(
        f'        <TIME_SLOT TIME_SLOT_ID="ts{slot}" TIME_VALUE="{time}"/>'
        for slot, time in enumerate(slots, 1)
    )
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<ANNOTATION_DOCUMENT AUTHOR="" DATE="{_EAF_DATE}" FORMAT="3.0" VERSION="3.0" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            'xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">',
            '    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">',
            f'        <MEDIA_DESCRIPTOR MEDIA_URL={quoteattr(_xml(audio))} MIME_TYPE="audio/x-wav"/>',
            "    </HEADER>",
            f"    <TIME_ORDER>\n{order}\n    </TIME_ORDER>",
            *parts,
            '    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>',
            "</ANNOTATION_DOCUMENT>",
            "",
        ]
    )


def audacity(tier: Tier) -> str:
    """Audacity's label track: start, end and text of each interval, tabs between them."""
    return "".join(
        f"{start:.6f}\t{last:.6f}\t{' '.join(text.split())}\n" for start, last, text in tier.intervals
    )


def mfa_csv(speakers: Mapping[str, Sequence[Tier]]) -> str:
    """The Montreal Forced Aligner's table of the tiers of each speaker: Begin, End, Label, Type (the tier's name), Speaker."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(["Begin", "End", "Label", "Type", "Speaker"])
    for speaker, tiers in speakers.items():
        for tier, spoken in tiers:
            rows.writerows([start, last, text, tier, speaker] for start, last, text in spoken)
    return written.getvalue()


def _end(tiers: Sequence[Tier], duration: float) -> float:
    # The last frame may reach past the last sample.
    return max([round(duration, 3), *(last for _, spoken in tiers for _, last, _ in spoken)])


def _xml(text: str) -> str:
    return _NOT_IN_XML.sub("", text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
