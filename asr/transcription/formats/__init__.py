"""Transcriptions as text, JSON, subtitles, tables and annotations: pure functions.

render(transcription, "srt")
"""

from collections.abc import Callable

from asr.errors import UsageError
from asr.transcription.formats.records import (
    alternatives_record,
    as_audacity,
    as_csv,
    as_ctm,
    as_eaf,
    as_json,
    as_short_textgrid,
    as_stm,
    as_textgrid,
    as_tsv,
    as_txt,
    channel_record,
    transcription_record,
    verbatim_record,
    word_record,
)
from asr.transcription.formats.subtitles import SubtitleRules, as_srt, as_vtt
from asr.transcription.transcript import Transcription

_RECORDS: dict[str, Callable[..., str]] = {
    "txt": as_txt,
    "json": as_json,
    "tsv": as_tsv,
    "ctm": as_ctm,
    "stm": as_stm,
    "textgrid": as_textgrid,
    "textgrid-short": as_short_textgrid,
    "eaf": as_eaf,
    "audacity": as_audacity,
    "csv": as_csv,
}
_SUBTITLES = {"srt": as_srt, "vtt": as_vtt}

# The name of each format and the ending of its files.
FORMATS = {
    "txt": ".txt",
    "json": ".json",
    "srt": ".srt",
    "vtt": ".vtt",
    "tsv": ".tsv",
    "ctm": ".ctm",
    "stm": ".stm",
    "textgrid": ".TextGrid",
    "textgrid-short": ".short.TextGrid",
    "eaf": ".eaf",
    "audacity": ".labels.txt",
    "csv": ".csv",
}


def render(
    transcription: Transcription,
    format: str,
    *,
    name: str = "recording",
    subtitles: SubtitleRules = SubtitleRules(),  # noqa: B008, frozen
) -> str:
    """A transcription in one of `FORMATS`, ending in a newline where there is anything.

    Args:
        transcription: the transcript.
        format: txt (a line a segment, or a turn where channels are told apart), json, srt, vtt, tsv (milliseconds), ctm, stm, textgrid (Praat), textgrid-short,
            eaf (ELAN), audacity (labels) or csv (as the Montreal Forced Aligner's).
        name: of the recording; CTM, STM, JSON, ELAN and CSV write it down.
        subtitles: how srt and vtt make cues.

    Raises:
        UsageError: no such format.
    """
    if format in _SUBTITLES:
        return _SUBTITLES[format](transcription, rules=subtitles)
    if format in _RECORDS:
        return _RECORDS[format](transcription, name=name)
    raise UsageError(f"no format {format!r}; expected {', '.join(FORMATS)}")


__all__ = [
    "FORMATS",
    "SubtitleRules",
    "alternatives_record",
    "channel_record",
    "render",
    "transcription_record",
    "verbatim_record",
    "word_record",
]
