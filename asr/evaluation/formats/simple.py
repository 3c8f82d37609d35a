"""Transcripts by line: Kaldi's `text`, our JSON lines, and parallel lines with their ids elsewhere."""

import json
from pathlib import Path
from typing import Any

from asr.errors import EvaluationError
from asr.evaluation.formats.lines import Line, read_lines
from asr.evaluation.transcript import Transcript
from asr.plain_values import can_name_a_file, finite_number, is_unicode, parse_json

_OWN_KEYS = {"id", "text", "speaker", "duration", "audio", "start", "channel", "words", "score", "tokens"}


def read_kaldi(path: Path) -> list[Transcript]:
    """Kaldi's `text`, and any file of `id words...` lines: the id ends at the first white space."""
    transcripts = []
    for line in read_lines(path):
        utterance_id, *rest = line.text.split(maxsplit=1)
        transcripts.append(Transcript(utterance_id, rest[0].strip() if rest else "", line.where))
    return transcripts


def read_parallel_lines(path: Path, *, ids: Path | None = None) -> list[Transcript]:
    """Lines of words alone; line n of the references belongs to line n of the hypotheses.

    Args:
        path: a transcript a line; an empty line is an empty transcript.
        ids: a file with the id of each line; the line number when None.

    Raises:
        EvaluationError: more or fewer ids than lines.
    """
    lines = list(read_lines(path, keep_empty=True))
    if lines and not lines[-1].text:
        lines.pop()  # what stands after the last line end
    if ids is None:
        width = len(str(len(lines)))
        names = [f"line-{number:0{width}}" for number in range(1, len(lines) + 1)]
    else:
        names = [line.text.strip() for line in read_lines(ids)]
        if len(names) != len(lines):
            raise EvaluationError(
                f"{path}: {len(lines)} lines, but {len(names)} ids in {ids}; expected as many"
            )
    return [Transcript(name, line.text.strip(), line.where) for name, line in zip(names, lines, strict=True)]


def read_json_lines(path: Path) -> list[Transcript]:
    """Our manifests and hypotheses: an object a line with `id` and `text`.

    `speaker`, `duration` (s), `start` (s), `channel`, `audio` and `words` (with a `confidence` each) are understood;
    every further key that holds a plain value is kept as a field.

    Raises:
        EvaluationError: a line that is no object, or a key of a wrong kind.
    """
    return [_from_json(line, path.parent) for line in read_lines(path)]


def _from_json(line: Line, folder: Path) -> Transcript:
    try:
        record = parse_json(line.text)
    except json.JSONDecodeError as error:
        raise EvaluationError(f"{line.where}: not JSON ({error.msg} at column {error.colno})") from None
    if not isinstance(record, dict):
        raise EvaluationError(f"{line.where}: got a JSON {type(record).__name__}; expected an object")

    def fetch(key: str, kinds: tuple[type, ...], wanted: str) -> Any:
        value = record.get(key)
        if value is None or (isinstance(value, kinds) and not isinstance(value, bool)):
            return value
        raise EvaluationError(f"{line.where}: {key} is {value!r}; expected {wanted}")

    def seconds(key: str) -> float | None:
        value = record.get(key)
        number = finite_number(value)
        if value is not None and (number is None or number < 0):
            raise EvaluationError(f"{line.where}: {key} is {value!r}; expected seconds, 0 or more")
        return number

    utterance_id = fetch("id", (str,), "a string")
    if not utterance_id:
        raise EvaluationError(f"{line.where}: id is missing; expected a unique, non-empty string")
    text = fetch("text", (str,), "a string")
    if text is None:
        raise EvaluationError(f"{line.where} (utt {utterance_id}): text is missing; expected a transcript")
    if not is_unicode(text):
        raise EvaluationError(
            f"{line.where} (utt {utterance_id}): text is {text!r}, with half a character in it; expected Unicode"
        )
    words = fetch("words", (list,), "a list")
    confidences = None
    if words and all(isinstance(word, dict) and _is_share(word.get("confidence")) for word in words):
        confidences = tuple(float(word["confidence"]) for word in words)
        if len(confidences) != len(text.split()):
            raise EvaluationError(
                f"{line.where} (utt {utterance_id}): {len(confidences)} words with confidence, but "
                f"{len(text.split())} words in text; expected as many"
            )
    audio = fetch("audio", (str,), "a path")
    if audio and not can_name_a_file(audio):
        raise EvaluationError(
            f"{line.where}: audio is {audio!r}, which no file can be called; expected a path"
        )
    return Transcript(
        utterance_id,
        text,
        line.where,
        speaker=fetch("speaker", (str,), "a string"),
        duration=seconds("duration"),
        confidences=confidences,
        audio=folder / audio if audio else None,
        start=seconds("start") or 0.0,
        channel=fetch("channel", (int,), "a channel, counted from 0"),
        fields={
            key: value
            for key, value in record.items()
            if key not in _OWN_KEYS and isinstance(value, str | int | float | bool)
        },
    )


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
