"""SegLST: a JSON list of segments, as MeetEval and the CHiME challenges have them."""

import json
from pathlib import Path
from typing import Any

from asr.errors import EvaluationError
from asr.evaluation.formats.lines import read_lines
from asr.evaluation.formats.nist import Segment
from asr.evaluation.transcript import Transcript
from asr.plain_values import finite_number, is_unicode, parse_json

_SHOWN = 10


def read_seglst(path: Path) -> list[Segment]:
    """Segments with `session_id`, `speaker`, `words`, and `start_time` and `end_time` in seconds.

    Raises:
        EvaluationError: no JSON list, or segments that lack something; all of those are counted, and ten shown.
    """
    try:
        values = parse_json("\n".join(line.text for line in read_lines(path, keep_empty=True)))
    except json.JSONDecodeError as error:
        raise EvaluationError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    if not isinstance(values, list):
        raise EvaluationError(f"{path}: a JSON {type(values).__name__}; expected a list of segments (SegLST)")
    segments: list[Segment] = []
    bad: list[str] = []
    for number, value in enumerate(values, 1):
        where = f"{path}: segment {number}"
        trouble = _trouble(value)
        if trouble:
            bad.append(f"{where}: {trouble}")
        else:
            segments.append(_segment(value, where))
    if bad:
        more = f"\n{len(bad) - _SHOWN:,} more" if len(bad) > _SHOWN else ""
        raise EvaluationError(
            "\n".join(bad[:_SHOWN]) + more + "\nexpected session_id, speaker, words, start_time, end_time"
        )
    return segments


def _trouble(value: object) -> str:
    """What is wrong with a segment; "" for nothing."""
    if not isinstance(value, dict):
        return f"a JSON {type(value).__name__}, no object"
    # Numbers serve as names, too.
    found = [
        f"{key} is {value.get(key)!r}, no name"
        for key in ("session_id", "speaker")
        if not isinstance(value.get(key), str | int) or not str(value[key]).split()
    ]
    if not isinstance(value.get("words"), str) or not is_unicode(value["words"]):
        found.append(f"words is {value.get('words')!r}, no text")
    found += [
        f"{key} is {value.get(key)!r}, no seconds"
        for key in ("start_time", "end_time")
        if finite_number(value.get(key)) is None
    ]
    if not found and value["end_time"] < value["start_time"]:
        found.append(f"from {value['start_time']} s to {value['end_time']} s, which is before")
    return "; ".join(found)


def _segment(value: dict[str, Any], where: str) -> Segment:
    session, speaker = str(value["session_id"]), str(value["speaker"])
    start, end = float(value["start_time"]), float(value["end_time"])
    transcript = Transcript(
        f"{session}-{speaker}-{start:08.2f}-{end:08.2f}",
        " ".join(value["words"].split()),
        where,
        speaker=speaker,
        duration=end - start,
        start=start,
    )
    return Segment((session, speaker), start, end, transcript, False)
