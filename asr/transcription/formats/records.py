"""Transcriptions as plain text, JSON, tables and tiers; of a written text the words of tables and tiers are those that were recognised."""

import json
import math
from dataclasses import asdict
from typing import Any

from asr.decoding.hypothesis import AlignedWord, Word
from asr.transcription.formats.tiers import Tier, audacity, eaf, mfa_csv, short_textgrid, textgrid
from asr.transcription.transcript import NOT_IN_TEXT, REPEATED, Transcription, WrittenWord, spoken_words


def as_txt(transcription: Transcription, *, name: str) -> str:
    """A line a segment."""
    return "".join(f"{segment.text}\n" for segment in transcription.segments)


def as_json(transcription: Transcription, *, name: str) -> str:
    """One object: file, duration, text, segments with their words, alternatives and misfits if any; times in seconds."""
    record = _text_record(transcription, name=name)
    record["segments"] = [
        {
            "id": number,
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
    record = {text: word.text, "start": word.start, "end": word.end, "confidence": word.confidence}
    if isinstance(word, WrittenWord):
        record["spoken"] = [word_record(spoken, text=text) for spoken in word.spoken]
    if isinstance(word, AlignedWord):
        units = {"characters": word.characters, "phones": word.phones}
        record |= {kind: [asdict(unit) for unit in found] for kind, found in units.items() if found}
    return record


def alternatives_record(transcription: Transcription) -> dict[str, Any]:
    """`alternatives` as JSON has them: for each stretch its texts and scores (natural log), best first; {} without any."""
    if not transcription.alternatives:
        return {}
    stretches = [
        {
            "start": one.start,
            "end": one.end,
            "texts": [
                # JSON has no infinity, which is the score of what has no probability.
                {"text": text, "score": round(score, 4) if math.isfinite(score) else None}
                for text, score in one.texts
            ],
        }
        for one in transcription.alternatives
    ]
    return {"alternatives": stretches}


def as_tsv(transcription: Transcription, *, name: str) -> str:
    """A header, then a line a segment: start and end in milliseconds, and the text."""
    rows = [
        f"{round(segment.start * 1000)}\t{round(segment.end * 1000)}\t{' '.join(segment.text.split())}\n"
        for segment in transcription.segments
    ]
    return "".join(["start\tend\ttext\n", *rows])


def as_ctm(transcription: Transcription, *, name: str) -> str:
    """A line a word: file, channel, start and duration in seconds, word, confidence (NIST sclite's format)."""
    name = "_".join(name.split())
    return "".join(
        f"{name} 1 {word.start:.3f} {word.end - word.start:.3f} {'_'.join(word.text.split())} {word.confidence:.4f}\n"
        for word in spoken_words(transcription.words)
    )


def as_textgrid(transcription: Transcription, *, name: str) -> str:
    """Praat's long text format, with a tier each of segments, words, and phones or characters where they are timed."""
    return textgrid(_tiers(transcription), duration=transcription.duration)


def as_short_textgrid(transcription: Transcription, *, name: str) -> str:
    """Praat's short text format, with the tiers of `as_textgrid`."""
    return short_textgrid(_tiers(transcription), duration=transcription.duration)


def as_eaf(transcription: Transcription, *, name: str) -> str:
    """ELAN's format, with the tiers of `as_textgrid`."""
    return eaf(_tiers(transcription), audio=name)


def as_audacity(transcription: Transcription, *, name: str) -> str:
    """Audacity's labels, one a word."""
    return audacity(_words(transcription))


def as_csv(transcription: Transcription, *, name: str) -> str:
    """The Montreal Forced Aligner's table of words, and of phones or characters where they are timed."""
    tiers = [tier for tier in _tiers(transcription) if tier.name != "segments"]
    return mfa_csv(tiers, speaker=name)


def _words(transcription: Transcription) -> Tier:
    return Tier("words", [(word.start, word.end, word.text) for word in spoken_words(transcription.words)])


def _tiers(transcription: Transcription) -> list[Tier]:
    segments = [(segment.start, segment.end, segment.text) for segment in transcription.segments]
    aligned = [word for word in transcription.words if isinstance(word, AlignedWord)]
    units = {
        "phones": [unit for word in aligned for unit in word.phones],
        "characters": [unit for word in aligned for unit in word.characters],
    }
    timed = [
        Tier(kind, [(unit.start, unit.end, unit.text) for unit in found])
        for kind, found in units.items()
        if found
    ]
    return [Tier("segments", segments), _words(transcription), *timed, *_misfit_tiers(transcription)]


def _misfit_tiers(transcription: Transcription) -> list[Tier]:
    """Speech that the text lacks; words that are not spoken take no time that a tier could give them."""
    found = [
        (one.start, one.end, one.label)
        for one in transcription.misfits
        if one.kind in (NOT_IN_TEXT, REPEATED)
    ]
    return [Tier(NOT_IN_TEXT, found)] if found else []
