"""Transcriptions as plain text, JSON, TSV, CTM and TextGrid; of a written text CTM and TextGrid's words are those that were recognised."""

import json
import math
from typing import Any

from asr.decoding.alignment_formats import as_ctm as words_as_ctm
from asr.decoding.alignment_formats import textgrid
from asr.decoding.hypothesis import Word
from asr.transcription.transcript import Transcription, WrittenWord, spoken_words


def as_txt(transcription: Transcription, *, name: str) -> str:
    """A line a segment."""
    return "".join(f"{segment.text}\n" for segment in transcription.segments)


def as_json(transcription: Transcription, *, name: str) -> str:
    """One object: `transcription_record` with segments in place of the words."""
    record = transcription_record(transcription, name=name)
    del record["words"]
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
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def transcription_record(transcription: Transcription, *, name: str) -> dict[str, Any]:
    """file, duration, text, of a written text the recognised one (`verbatim`), words, and alternatives if any; times in seconds."""
    return {
        "file": name,
        "duration": round(transcription.duration, 3),
        "text": transcription.text,
        **verbatim_record(transcription),
        "words": [word_record(word) for word in transcription.words],
        **alternatives_record(transcription),
    }


def verbatim_record(transcription: Transcription) -> dict[str, Any]:
    """`verbatim`, the recognised words of a written text; {} where the text is that already."""
    return {"verbatim": transcription.verbatim} if transcription.is_written else {}


def word_record(word: Word, *, text: str = "text") -> dict[str, Any]:
    """A word as JSON has it, with its text under that name; a written one with the words that were spoken for it."""
    record = {text: word.text, "start": word.start, "end": word.end, "confidence": word.confidence}
    if isinstance(word, WrittenWord):
        record["spoken"] = [word_record(spoken, text=text) for spoken in word.spoken]
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
    """A line a word, in NIST's format."""
    return words_as_ctm(spoken_words(transcription.words), name=name, duration=transcription.duration)


def as_textgrid(transcription: Transcription, *, name: str) -> str:
    """Praat's long text format, with the tiers `segments` and `words`."""
    tiers = [
        ("segments", [(segment.start, segment.end, segment.text) for segment in transcription.segments]),
        ("words", [(word.start, word.end, word.text) for word in spoken_words(transcription.words)]),
    ]
    return textgrid(tiers, duration=transcription.duration)
