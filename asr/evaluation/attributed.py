"""Speaker-attributed word error rates: who said it counts, too.

- cpWER: each speaker's words of a session in a row; the hypothesis's speakers are given to the reference's so that the
  errors are fewest (Watanabe et al. 2020, "CHiME-6 challenge").
- tcpWER: the same, but words more than a collar apart in time cannot be each other's (von Neumann et al. 2023, "MeetEval: a
  toolkit for computation of word error rates for meeting transcription systems"). Words get their times within segments
  by their letters, as MeetEval does by default.

Both are counted by meeteval.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from asr.errors import EvaluationError, UsageError
from asr.evaluation.formats.nist import Segment
from asr.evaluation.normalisation import Normaliser
from asr.evaluation.scoring import ErrorCounts
from asr.extras import install_command

COLLAR = 5.0
_SHOWN = 5


class AttributedErrors(NamedTuple):
    """Errors of one session, or of several: they add.

    Attributes:
        words: counts; a word with the wrong speaker is a deletion here and an insertion there.
        speakers: of the reference.
        missed: speakers of the reference without one of the hypothesis.
        extra: speakers of the hypothesis without one of the reference.
    """

    words: ErrorCounts
    speakers: int
    missed: int
    extra: int

    def plus(self, other: "AttributedErrors") -> "AttributedErrors":
        """Both together."""
        return AttributedErrors(
            self.words + other.words,
            self.speakers + other.speakers,
            self.missed + other.missed,
            self.extra + other.extra,
        )


class SessionScore(NamedTuple):
    """A session's errors.

    Attributes:
        session: its id; "all" for all together.
        cp, tcp: without and with time.
        assignment: speakers of the reference and of the hypothesis that cpWER takes for the same; None for nobody.
    """

    session: str
    cp: AttributedErrors
    tcp: AttributedErrors
    assignment: tuple[tuple[str | None, str | None], ...]


def score_speakers(
    references: Sequence[Segment],
    hypotheses: Sequence[Segment],
    *,
    normaliser: Normaliser,
    collar: float = COLLAR,
    missing_as_empty: bool = False,
) -> list[SessionScore]:
    """Score sessions, in the references' order, and all together last.

    Args:
        references, hypotheses: segments; a session is a recording's first part (STM's file, SegLST's session_id).
        normaliser: of both sides.
        collar: seconds, of tcpWER.
        missing_as_empty: take a session without a hypothesis for one of no words.

    Raises:
        UsageError: meeteval is not installed, or a collar below zero.
        EvaluationError: sessions on one side only; references with alternatives or stretches to be ignored; no word in
            all references.
    """
    if not (collar >= 0 and math.isfinite(collar)):
        raise UsageError(f"collar {collar} s; expected 0 s or more")
    try:
        from meeteval.io import SegLST
        from meeteval.wer import (
            cp_word_error_rate,
            time_constrained_minimum_permutation_word_error_rate,
        )
    except ModuleNotFoundError:
        raise UsageError(
            f"speaker-attributed scores need meeteval: `{install_command('speakers')}` (it compiles where there is no wheel)"
        ) from None
    _check(references)
    ours, theirs = _by_session(references, normaliser), _by_session(hypotheses, normaliser)
    extra = [session for session in theirs if session not in ours]
    missing = [session for session in ours if session not in theirs]
    if extra or (missing and not missing_as_empty):
        parts = [f"without a reference: {_listed(extra)}"] if extra else []
        parts += [f"without a hypothesis: {_listed(missing)}"] if missing and not missing_as_empty else []
        raise EvaluationError(
            f"sessions {'; '.join(parts)}; expected the same on both sides (--missing empty counts those without a hypothesis "
            "as all deleted)"
        )
    if not any(segments for segments in ours.values()):
        raise EvaluationError("all references are empty; expected words to count errors on")
    scores = []
    for session, reference in ours.items():
        pair = SegLST(reference), SegLST(theirs.get(session, []))
        try:
            cp = cp_word_error_rate(*pair)
            tcp = time_constrained_minimum_permutation_word_error_rate(*pair, collar=collar)
        except (RuntimeError, ValueError) as error:  # more than 20 speakers, times that it does not take
            raise EvaluationError(
                f"session {session}: meeteval cannot score it: {' '.join(str(error).split())}"
            ) from None
        scores.append(SessionScore(session, _errors(cp), _errors(tcp), tuple(cp.assignment)))
    total_cp, total_tcp = scores[0].cp, scores[0].tcp
    for item in scores[1:]:
        total_cp, total_tcp = total_cp.plus(item.cp), total_tcp.plus(item.tcp)
    return [*scores, SessionScore("all", total_cp, total_tcp, ())]


def _by_session(segments: Sequence[Segment], normaliser: Normaliser) -> dict[str, list[dict[str, Any]]]:
    """MeetEval's segments of each session; those of which the normaliser leaves nothing have no say."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for segment in segments:
        session = found[segment.recording[0]]
        words = normaliser.apply(segment.transcript.text)
        if words:
            session.append(
                {
                    "session_id": segment.recording[0],
                    "speaker": segment.transcript.speaker,
                    "start_time": segment.start,
                    "end_time": segment.end,
                    "words": words,
                }
            )
    return found


def _check(references: Sequence[Segment]) -> None:
    for what, wheres in (
        (
            "alternatives or optional words",
            [one.transcript.where for one in references if one.transcript.readings],
        ),
        ("stretches to be ignored", [one.transcript.where for one in references if one.ignored]),
    ):
        if wheres:
            raise EvaluationError(
                f"{_listed(wheres)}: {what}, which speaker-attributed scores do not know; expected plain segments; decide for "
                "one reading, or leave the stretch out on both sides"
            )


def _errors(found: Any) -> AttributedErrors:
    length = found.length
    return AttributedErrors(
        ErrorCounts(
            length - found.substitutions - found.deletions,
            found.substitutions,
            found.deletions,
            found.insertions,
        ),
        found.scored_speaker,
        found.missed_speaker,
        found.falarm_speaker,
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
