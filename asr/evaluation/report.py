"""Everything that a report says of references and hypotheses, as plain values; rendered elsewhere."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from asr.errors import EvaluationError
from asr.evaluation.breakdowns import Breakdown, break_down
from asr.evaluation.calibration import CalibrationCurve, calibration_curve, word_outcomes
from asr.evaluation.compounds import MERGED, Merged, merge_compounds
from asr.evaluation.confusions import Confusion, count_confusions
from asr.evaluation.focus import Focus, count_focus
from asr.evaluation.normalisation import Normaliser, find_normaliser
from asr.evaluation.scoring import Alignment, ErrorCounts, Score, ScoredUtterance, sclite_words, score
from asr.evaluation.significance import Interval, bootstrap_interval
from asr.evaluation.transcript import TranscriptPair

# Characters come in many more kinds of counts than words do, and take as much longer to resample.
_CER_RESAMPLES = 2000
_ALTERNATIVES = (
    "{:,} references with {{ / }} or (optional) words: the nearest reading counts, and an optional word that is not "
    "said as correct (sclite -D)"
)


class Hallucinations(NamedTuple):
    """Words recognised where nobody speaks.

    Attributes:
        silent: utterances with an empty reference.
        utterances: those of them with words in the hypothesis.
        words: their words; they are among the insertions of the WER.
    """

    silent: int
    utterances: int
    words: int


class Intervals(NamedTuple):
    """95 % bootstrap intervals; `wer_by_speaker` is None where fewer than two speakers are known."""

    wer: Interval
    wer_by_speaker: Interval | None
    cer: Interval
    ser: Interval


@dataclass(frozen=True)
class Result:
    """The numbers for one way of spelling.

    Attributes:
        normaliser: what was applied to both sides.
        score: counts and alignments.
        intervals: how sure the rates are.
        sclite: word counts as NIST's sclite aligns, seldom an error more than the score's; None where an
            utterance is too long to say.
        hallucinations: insertions on empty references.
        merged: what counting compounds as right has changed; None where they are errors.
    """

    normaliser: Normaliser
    score: Score
    intervals: Intervals
    sclite: ErrorCounts | None
    hallucinations: Hallucinations
    merged: Merged | None


@dataclass(frozen=True)
class Report:
    """What a report shows.

    Attributes:
        title: of the page.
        settings: what the numbers depend on (files, model, decoding, speed), in order.
        pairs: the utterances as their files spell them.
        result: the headline.
        raw: the same with nothing normalised; None where the headline is that.
        breakdowns: errors by speaker, duration, ...
        calibration: confidences against outcomes; None without confidences.
        speakers: how many are known.
        focus: how words and phrases of a list are recognised; None without a list.
    """

    title: str
    settings: Mapping[str, str]
    pairs: Sequence[TranscriptPair] = field(repr=False)
    result: Result
    raw: Result | None
    breakdowns: Sequence[Breakdown]
    calibration: CalibrationCurve | None
    speakers: int
    focus: Focus | None

    @property
    def results(self) -> list[Result]:
        """Headline first."""
        return [self.result] if self.raw is None else [self.result, self.raw]

    @cached_property
    def confusions(self) -> Mapping[str, Sequence[Confusion]]:
        """The most frequent errors of the headline, by kind: "S", "D", "I"."""
        return count_confusions(self.result.score.utterances)

    @property
    def method(self) -> str:
        """How the headline was counted: normaliser, version, options."""
        compounds = "" if self.result.merged is None else f"; {MERGED}"
        return f"normaliser {self.result.normaliser.described}; {self.settings['alignment']}{compounds}"

    def worst(self, count: int = 20) -> list[int]:
        """Positions of the utterances with most word errors, then most character errors; none without any."""
        utterances = self.result.score.utterances
        wrong = [index for index in range(len(utterances)) if utterances[index].words.errors]
        wrong.sort(key=lambda index: (-utterances[index].words.errors, -utterances[index].characters.errors))
        return wrong[:count]


def build_report(
    pairs: Sequence[TranscriptPair],
    *,
    title: str,
    settings: Mapping[str, str],
    normaliser: str = "basic",
    alignment: Alignment = "levenshtein",
    vocabulary: Mapping[str, int] | Iterable[str] | None = None,
    focus: Sequence[str] = (),
    merge: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
) -> Report:
    """Score utterances raw and normalised, and gather what a report shows.

    Args:
        pairs: references and hypotheses, from `pair_transcripts`.
        title, settings: shown as they are.
        normaliser: name of the normaliser of the headline.
        alignment: see `asr.evaluation.scoring.score`.
        vocabulary: words, or words with how often they occur, for the breakdowns by vocabulary and word frequency; they are
            normalised like the transcripts.
        focus: words and phrases that are counted by themselves; they are normalised like the transcripts.
        merge: count compounds ("any body", "anybody") as right in the headline.
        resamples, seed: of the bootstrap.

    Raises:
        UsageError: no normaliser of this name.
        EvaluationError: phrases of which the normaliser leaves nothing, or an utterance too long for `merge`.
    """
    chosen = find_normaliser(normaliser)

    def result(how: Normaliser, *, merge: bool = False) -> Result:
        return _result(pairs, how, alignment=alignment, merge=merge, resamples=resamples, seed=seed)

    phrases = _normalised_phrases(focus, chosen)
    headline = result(chosen, merge=merge)
    known: Counter[str] | None = None
    if vocabulary is not None:
        known = Counter()
        for word, count in Counter(vocabulary).items():
            for part in chosen.apply(word).split():
                known[part] += count
    utterances = headline.score.utterances
    several = sum(pair.readings is not None for pair in pairs)
    return Report(
        title=title,
        settings={
            **settings,
            **({"alternatives": _ALTERNATIVES.format(several)} if several else {}),
            "normaliser": chosen.described,
            **({"compounds": MERGED} if merge else {}),
            "alignment": {
                "levenshtein": "fewest errors (jiwer), of equal ones NIST sclite's",
                "sclite": "NIST sclite: substitutions cost 4, deletions and insertions 3",
            }[alignment],
            "confidence intervals": f"95 %, percentile bootstrap, {resamples:,} resamples "
            f"({min(resamples, _CER_RESAMPLES):,} for CER), seed {seed}",
        },
        pairs=pairs,
        result=headline,
        raw=None if chosen.name == "none" else result(find_normaliser("none")),
        breakdowns=break_down(
            pairs,
            utterances,
            vocabulary=known,
            focus={word for phrase in phrases for word in phrase.split()},
        ),
        calibration=calibration_curve(_outcomes(pairs, utterances)),
        speakers=len({pair.speaker for pair in pairs if pair.speaker is not None}),
        focus=count_focus(utterances, phrases) if phrases else None,
    )


def _normalised_phrases(phrases: Sequence[str], normaliser: Normaliser) -> list[str]:
    spelled = {phrase: normaliser.apply(phrase) for phrase in phrases}
    lost = [phrase for phrase, text in spelled.items() if not text]
    if lost:
        raise EvaluationError(
            f"focus: nothing is left of {', '.join(map(repr, lost))} by normaliser {normaliser.name}; expected words; leave "
            "them out, or take another --normaliser"
        )
    return list(dict.fromkeys(spelled.values()))


def _result(
    pairs: Sequence[TranscriptPair],
    normaliser: Normaliser,
    *,
    alignment: Alignment,
    merge: bool,
    resamples: int,
    seed: int,
) -> Result:
    scored = score(
        ((pair.id, pair.reference_as(normaliser.apply), normaliser.apply(pair.hypothesis)) for pair in pairs),
        alignment=alignment,
    )
    merged = None
    if merge:
        scored, merged = merge_compounds(scored, alignment=alignment)
    silent = [utterance for utterance in scored.utterances if not utterance.reference]
    invented = [utterance for utterance in silent if utterance.hypothesis]
    return Result(
        normaliser,
        scored,
        _intervals(pairs, scored, resamples=resamples, seed=seed),
        scored.words if alignment == "sclite" else sclite_words(scored),
        Hallucinations(len(silent), len(invented), sum(utterance.words.insertions for utterance in invented)),
        merged,
    )


def _intervals(pairs: Sequence[TranscriptPair], scored: Score, *, resamples: int, seed: int) -> Intervals:
    words = [utterance.words for utterance in scored.utterances]
    speakers = [pair.speaker for pair in pairs]
    named = [speaker for speaker in speakers if speaker is not None]
    by_speaker = None
    if len(named) == len(speakers) and len(set(named)) > 1:
        by_speaker = bootstrap_interval(words, groups=named, resamples=resamples, seed=seed)
    right, wrong = ErrorCounts(hits=1), ErrorCounts(substitutions=1)
    return Intervals(
        bootstrap_interval(words, resamples=resamples, seed=seed),
        by_speaker,
        bootstrap_interval(
            [utterance.characters for utterance in scored.utterances],
            resamples=min(resamples, _CER_RESAMPLES),
            seed=seed,
        ),
        bootstrap_interval(
            [wrong if count.errors else right for count in words], resamples=resamples, seed=seed
        ),
    )


def _outcomes(
    pairs: Sequence[TranscriptPair], utterances: Sequence[ScoredUtterance]
) -> list[tuple[float, bool]]:
    """Confidences and outcomes of words; utterances whose words a normaliser split or joined are left out."""
    found: list[tuple[float, bool]] = []
    for pair, utterance in zip(pairs, utterances, strict=True):
        words = len(utterance.operations) - utterance.operations.count("D")
        if pair.confidences is not None and len(pair.confidences) == words:
            found += word_outcomes(utterance.operations, pair.confidences)
    return found
