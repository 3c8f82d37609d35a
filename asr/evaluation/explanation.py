"""What a normaliser did to a pair, step by step, and what was then counted, for the terminal."""

from collections.abc import Collection, Sequence
from itertools import islice

from asr.errors import EvaluationError
from asr.evaluation.normalisation import Normaliser, explain
from asr.evaluation.report import Report
from asr.evaluation.scoring import ScoredUtterance

_MARKS = {"equal": "", "substitute": "S", "delete": "D", "insert": "I"}
_SHOWN = 5


def check_ids(ids: Sequence[str], known: Collection[str]) -> None:
    """See that utterances which are to be explained are there.

    Raises:
        EvaluationError: some are not; all of those are listed.
    """
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise EvaluationError(
            f"--explain: no utterance {', '.join(map(repr, unknown))} among {len(known):,}; expected ids such as "
            f"{', '.join(islice(known, _SHOWN))}"
        )


def explain_utterances(report: Report, ids: Sequence[str]) -> list[str]:
    """Lines that show utterances as they are written, after each step that changed them, and aligned.

    Raises:
        EvaluationError: ids that are not in the report.
    """
    places = {pair.id: index for index, pair in enumerate(report.pairs)}
    check_ids(ids, places)
    lines: list[str] = []
    for name in ids:
        pair, utterance = report.pairs[places[name]], report.result.score.utterances[places[name]]
        normaliser = report.result.normaliser
        lines += [f"{name}: normaliser {normaliser.described}", "  reference"]
        if pair.readings is None:
            lines += _steps(normaliser, pair.reference)
        else:
            lines += [
                f"    as written: {pair.reference}",
                f"    each run of words normalised by itself: {pair.readings.normalised(normaliser.apply)}",
                f"    nearest reading: {utterance.reference}",
            ]
        lines += ["  hypothesis", *_steps(normaliser, pair.hypothesis)]
        if utterance.hypothesis != normaliser.apply(pair.hypothesis):
            lines.append(f"    compounds as in the reference: {utterance.hypothesis}")
        lines += ["  counted", *_aligned(utterance)]
    return lines


def _steps(normaliser: Normaliser, text: str) -> list[str]:
    """The text, and what each step made of it; steps that changed nothing stand together."""
    lines = [f"    as written: {' '.join(text.split())}"]
    idle: list[str] = []
    for step in explain(normaliser, text):
        if step.changed:
            lines.append(f"    {step.step}: {step.text}")
        else:
            idle.append(step.step)
    if idle:
        lines.append(f"    without effect: {'; '.join(idle)}")
    return lines


def _aligned(utterance: ScoredUtterance) -> list[str]:
    """Reference over hypothesis, gaps as stars, errors marked, and the counts."""
    columns: list[tuple[str, str, str]] = []
    for operation, reference, hypothesis in utterance.alignment:
        width = max(len(reference), len(hypothesis))
        columns.append(
            tuple(  # type: ignore[arg-type]
                cell.ljust(width)
                for cell in (reference or "*" * width, hypothesis or "*" * width, _MARKS[operation])
            )
        )
    rows = zip(*columns, strict=True) if columns else [("",), ("",)]
    words = utterance.words
    shown = (
        f"    {name:<11}{' '.join(cells)}".rstrip()
        for name, cells in zip(("reference", "hypothesis", ""), rows, strict=False)
    )
    return [
        *(line for line in shown if line),
        f"    {words.errors} errors in {words.reference_length} words: {words.substitutions} substitutions, "
        f"{words.deletions} deletions, {words.insertions} insertions",
    ]
