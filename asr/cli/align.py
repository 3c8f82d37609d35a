"""When each word and phone of a text is spoken: forced alignment, of recordings of any length, one or a corpus.

asr align speech.wav speech.txt                                      JSON on stdout
asr align book.flac chapter.txt --format textgrid --out chapter.TextGrid
asr align corpus/ --output-dir aligned --format textgrid,csv         audio with .txt, .lab or .TextGrid beside it
asr align train.jsonl --output-dir aligned --format ctm --resume

Figures and signs are spelled out, words that the dictionary lacks are said by rule, with a notice. Where text and speech do not
fit together, the stretch is named in the output and in a warning; with --strict that is an error.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.console import complain
from asr.cli.model_options import add_checkpoint_options

if TYPE_CHECKING:
    from asr.alignment.aligner import Aligner, Alignment
    from asr.transcription.recordings import Failure

log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "source",
        metavar="AUDIO",
        type=Path,
        help="a recording, of any format, rate and length; or, without TEXT, a manifest (.jsonl) or a folder",
    )
    parser.add_argument(
        "transcript",
        metavar="TEXT",
        nargs="?",
        type=Path,
        help="a text file of what is said; lines are joined",
    )
    parser.add_argument(
        "--format",
        metavar="F,F",
        help="json, ctm, stm, textgrid, textgrid-short, eaf (ELAN), audacity (labels), csv (as the Montreal Forced Aligner's), srt, vtt, "
        "tsv, txt; several, or all, with --output-dir; default: json",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="of one recording, instead of stdout")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="of a manifest or a folder")
    parser.add_argument(
        "--resume", action="store_true", help="skip what an earlier run with the same settings has finished"
    )
    parser.add_argument(
        "--pronunciations",
        type=Path,
        metavar="FILE",
        help="a dictionary of your own in CMUdict's format, whose words go before the model's",
    )
    parser.add_argument(
        "--language",
        metavar="CODE",
        default="en",
        help="of figures in the text, as num2words has it; default: en",
    )
    fit = parser.add_mutually_exclusive_group()
    fit.add_argument(
        "--strict",
        action="store_true",
        help="a stretch where text and speech do not fit together is an error",
    )
    fit.add_argument(
        "--believe-text",
        action="store_true",
        help="the text is what is said, word for word: look for no such stretch",
    )
    add_checkpoint_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Align."""
    from asr.alignment.text_path import Prices
    from asr.cli.transcription_options import read_formats
    from asr.decoding.options import DecodingOptions
    from asr.errors import UsageError
    from asr.transcription.identity import aligner_identity
    from asr.transcription.loading import load

    formats = read_formats(arguments.format or "json")
    if arguments.transcript is not None:
        if len(formats) > 1:
            raise UsageError(
                f"{len(formats)} formats of one recording; expected one, or a folder with --output-dir"
            )
        if arguments.output_dir is not None or arguments.resume:
            raise UsageError(
                "--output-dir and --resume are for a manifest or a folder; with a TEXT take --out"
            )
    else:
        if arguments.output_dir is None:
            raise UsageError("give the TEXT of a recording, or --output-dir for a manifest or a folder")
        if arguments.out is not None:
            raise UsageError("--out is for one recording with its TEXT; --output-dir has the outputs")
    transcriber = load(
        arguments.model, decoding=DecodingOptions(), device=arguments.device, precision=arguments.precision
    )
    prices = None if arguments.believe_text else Prices()
    aligner = transcriber.aligner(
        pronunciations=arguments.pronunciations, prices=prices, language=arguments.language
    )
    if arguments.transcript is None:
        settings = aligner_identity(transcriber, aligner)
        return _corpus(arguments, aligner, formats, settings)
    return _one(arguments, aligner, formats[0])


def _one(arguments: argparse.Namespace, aligner: "Aligner", form: str) -> int:
    from asr.errors import DecodingError, TranscriptError
    from asr.files import read_text, write_atomically
    from asr.transcription.formats import render

    text = read_text(arguments.transcript, what="the transcript", error=TranscriptError)
    try:
        alignment = aligner.align_file(arguments.source, text)
    except TranscriptError as error:
        raise TranscriptError(f"{arguments.transcript}: {error}") from None
    except DecodingError as error:
        raise TranscriptError(f"{error}; is {arguments.transcript} its transcript?") from None
    _warn(alignment, str(arguments.source))
    written = render(alignment.transcription(), form, name=arguments.source.stem)
    if arguments.out is None:
        sys.stdout.write(written)
    else:
        with write_atomically(arguments.out) as file:
            file.write(written)
    return 1 if arguments.strict and alignment.misfits else 0


def _corpus(arguments: argparse.Namespace, aligner: "Aligner", formats: Sequence[str], settings: str) -> int:
    from tqdm import tqdm

    from asr.alignment.corpus import Line, Task, align_task, find_tasks, report
    from asr.errors import AsrError, TranscriptError
    from asr.files import write_atomically
    from asr.transcription.formats import FORMATS, SubtitleRules
    from asr.transcription.output_folder import OutputFolder
    from asr.transcription.recordings import Failure

    tasks, failures = find_tasks(arguments.source)
    folder = OutputFolder(arguments.output_dir, formats=formats, subtitles=SubtitleRules(), settings=settings)
    folder.begin(resume=arguments.resume)
    for failure in failures:
        complain(failure)
    recordings = [task.recording for task in tasks]
    finished = folder.finished(recordings)
    if finished:
        print(f"asr: {len(finished)} of {len(recordings)} recordings are finished already", file=sys.stderr)

    def align(task: Task) -> None:
        alignment = align_task(aligner, task)
        _warn(alignment, task.recording.source)
        if arguments.strict and alignment.misfits:
            raise TranscriptError(
                f"{len(alignment.misfits)} stretches where text and speech do not fit together"
            )
        folder.write(task.recording, alignment.transcription())

    for task in tqdm(tasks, desc="aligned", disable=not sys.stderr.isatty()):
        if task.recording.name in finished:
            continue
        try:
            align(task)
        except AsrError as error:
            failures.append(Failure(task.recording.source, error))
            complain(failures[-1])
    folder.merge(recordings)
    lines = []
    for record in folder.records(recordings):
        name = record["id"]
        lines.append(
            Line(
                name,
                len(record["text"].split()),
                record.get("confidence", 0.0),
                len(record.get("misfits", ())),
                f"{name}{FORMATS[formats[0]]}",
            )
        )
    with write_atomically(arguments.output_dir / "report.md") as file:
        file.write(report(lines, [str(failure) for failure in failures]))
    print(
        f"{arguments.output_dir}: {len(lines)} of {len(tasks) + len(failures) - _among(failures, recordings)} aligned; "
        f"report.md has the worst",
        file=sys.stderr,
    )
    return 1 if failures else 0


def _among(failures: Sequence["Failure"], recordings: Sequence[object]) -> int:
    """How many of the failures are of recordings that have a text."""
    sources = {getattr(recording, "source", None) for recording in recordings}
    return sum(failure.source in sources for failure in failures)


def _warn(alignment: "Alignment", where: str) -> None:
    """Say what was guessed, and what does not fit."""
    for word, said in alignment.guessed.items():
        log.info("%s: %r is not in the dictionary; taken as said %s", where, word, said)
    for misfit in alignment.misfits:
        log.warning("%s: %s", where, misfit)
