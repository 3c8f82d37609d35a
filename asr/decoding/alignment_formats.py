"""Aligned words as JSON, as NIST CTM, and as a Praat TextGrid."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from asr.decoding.hypothesis import AlignedWord, Word


def as_json(words: Sequence[AlignedWord], *, name: str, duration: float) -> str:
    """One object: file, duration, and words with start, end, confidence and characters; times in seconds."""
    record = {"file": name, "duration": round(duration, 3), "words": [asdict(word) for word in words]}
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def as_ctm(words: Sequence[Word], *, name: str, duration: float) -> str:
    """A line a word: file, channel, start and duration in seconds, word, confidence (NIST sclite's format)."""
    name = "_".join(name.split())
    return "".join(
        f"{name} 1 {word.start:.3f} {word.end - word.start:.3f} {word.text} {word.confidence:.4f}\n"
        for word in words
    )


def as_textgrid(words: Sequence[AlignedWord], *, name: str, duration: float) -> str:
    """Praat's long text format, with the tiers `words` and `characters`; what is not spoken is empty."""
    characters = [character for word in words for character in word.characters]
    tiers = [
        ("words", [(word.start, word.end, word.text) for word in words]),
        ("characters", [(character.start, character.end, character.text) for character in characters]),
    ]
    return textgrid(tiers, duration=duration)


def textgrid(tiers: Sequence[tuple[str, Sequence[tuple[float, float, str]]]], *, duration: float) -> str:
    """Praat's long text format.

    Args:
        tiers: name, and the spoken intervals (start and end in seconds, text) in order; what lies between
            them becomes empty intervals.
        duration: of the recording, in seconds.
    """
    # The last frame may reach past the last sample.
    end = max([round(duration, 3), *(last for _, spoken in tiers for _, last, _ in spoken)])
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
            f'        name = "{tier}"',
            "        xmin = 0",
            f"        xmax = {end}",
            f"        intervals: size = {len(intervals)}",
        ]
        for index, (start, last, text) in enumerate(intervals, 1):
            quoted = text.replace('"', '""')
            lines += [
                f"        intervals [{index}]:",
                f"            xmin = {start}",
                f"            xmax = {last}",
                f'            text = "{quoted}"',
            ]
    return "\n".join(lines) + "\n"


def _filled(spoken: Sequence[tuple[float, float, str]], end: float) -> list[tuple[float, float, str]]:
    """Intervals without gaps, as Praat wants them: empty ones between those that are spoken."""
    filled: list[tuple[float, float, str]] = []
    at = 0.0
    for start, last, text in spoken:
        if start > at:
            filled.append((at, start, ""))
        filled.append((start, last, text))
        at = last
    if at < end or not filled:
        filled.append((at, end, ""))
    return filled


FORMATS = {"json": as_json, "ctm": as_ctm, "textgrid": as_textgrid}
