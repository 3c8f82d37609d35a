"""`asr score --speakers`: cpWER and tcpWER, session by session."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from asr.errors import UsageError

if TYPE_CHECKING:
    from asr.evaluation.attributed import AttributedErrors, SessionScore

# What has no meaning for sessions, and its value when it is not given.
_OTHERS: dict[str, object] = {
    "--alignment": "levenshtein",
    "--vocabulary": None,
    "--focus": None,
    "--merge-compounds": False,
    "--explain": [],
    "--audio": "none",
    "--ids": None,
}


def score_sessions(arguments: argparse.Namespace) -> int:
    """Score, print, write, and say by the exit code whether cpWER is good enough."""
    import asr
    from asr.cli.console import table
    from asr.cli.report_output import tell_limit
    from asr.evaluation.attributed import COLLAR, score_speakers
    from asr.evaluation.formats import read_segments
    from asr.evaluation.normalisation import find_normaliser
    from asr.evaluation.renderings import markdown_table
    from asr.files import write_atomically

    given = [
        name
        for name, value in _OTHERS.items()
        if getattr(arguments, name.removeprefix("--").replace("-", "_")) != value
    ]
    if given:
        raise UsageError(f"{', '.join(given)} with --speakers, which does nothing with it; leave it out")
    if arguments.hypothesis is None:
        raise UsageError("--speakers without HYP; expected two files, in stm, seglst or ctm")
    normaliser = find_normaliser(arguments.normaliser)
    collar = COLLAR if arguments.collar is None else arguments.collar
    scores = score_speakers(
        read_segments(arguments.reference, format=arguments.ref_format or arguments.format),
        read_segments(
            arguments.hypothesis, format=arguments.hyp_format or arguments.format, side="hypothesis"
        ),
        normaliser=normaliser,
        collar=collar,
        missing_as_empty=arguments.missing == "empty",
    )
    method = (
        f"normaliser {normaliser.described}; cpWER and tcpWER (collar {collar:g} s) by meeteval; a word with the wrong speaker "
        "is a deletion and an insertion"
    )
    title = arguments.title or f"{arguments.hypothesis.name}: speaker-attributed word error rate"
    rows = _rows(scores)
    markdown = "\n".join([f"## {title}", "", *markdown_table(rows), "", f"{method}.", ""])
    print(markdown if arguments.markdown else f"{table(rows)}\n{method}")
    if arguments.out is not None:
        settings = {
            "references": str(arguments.reference),
            "hypotheses": str(arguments.hypothesis),
            "normaliser": normaliser.described,
            "collar": collar,
        }
        values = {
            "title": title,
            "version": asr.__version__,
            "settings": settings,
            "sessions": [_values(item) for item in scores[:-1]],
            "all": _values(scores[-1]),
        }
        with write_atomically(arguments.out / "speakers.json") as file:
            json.dump(values, file, indent=2, ensure_ascii=False)
            file.write("\n")
        with write_atomically(arguments.out / "speakers.md") as file:
            file.write(markdown)
        print(
            f"scores: {arguments.out / 'speakers.json'}",
            file=sys.stderr if arguments.markdown else sys.stdout,
        )
    return tell_limit(arguments.fail_above, scores[-1].cp.words.rate, measure="cpWER", title=title)


def _rows(scores: Sequence["SessionScore"]) -> list[tuple[str, ...]]:
    header = (
        "session", "speakers", "missed", "extra", "words", "cpWER", "sub", "del", "ins", "tcpWER", "sub", "del", "ins",
    )  # fmt: skip
    return [header, *map(_row, scores)]


def _row(item: "SessionScore") -> tuple[str, ...]:
    numbers = (item.cp.speakers, item.cp.missed, item.cp.extra, item.cp.words.reference_length)
    return (item.session, *(f"{number:,}" for number in numbers), *_counts(item.cp), *_counts(item.tcp))


def _counts(errors: "AttributedErrors") -> tuple[str, ...]:
    from asr.evaluation.renderings import percent

    words = errors.words
    return (percent(words.rate), f"{words.substitutions:,}", f"{words.deletions:,}", f"{words.insertions:,}")


def _values(item: "SessionScore") -> dict[str, Any]:
    def values(errors: "AttributedErrors") -> dict[str, Any]:
        rate = errors.words.rate
        return {
            "rate": rate if abs(rate) < float("inf") else None,
            **asdict(errors.words),
            "speakers": errors.speakers,
            "missed": errors.missed,
            "extra": errors.extra,
        }

    return {
        "session": item.session,
        "cpwer": values(item.cp),
        "tcpwer": values(item.tcp),
        "assignment": [{"reference": one, "hypothesis": other} for one, other in item.assignment],
    }
