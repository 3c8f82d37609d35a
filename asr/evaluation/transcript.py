"""Transcripts with ids, and references and hypotheses brought together by id."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asr.errors import EvaluationError
from asr.evaluation.nist_reference import NistReference

Side = Literal["reference", "hypothesis"]
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a file says was spoken, or recognised, in an utterance.

    Attributes:
        id: unique within its file.
        text: words parted by white space; "" where nobody speaks.
        where: file and line, the beginning of error messages.
        speaker: who speaks; None when unknown.
        duration: seconds; None when unknown.
        confidences: one a word of `text`, between 0 and 1; None when unknown.
        audio: the audio file; None when unknown.
        start: seconds from the beginning of the audio file.
        channel: of the audio file, counted from 0; None mixes all of them.
        fields: whatever else the file says of the utterance.
        readings: a reference's alternatives and optional words, which `text` spells as the file does; None
            where there is one reading.
    """

    id: str
    text: str
    where: str
    speaker: str | None = None
    duration: float | None = None
    confidences: tuple[float, ...] | None = None
    audio: Path | None = None
    start: float = 0.0
    channel: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    readings: NistReference | None = None


@dataclass(frozen=True, slots=True)
class TranscriptPair:
    """A reference and the hypothesis for it, with what is known of the utterance.

    Attributes:
        id: of the utterance.
        reference, hypothesis: transcripts as their files spell them.
        speaker, duration, audio, start, channel, readings: see `Transcript`.
        confidences: one a word of the hypothesis, between 0 and 1; None when unknown.
        fields: further facts, such as the manifest's extra fields or `snr` in dB.
    """

    id: str
    reference: str
    hypothesis: str
    speaker: str | None = None
    duration: float | None = None
    confidences: tuple[float, ...] | None = None
    audio: Path | None = None
    start: float = 0.0
    channel: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    readings: NistReference | None = None

    def reference_as(self, apply: Callable[[str], str]) -> str | NistReference:
        """The reference as a normaliser spells it, with all its readings."""
        return apply(self.reference) if self.readings is None else self.readings.normalised(apply)


def pair_transcripts(
    references: Sequence[Transcript],
    hypotheses: Sequence[Transcript],
    *,
    reference_name: str,
    hypothesis_name: str,
    missing_as_empty: bool = False,
) -> list[TranscriptPair]:
    """Bring references and hypotheses together by id, in the references' order.

    Args:
        references, hypotheses: each with unique ids.
        reference_name, hypothesis_name: of the files, for messages.
        missing_as_empty: take a reference without a hypothesis for one of no words (all deleted).

    Raises:
        EvaluationError: an id twice in a file, or on one side only; or not a word in all references.
    """
    by_id = _index(hypotheses)
    known = _index(references)
    without = [reference for reference in references if reference.id not in by_id]
    if without and not missing_as_empty:
        raise EvaluationError(
            f"{without[0].where} (utt {without[0].id}): no hypothesis in {hypothesis_name}; "
            f"{_listed(without)} of {len(references)} references lack one; complete the file, or count them "
            "as empty with --missing empty"
        )
    extra = [hypothesis for hypothesis in hypotheses if hypothesis.id not in known]
    if extra:
        raise EvaluationError(
            f"{extra[0].where} (utt {extra[0].id}): no reference in {reference_name}; {_listed(extra)} of "
            f"{len(hypotheses)} hypotheses lack one; expected the same ids on both sides"
        )
    if not any(reference.text.split() for reference in references):
        raise EvaluationError(
            f"{reference_name}: all {len(references)} references are empty; expected words to count errors on"
        )
    return [_pair(reference, by_id.get(reference.id)) for reference in references]


def _pair(reference: Transcript, hypothesis: Transcript | None) -> TranscriptPair:
    duration = reference.duration
    if duration is None and hypothesis is not None:
        duration = hypothesis.duration
    return TranscriptPair(
        reference.id,
        reference.text,
        hypothesis.text if hypothesis else "",
        speaker=reference.speaker or (hypothesis.speaker if hypothesis else None),
        duration=duration,
        confidences=hypothesis.confidences if hypothesis else None,
        audio=reference.audio or (hypothesis.audio if hypothesis else None),
        start=reference.start,
        channel=reference.channel,
        fields=reference.fields,
        readings=reference.readings,
    )


def _index(transcripts: Iterable[Transcript]) -> dict[str, Transcript]:
    found: dict[str, Transcript] = {}
    for transcript in transcripts:
        first = found.setdefault(transcript.id, transcript)
        if first is not transcript:
            raise EvaluationError(
                f"{transcript.where} (utt {transcript.id}): id already used at {first.where}; ids must be unique"
            )
    return found


def _listed(transcripts: Sequence[Transcript]) -> str:
    ids = ", ".join(transcript.id for transcript in transcripts[:_SHOWN])
    return f"{len(transcripts)} ({ids}{', ...' if len(transcripts) > _SHOWN else ''})"
