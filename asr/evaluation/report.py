"""The WER report: one self-contained HTML page, and the same numbers as JSON."""

import html
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from asr.evaluation.scoring import AlignedPair, ErrorCounts, Score
from asr.evaluation.significance import bootstrap_interval
from asr.files import write_atomically

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --sub: #d97706; --del: #dc2626; --ins: #2563eb }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { padding: .3rem .6rem; text-align: right;
border-bottom: 1px solid var(--line) } td:first-child, th:first-child { text-align: left }
.big { font-size: 2.6rem; font-weight: 600 } .utterance { border-bottom: 1px solid var(--line); padding: .6rem 0 }
.id { font-size: .8rem; opacity: .7 } .words { overflow-wrap: anywhere }
.substitute { color: var(--sub) } .delete { color: var(--del); text-decoration: line-through }
.insert { color: var(--ins); text-decoration: underline }
"""


def write_report(out: Path, score: Score, *, title: str, settings: Mapping[str, object]) -> Path:
    """Write report.html and report.json into `out`.

    Args:
        out: a folder; made when missing.
        score: the scored utterances.
        title: of the page.
        settings: what the numbers depend on (model, manifest, decoding, speed), shown as they are.

    Returns:
        The path of report.html.
    """
    with write_atomically(out / "report.json") as file:
        json.dump(summary(score, settings=settings), file, indent=2, ensure_ascii=False)
    page = out / "report.html"
    with write_atomically(page) as file:
        file.write(_page(score, title=title, settings=settings))
    return page


def summary(score: Score, *, settings: Mapping[str, object]) -> dict[str, object]:
    """The numbers of a report, as plain values; rates are fractions."""
    interval = bootstrap_interval([utterance.words for utterance in score.utterances])
    return {
        "wer": score.wer,
        "wer_interval_95": list(interval),
        "cer": score.cer,
        "ser": score.ser,
        "utterances": len(score.utterances),
        "wrong_utterances": score.wrong_sentences,
        "words": asdict(score.words),
        "characters": asdict(score.characters),
        "settings": dict(settings),
    }


def _page(score: Score, *, title: str, settings: Mapping[str, object]) -> str:
    low, high = bootstrap_interval([utterance.words for utterance in score.utterances])
    worst_first = sorted(score.utterances, key=lambda utterance: -utterance.words.errors)
    utterances = "".join(
        f'<div class="utterance"><div class="id">{html.escape(utterance.id)}: {utterance.words.errors} errors in '
        f'{utterance.words.reference_length} words</div><div class="words">{_words(utterance.alignment)}</div></div>'
        for utterance in worst_first
    )
    confusions = Counter(
        (pair.operation, pair.reference, pair.hypothesis)
        for utterance in score.utterances
        for pair in utterance.alignment
        if pair.operation != "equal"
    )
    frequent = "".join(
        f"<tr><td>{operation}</td><td>{html.escape(reference)}</td><td>{html.escape(hypothesis)}</td><td>{count}</td></tr>"
        for (operation, reference, hypothesis), count in confusions.most_common(20)
    )
    rows = "".join(
        f"<tr><td>{html.escape(str(key))}</td><td>{html.escape(str(value))}</td></tr>"
        for key, value in settings.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style><h1>{html.escape(title)}</h1>"
        f'<p><span class="big">{score.wer:.2%}</span> word error rate, 95 % interval {low:.2%} to {high:.2%} '
        f"(bootstrap over utterances)</p>"
        f"<table><tr><th></th><th>rate</th><th>errors</th><th>of</th><th>substitutions</th><th>deletions</th>"
        f"<th>insertions</th></tr>{_row('words', score.words)}{_row('characters', score.characters)}"
        f"<tr><td>utterances</td><td>{score.ser:.2%}</td><td>{score.wrong_sentences}</td>"
        f"<td>{len(score.utterances)}</td><td></td><td></td><td></td></tr></table>"
        f"<h2>Settings</h2><table>{rows}</table>"
        f"<h2>Most frequent errors</h2><table><tr><th>error</th><th>reference</th><th>hypothesis</th><th>times</th></tr>"
        f"{frequent}</table><h2>Utterances, worst first</h2>"
        f'<p><span class="substitute">substituted</span>, <span class="delete">deleted</span>, '
        f'<span class="insert">inserted</span></p>{utterances}</html>\n'
    )


def _row(name: str, counts: ErrorCounts) -> str:
    return (
        f"<tr><td>{name}</td><td>{counts.rate:.2%}</td><td>{counts.errors}</td><td>{counts.reference_length}</td>"
        f"<td>{counts.substitutions}</td><td>{counts.deletions}</td><td>{counts.insertions}</td></tr>"
    )


def _words(alignment: tuple[AlignedPair, ...]) -> str:
    shown = []
    for operation, reference, hypothesis in alignment:
        if operation == "equal":
            shown.append(html.escape(reference))
        elif operation == "substitute":
            shown.append(
                f'<span class="substitute" title="reference: {html.escape(reference, quote=True)}">'
                f"{html.escape(hypothesis)} ({html.escape(reference)})</span>"
            )
        else:
            shown.append(f'<span class="{operation}">{html.escape(reference or hypothesis)}</span>')
    return " ".join(shown)
