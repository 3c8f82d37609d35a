"""Transcriptions as plain text, JSON, TSV, CTM and TextGrid."""

import json
import math
from dataclasses import asdict
from typing import Any

from asr.decoding.alignment_formats import as_ctm as words_as_ctm
from asr.decoding.alignment_formats import textgrid
from asr.transcription.transcript import Transcription


def as_txt(transcription: Transcription, *, name: str) -> str:
    """A line a segment."""
    return "".join(f"{segment.text}\n" for segment in transcription.segments)


def as_json(transcription: Transcription, *, name: str) -> str:
    """One object: file, duration, text, segments with their words, and alternatives if any; times in seconds."""
    record = {
        "file": name,
        "duration": round(transcription.duration, 3),
        "text": transcription.text,
        "segments": [
            {
                "id": number,
                "start": segment.start,
                "end": segment.end,
                "text": segment.text,
                "words": [asdict(word) for word in segment.words],
            }
            for number, segment in enumerate(transcription.segments)
        ],
    }
    record |= alternatives_record(transcription)
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


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
    return words_as_ctm(transcription.words, name=name, duration=transcription.duration)


def as_textgrid(transcription: Transcription, *, name: str) -> str:
    """Praat's long text format, with the tiers `segments` and `words`."""
    tiers = [
        ("segments", [(segment.start, segment.end, segment.text) for segment in transcription.segments]),
        ("words", [(word.start, word.end, word.text) for word in transcription.words]),
    ]
    return textgrid(tiers, duration=transcription.duration)
