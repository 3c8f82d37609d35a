"""Transcriptions as plain text, JSON, tables and tiers; of a written text the words of tables and tiers are those that were recognised.

Where channels are told apart, all of them say whose words they are: JSON counts channels from 0, as manifests do, the others from 1.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from asr.decoding.hypothesis import AlignedWord, Word
from asr.transcription.formats.tiers import Tier, audacity, eaf, mfa_csv, short_textgrid, textgrid
from asr.transcription.transcript import (
    NOT_IN_TEXT,
    REPEATED,
    Alternatives,
    Segment,
    Transcription,
    WrittenWord,
    by_channel,
    channel_name,
    spoken_words,
)


def as_txt(transcription: Transcription, *, name: str) -> str:
    """A line a segment; a line a turn, with its channel, where channels are told apart."""
    return "".join(f"{line}\n" for line in transcription.lines)


def as_json(transcription: Transcription, *, name: str) -> str:
    """One object: file, duration, text, segments with their words, alternatives and misfits if any; times in seconds."""
    record = _text_record(transcription, name=name)
    record["segments"] = [
        {
            "id": number,
            **channel_record(segment),
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
            "words": [word_record(word) for word in segment.words],
        }
        for number, segment in enumerate(transcription.segments)
    ]
    record |= alternatives_record(transcription)
    if transcription.misfits:
        record["misfits"] = [asdict(misfit) for misfit in transcription.misfits]
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def transcription_record(transcription: Transcription, *, name: str) -> dict[str, Any]:
    """file, duration, text, of a written text the recognised one (`verbatim`), words, and alternatives if any; times in seconds."""
    return {
        **_text_record(transcription, name=name),
        "words": [word_record(word) for word in transcription.words],
        **alternatives_record(transcription),
    }


def _text_record(transcription: Transcription, *, name: str) -> dict[str, Any]:
    return {
        "file": name,
        "duration": round(transcription.duration, 3),
        "text": transcription.text,
        **verbatim_record(transcription),
    }


def verbatim_record(transcription: Transcription) -> dict[str, Any]:
    """`verbatim`, the recognised words of a written text; {} where the text is that already."""
    return {"verbatim": transcription.verbatim} if transcription.is_written else {}


def word_record(word: Word, *, text: str = "text") -> dict[str, Any]:
    """A word as JSON has it, with its text under that name; a written one with the words that were spoken for it."""
    record: dict[str, Any] = {
        text: word.text,
        "start": word.start,
        "end": word.end,
        "confidence": word.confidence,
        **channel_record(word),
    }
    if isinstance(word, WrittenWord):
        record["spoken"] = [word_record(spoken, text=text) for spoken in word.spoken]
    if isinstance(word, AlignedWord):
        units = {"characters": word.characters, "phones": word.phones}
        record |= {kind: [asdict(unit) for unit in found] for kind, found in units.items() if found}
    return record


def channel_record(part: Word | Segment | Alternatives) -> dict[str, int]:
    """`channel` of a part of a transcription, counted from 0; {} where channels are not told apart."""
    return {} if part.channel is None else {"channel": part.channel}


def alternatives_record(transcription: Transcription) -> dict[str, Any]:
    """`alternatives` as JSON has them: for each stretch its texts and scores (natural log), best first, and the choices for each word; {} without any."""
    if not transcription.alternatives:
        return {}
    stretches = [
        {
            **channel_record(one),
            "start": one.start,
            "end": one.end,
            "texts": [
                # JSON has no infinity, which is the score of what has no probability.
                {"text": text, "score": round(score, 4) if math.isfinite(score) else None}
                for text, score in one.texts
            ],
            "words": [
                {
                    "start": word.start,
                    "end": word.end,
                    "choices": [choice._asdict() for choice in word.choices],
                }
                for word in one.words
            ],
        }
        for one in transcription.alternatives
    ]
    return {"alternatives": stretches}


def as_tsv(transcription: Transcription, *, name: str) -> str:
    """A header, then a line a segment: start and end in milliseconds, the text, and the channel where channels are told apart."""
    rows = [("start", "end", "text", *(["channel"] if transcription.has_channels else []))]
    for segment in transcription.segments:
        times = (f"{round(1000 * seconds)}" for seconds in (segment.start, segment.end))
        channel = [] if segment.channel is None else [f"{segment.channel + 1}"]
        rows.append((*times, " ".join(segment.text.split()), *channel))
    return "".join("\t".join(row) + "\n" for row in rows)


def as_ctm(transcription: Transcription, *, name: str) -> str:
    """A line a word: file, channel, start and duration in seconds, word, confidence (NIST sclite's format)."""
    return "".join(
        f"{_field(name)} {1 + (channel or 0)} {word.start:.3f} {word.end - word.start:.3f} {_field(word.text)} "
        f"{word.confidence:.4f}\n"
        for channel, words in by_channel(transcription.words).items()
        for word in spoken_words(words)
    )


def as_stm(transcription: Transcription, *, name: str) -> str:
    """A line a segment: file, channel, speaker, start and end in seconds, the recognised words (NIST's format); a channel is a speaker.

    Channel by channel, as NIST's tools want it sorted.
    """
    lines = []
    for segment in sorted(transcription.segments, key=lambda one: one.channel or 0):
        channel = 1 + (segment.channel or 0)
        speaker = _field(name) if segment.channel is None else f"{_field(name)}-{channel}"
        words = " ".join(_field(word.text) for word in spoken_words(segment.words))
        lines.append(f"{_field(name)} {channel} {speaker} {segment.start:.3f} {segment.end:.3f} {words}\n")
    return "".join(lines)


def _field(text: str) -> str:
    """Without the white space that parts fields."""
    return "_".join(text.split())


def as_textgrid(transcription: Transcription, *, name: str) -> str:
    """Praat's long text format, with a tier each of segments, words, and phones or characters where they are timed; of each channel."""
    return textgrid(_tiers(transcription), duration=transcription.duration)


def as_short_textgrid(transcription: Transcription, *, name: str) -> str:
    """Praat's short text format, with the tiers of `as_textgrid`."""
    return short_textgrid(_tiers(transcription), duration=transcription.duration)


def as_eaf(transcription: Transcription, *, name: str) -> str:
    """ELAN's format, with the tiers of `as_textgrid`."""
    return eaf(_tiers(transcription), audio=name)


def as_audacity(transcription: Transcription, *, name: str) -> str:
    """Audacity's labels, one a word, in a track for each channel behind the other."""
    return "".join(
        audacity(_words(words, lead="" if channel is None else f"{channel_name(channel)}: "))
        for channel, words in by_channel(transcription.words).items()
    )


def as_csv(transcription: Transcription, *, name: str) -> str:
    """The Montreal Forced Aligner's table of words, and of phones or characters where they are timed; a channel is a speaker."""
    speakers = {
        name if channel is None else channel_name(channel): [_words(words), *_unit_tiers(words)]
        for channel, words in by_channel(transcription.words).items()
    }
    speakers.setdefault(name, []).extend(_misfit_tiers(transcription))
    return mfa_csv(speakers)


def _words(words: Iterable[Word], *, lead: str = "") -> Tier:
    return Tier("words", [(word.start, word.end, lead + word.text) for word in spoken_words(words)])


def _tiers(transcription: Transcription) -> list[Tier]:
    tiers: list[Tier] = []
    for channel, words in (by_channel(transcription.words) or {None: ()}).items():
        lead = "" if channel is None else f"{channel_name(channel)} - "
        segments = [
            (one.start, one.end, one.text) for one in transcription.segments if one.channel == channel
        ]
        of_channel = [Tier("segments", segments), _words(words), *_unit_tiers(words)]
        tiers += [tier._replace(name=lead + tier.name) for tier in of_channel]
    return [*tiers, *_misfit_tiers(transcription)]


def _unit_tiers(words: Iterable[Word]) -> list[Tier]:
    aligned = [word for word in words if isinstance(word, AlignedWord)]
    units = {
        "phones": [unit for word in aligned for unit in word.phones],
        "characters": [unit for word in aligned for unit in word.characters],
    }
    return [
        Tier(kind, [(unit.start, unit.end, unit.text) for unit in found])
        for kind, found in units.items()
        if found
    ]


def _misfit_tiers(transcription: Transcription) -> list[Tier]:
    """Speech that the text lacks; words that are not spoken take no time that a tier could give them."""
    found = [
        (one.start, one.end, one.label)
        for one in transcription.misfits
        if one.kind in (NOT_IN_TEXT, REPEATED)
    ]
    return [Tier(NOT_IN_TEXT, found)] if found else []
