"""Score hypotheses against references, whatever recogniser made them.

  asr score ref.trn hyp.trn
  asr score data/an4/test.jsonl hypotheses.jsonl --out reports/an4 --normaliser english
  asr score ref.stm hyp.ctm --fail-above 10
  asr score results.csv
  asr score ref.txt hyp.txt --format lines --ids ids.txt
  asr score ref.trn hyp.trn --normaliser open-asr --merge-compounds --focus names.txt
  asr score ref.trn hyp.trn --normaliser open-asr --explain sw-4390-12
  asr score meeting.stm meeting.json --speakers --collar 5

Formats: our JSON lines, Kaldi's text (`id words`), NIST's TRN, STM and CTM, SegLST (a JSON list of segments), CSV and
TSV with a header, and parallel lines of words alone (`--format lines`). Each side's format is told from its name and first line. A
table with a column `reference` and a column `hypothesis` (or `text` and `prediction`, ...) is all by itself.

References in STM and TRN may have { one / two / @ } alternatives and (optional) words: the reading nearest to the
hypothesis counts, as with sclite -D.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.report_output import WORST, add_report_options, pair_waveform

if TYPE_CHECKING:
    from asr.evaluation.report import Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from asr.evaluation.formats import FORMATS

    parser.add_argument("reference", metavar="REF", type=Path, help="what was said, or a table with both")
    parser.add_argument(
        "hypothesis",
        metavar="HYP",
        type=Path,
        nargs="?",
        help="what was recognised; left out where REF is a table with both",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the report; none is written without"
    )
    parser.add_argument("--format", choices=FORMATS, help="of both files")
    parser.add_argument("--ref-format", choices=FORMATS, help="of REF alone")
    parser.add_argument("--hyp-format", choices=FORMATS, help="of HYP alone")
    parser.add_argument("--ids", type=Path, metavar="FILE", help="for --format lines: the id of each line")
    parser.add_argument(
        "--missing",
        choices=["error", "empty"],
        default="error",
        help="a reference without a hypothesis is an error (default), or counts as all deleted",
    )
    parser.add_argument(
        "--speakers",
        action="store_true",
        help="who said it counts, too: cpWER and tcpWER of each session, for files in stm, seglst or ctm (whose channels are "
        "the speakers); needs meeteval",
    )
    parser.add_argument(
        "--collar",
        type=float,
        metavar="SECONDS",
        help="with --speakers: how far apart in time words of tcpWER may be; default: 5",
    )
    add_report_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Score."""
    from asr.cli.report_output import bring_out, check_audio_option, read_focus, read_vocabulary
    from asr.cli.score_speakers import score_sessions
    from asr.errors import UsageError
    from asr.evaluation.explanation import check_ids
    from asr.evaluation.formats import read_transcripts_pair
    from asr.evaluation.report import build_report
    from asr.evaluation.transcript import pair_transcripts

    if arguments.speakers:
        return score_sessions(arguments)
    if arguments.collar is not None:
        raise UsageError("--collar without --speakers, which alone heeds it; give both, or leave it out")
    check_audio_option(arguments, out=arguments.out)
    if arguments.hypothesis is None and arguments.hyp_format is not None:
        raise UsageError(
            "--hyp-format without HYP; give the file of hypotheses, or --format for a table with both"
        )
    formats = (arguments.ref_format or arguments.format, arguments.hyp_format or arguments.format)
    if arguments.ids is not None and "lines" not in formats:
        raise UsageError("--ids is for --format lines; the other formats hold their ids")
    references, hypotheses = read_transcripts_pair(
        arguments.reference,
        arguments.hypothesis,
        reference_format=formats[0],
        hypothesis_format=formats[1],
        ids=arguments.ids,
    )
    hypothesis = arguments.hypothesis or arguments.reference
    pairs = pair_transcripts(
        references,
        hypotheses,
        reference_name=str(arguments.reference),
        hypothesis_name=str(hypothesis),
        missing_as_empty=arguments.missing == "empty",
    )
    check_ids(arguments.explain, [pair.id for pair in pairs])
    settings = {"references": str(arguments.reference), "hypotheses": str(hypothesis)}
    if len(hypotheses) < len(references):
        settings["without hypothesis"] = f"{len(references) - len(hypotheses):,} utterances, counted as empty"
    report = build_report(
        pairs,
        title=arguments.title or f"{hypothesis.name}: word error rate",
        settings=settings,
        normaliser=arguments.normaliser,
        alignment=arguments.alignment,
        focus=read_focus(arguments.focus),
        merge=arguments.merge_compounds,
        vocabulary=read_vocabulary(arguments.vocabulary),
    )
    pictures = _spectrograms(report) if arguments.out is not None else {}
    return bring_out(arguments, report, out=arguments.out, pictures=pictures)


def _spectrograms(report: "Report") -> dict[str, bytes]:
    """Spectrograms of the worst utterances whose references say where the audio is."""
    from asr.errors import AsrError
    from asr.evaluation.pictures import Seen, draw_utterance

    drawn: dict[str, bytes] = {}
    failed: list[AsrError] = []
    for pair in (report.pairs[index] for index in report.worst(WORST)):
        if pair.audio is None:
            continue
        try:
            waveform = pair_waveform(pair, sample_rate=16000)
        except AsrError as error:
            failed.append(error)
            continue
        drawn[pair.id] = draw_utterance(Seen(waveform, 16000))
    if failed:
        print(f"asr: no picture of {len(failed)} of the worst utterances: {failed[0]}", file=sys.stderr)
    return drawn
