"""What `asr score` and `asr evaluate` have in common: options of the report, and bringing it out."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr.errors import AudioError, EvaluationError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from asr.evaluation.report import Report
    from asr.evaluation.transcript import TranscriptPair

WORST = 20
_FOCUS = 10
_AUDIO_RATE = 16000
# An embedded minute of FLAC is about a megabyte of page.
_MOST_EMBEDDED_HOURS = 2.0


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how errors are counted, and how they are shown."""
    from asr.evaluation.normalisation import NORMALISERS

    parser.add_argument(
        "--normaliser",
        choices=list(NORMALISERS),
        default="basic",
        help="; ".join(f"{item.name}: {item.summary}" for item in NORMALISERS.values())
        + "; default: %(default)s; the raw rates stand beside",
    )
    parser.add_argument(
        "--alignment",
        choices=["levenshtein", "sclite"],
        default="levenshtein",
        help="levenshtein: fewest errors (default); sclite: NIST's weights",
    )
    parser.add_argument(
        "--vocabulary",
        type=Path,
        metavar="FILE",
        help="known words, as a text file or a manifest (.jsonl), for errors in and out of the vocabulary, and by how often "
        "a word is in its text",
    )
    parser.add_argument(
        "--focus",
        type=Path,
        metavar="FILE",
        help="words and phrases, one a line (a weight behind a tab, as of --hot-words, is passed over): recall, precision and "
        "F1 of each, and the WER of these words and of all others",
    )
    parser.add_argument(
        "--merge-compounds",
        action="store_true",
        help='count words that differ in spaces alone ("any body", "anybody") as right, and show how many, and the rate without',
    )
    parser.add_argument(
        "--explain",
        action="append",
        default=[],
        metavar="ID",
        help="show what each step of the normaliser does to an utterance, and what is counted; may be given several times",
    )
    parser.add_argument(
        "--audio",
        choices=["none", "embed", "files"],
        default="none",
        help="make the utterances playable: embed them in the page, or as files beside it; default: %(default)s",
    )
    parser.add_argument("--title", help="of the report")
    parser.add_argument(
        "--markdown", action="store_true", help="print Markdown instead of a table, for $GITHUB_STEP_SUMMARY"
    )
    parser.add_argument(
        "--fail-above", type=float, metavar="PERCENT", help="exit 1 when the WER is above this many per cent"
    )


def read_focus(path: Path | None) -> list[str]:
    """The words and phrases of a file, one a line, without what stands behind a tab; none for None.

    Raises:
        EvaluationError: unreadable, or nothing in it.
    """
    from asr.evaluation.formats.lines import read_lines

    if path is None:
        return []
    phrases = [phrase for line in read_lines(path) if (phrase := line.text.partition("\t")[0].strip())]
    if not phrases:
        raise EvaluationError(f"{path}: no word in it; expected a word or phrase a line")
    return phrases


def read_vocabulary(path: Path | None) -> Counter[str] | None:
    """The words of a text file or of a manifest's transcripts, with how often they are there; None for None.

    Raises:
        EvaluationError: unreadable, or no word in it.
    """
    from asr.evaluation.formats import read_transcripts
    from asr.evaluation.formats.lines import read_lines

    if path is None:
        return None
    if path.suffix == ".jsonl":
        words = Counter(word for transcript in read_transcripts(path) for word in transcript.text.split())
    else:
        words = Counter(word for line in read_lines(path) for word in line.text.split())
    if not words:
        raise EvaluationError(f"{path}: no word in it; expected a vocabulary")
    return words


def bring_out(
    arguments: argparse.Namespace,
    report: "Report",
    *,
    out: Path | None,
    pictures: Mapping[str, bytes] | None = None,
) -> int:
    """Write the folder, print the numbers, and say by the exit code whether they are good enough."""
    import asr
    from asr.cli.console import table
    from asr.evaluation.explanation import explain_utterances
    from asr.evaluation.renderings import as_markdown, focus_rows, notes, terminal_rows
    from asr.evaluation.report_folder import write_report

    if out is not None:
        audio = collect_audio(report.pairs, how=arguments.audio, out=out)
        page = write_report(out, report, pictures=pictures, audio=audio, version=asr.__version__)
    if arguments.markdown:
        print(as_markdown(report))
    else:
        print(table(terminal_rows(report)))
        for note in notes(report):
            print(note)
        if report.focus is not None:
            print("\n" + table(focus_rows(report.focus, most=_FOCUS)))
    if arguments.explain:
        print("\n" + "\n".join(explain_utterances(report, arguments.explain)))
    if out is not None:
        print(f"report: {page}", file=sys.stderr if arguments.markdown else sys.stdout)
    return tell_limit(arguments.fail_above, report.result.score.wer, measure="WER", title=report.title)


def tell_limit(limit: float | None, rate: float, *, measure: str, title: str) -> int:
    """The exit code: 1, and a message, where a rate (a fraction) is above a limit in per cent."""
    from asr.evaluation.renderings import percent

    if limit is None or 100 * rate <= limit:
        return 0
    message = f"{measure} {percent(rate)} is above {limit:g} % ({title})"
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print(f"::error title=Word error rate::{message}", file=sys.stderr)
    else:
        print(f"asr: {message}", file=sys.stderr)
    return 1


def check_audio_option(arguments: argparse.Namespace, *, out: Path | None) -> None:
    """Refuse options that do nothing without a folder.

    Raises:
        UsageError: --audio without --out.
    """
    if arguments.audio != "none" and out is None:
        raise UsageError(f"--audio {arguments.audio} without --out; give a folder for the report")


def collect_audio(pairs: Sequence["TranscriptPair"], *, how: str, out: Path) -> dict[str, str]:
    """What the page's players take, by utterance id: data: URIs, or the paths of FLAC files made in `out`.

    Whatever the recordings are, they become FLAC at 16 kHz, which browsers play. How many cannot be
    read is said on stderr, with the first reason.

    Raises:
        EvaluationError: no utterance has audio, or more hours to embed than a page should hold.
    """
    if how == "none":
        return {}
    playable = [pair for pair in pairs if pair.audio is not None]
    if not playable:
        raise EvaluationError(
            f"--audio {how}: no reference has `audio`; expected a manifest (.jsonl) as references"
        )
    hours = sum(pair.duration or 0.0 for pair in playable) / 3600
    if how == "embed" and hours > _MOST_EMBEDDED_HOURS:
        raise EvaluationError(
            f"--audio embed: {hours:.1f} h of audio; expected at most {_MOST_EMBEDDED_HOURS:g} h in a page; "
            "take --audio files"
        )
    sources: dict[str, str] = {}
    failed: list[str] = []
    for number, pair in enumerate(playable):
        try:
            sources[pair.id] = _player_source(pair, number=number, how=how, out=out)
        except AudioError as error:
            failed.append(f"utt {pair.id}: {error}")
    if failed:
        print(f"asr: {len(failed)} utterances cannot be played; {failed[0]}", file=sys.stderr)
    return sources


def pair_waveform(pair: "TranscriptPair", *, sample_rate: int) -> "np.ndarray":
    """The `(N,)` waveform of a pair that says where its audio is: its stretch, its channel. Raises AudioError."""
    from asr.data.audio import read_audio

    assert pair.audio is not None
    return read_audio(
        pair.audio, sample_rate=sample_rate, start=pair.start, duration=pair.duration, channel=pair.channel
    )


def _player_source(pair: "TranscriptPair", *, number: int, how: str, out: Path) -> str:
    import base64
    import io

    import soundfile

    from asr.files import write_atomically

    waveform = pair_waveform(pair, sample_rate=_AUDIO_RATE)
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform.clip(-1, 1), _AUDIO_RATE, format="FLAC", subtype="PCM_16")
    if how == "embed":
        return "data:audio/flac;base64," + base64.b64encode(buffer.getvalue()).decode()
    name = f"audio/{number:06d}.flac"
    with write_atomically(out / name, mode="wb") as file:
        file.write(buffer.getvalue())
    return name
