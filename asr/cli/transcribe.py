"""Audio and video files of any length -> text, subtitles, tables.

  asr transcribe speech.flac --model runs/an4/checkpoints/best.pt
  asr transcribe lecture.mp4 --output-dir out --format srt,txt
  asr transcribe recordings/ 'more/**/*.mp3' --output-dir out --format all --resume
  asr transcribe test.jsonl --output-dir out --format ctm
  curl -s URL | asr transcribe - --json      # or /dev/stdin, or <(sox a.wav -t wav - tempo 1.2)

  asr transcribe call.wav --channels separate

Without --output-dir the text goes to stdout: one recording gives its text alone; several give `file<TAB>text`,
a line each, in the order asked for; where channels are told apart, a line a turn. With it, each recording gets a file a format, and `transcripts.jsonl`
lists them all, as a manifest. Folders are walked; a .jsonl file is a manifest. With --ray the
processes, GPUs and machines of a Ray cluster share the recordings.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.console import complain
from asr.cli.model_options import add_model_options, begin_search
from asr.cli.progress import AudioProgress
from asr.cli.transcription_options import (
    add_channels_option,
    add_pipeline_options,
    add_ray_options,
    add_subtitle_options,
    add_text_options,
    open_recogniser,
    pipeline_config,
    ray_settings,
    read_formats,
    subtitle_rules,
)

if TYPE_CHECKING:
    from asr.transcription.formats import SubtitleRules
    from asr.transcription.output_folder import OutputFolder
    from asr.transcription.pipeline import Outcome
    from asr.transcription.pipeline_config import PipelineConfig
    from asr.transcription.recogniser import Recogniser
    from asr.transcription.recordings import Failure, Recording
    from asr.transcription.transcriber import Transcriber


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help="files, folders, globs, manifests (.jsonl), or - for stdin, and other pipes; any audio format and rate, and video",
    )
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="write files there instead of stdout")
    parser.add_argument(
        "--format",
        metavar="F,F",
        help="txt (a line a segment), json, srt, vtt, tsv, ctm, stm, textgrid, textgrid-short, eaf (ELAN), audacity (labels), csv, or "
        "all; default: txt",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="skip what an earlier run with the same settings has finished in the output folder",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="to stdout: one JSON object a line: file, text, words with times (seconds) and confidence",
    )
    parser.add_argument(
        "--n-best",
        type=int,
        default=1,
        metavar="N",
        help="in JSON: the N best texts and their scores (natural log), of all of a short recording and of each "
        "stretch of a long one; needs the beam search; default: %(default)s, the transcript alone",
    )
    parser.add_argument(
        "--allow-truncated",
        action="store_true",
        help="take what is there of recordings that were cut short, with a warning; without it they fail",
    )
    add_channels_option(parser)
    add_text_options(parser)
    add_subtitle_options(parser)
    add_pipeline_options(parser)
    add_ray_options(parser)
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Transcribe."""
    from asr.data.audio import is_stream
    from asr.errors import UsageError
    from asr.transcription.recogniser import transcribe_wanted
    from asr.transcription.recordings import find_recordings

    formats = read_formats(arguments.format)
    settings = ray_settings(arguments)
    if arguments.output_dir is None:
        if arguments.resume:
            raise UsageError("--resume needs an output folder to work in; add --output-dir DIR")
        if arguments.json and arguments.format:
            raise UsageError("--json and --format both select what stdout holds; give one")
        if len(formats) > 1:
            raise UsageError(f"{len(formats)} formats cannot share stdout; add --output-dir DIR")
    elif arguments.json:
        raise UsageError("--json is for stdout; with --output-dir take --format json")
    if arguments.n_best > 1 and not arguments.json and "json" not in formats:
        raise UsageError("--n-best goes into JSON alone; add --json, or --format json")
    config = replace(pipeline_config(arguments), n_best=arguments.n_best)
    rules = subtitle_rules(arguments)
    if settings is not None and (pipes := [text for text in arguments.inputs if is_stream(text)]):
        raise UsageError(f"{pipes[0]}: a pipe cannot be shared among workers; give files, or leave out --ray")
    recordings, failures = find_recordings(arguments.inputs, allow_truncated=arguments.allow_truncated)
    if recordings:
        begin_search(arguments)
    if arguments.output_dir is not None:
        return _to_folder(arguments, formats, recordings, failures, config=config)
    total = len(recordings) + len(failures)
    if total > 1 and arguments.format and not set(formats) <= {"ctm", "stm"}:
        raise UsageError(
            f"{total} recordings in the format {formats[0]} cannot share stdout; add --output-dir DIR"
        )
    for failure in failures:
        complain(failure)
    if not recordings:
        return _report(failures, total)
    with (
        open_recogniser(arguments, _load(arguments), config) as recogniser,
        AudioProgress(recordings) as progress,
    ):
        outcomes = transcribe_wanted(
            recogniser,
            recordings,
            wanted=[recording.name for recording in recordings],
            progress=progress.advance,
        )
        for outcome in _in_order(outcomes, recordings):
            if outcome.transcription is None:
                failures.append(_failure(outcome))
                complain(failures[-1])
            else:
                _print(arguments, outcome, formats[0], alone=total == 1, rules=rules)
    return _report(failures, total)


def _to_folder(
    arguments: argparse.Namespace,
    formats: Sequence[str],
    recordings: Sequence["Recording"],
    failures: list["Failure"],
    *,
    config: "PipelineConfig",
) -> int:
    """Write the outputs of what is not finished."""
    from asr.transcription.output_folder import OutputFolder

    rules, total = subtitle_rules(arguments), len(recordings) + len(failures)
    with open_recogniser(arguments, _load(arguments), config) as recogniser:
        folder = OutputFolder(
            arguments.output_dir,
            formats=formats,
            subtitles=rules,
            settings=recogniser.identity(asdict(rules)),
        )
        for failure in failures:
            complain(failure)
        folder.begin(resume=arguments.resume)
        failures += _fill(folder, recogniser, recordings)
    folder.merge(recordings)
    return _report(failures, total)


def _fill(
    folder: "OutputFolder", recogniser: "Recogniser", recordings: Sequence["Recording"]
) -> list["Failure"]:
    """Transcribe what is not finished; what failed."""
    from asr.errors import AsrError
    from asr.transcription.recogniser import transcribe_wanted
    from asr.transcription.recordings import Failure

    finished = folder.finished(recordings)
    wanted = [recording for recording in recordings if recording.name not in finished]
    if finished:
        print(f"asr: {len(finished)} of {len(recordings)} recordings are finished already", file=sys.stderr)
    failures: list[Failure] = []
    with AudioProgress(wanted) as progress:
        for outcome in transcribe_wanted(
            recogniser,
            recordings,
            wanted=[recording.name for recording in wanted],
            progress=progress.advance,
        ):
            if outcome.transcription is None:
                failures.append(_failure(outcome))
                complain(failures[-1])
                continue
            try:
                folder.write(outcome.recording, outcome.transcription)
            except AsrError as error:
                failures.append(Failure(outcome.recording.source, error))
                complain(failures[-1])
    return failures


def _load(arguments: argparse.Namespace) -> "Transcriber":
    from asr.cli.model_options import load_model
    from asr.errors import UsageError

    transcriber = load_model(arguments)
    if arguments.n_best > 1 and transcriber.emitter.info.decoder_network is not None:
        raise UsageError("--n-best: this model decodes with a network of its own, which writes one text")
    if arguments.n_best > 1 and transcriber.options.method == "greedy":
        raise UsageError("--n-best needs --decoding beam")
    return transcriber


def _in_order(outcomes: Iterator["Outcome"], recordings: Sequence["Recording"]) -> Iterator["Outcome"]:
    """Outcomes in the order of the recordings, each as soon as those before it are there."""
    waiting: dict[str, Outcome] = {}
    names = iter([recording.name for recording in recordings])
    following = next(names, None)
    for outcome in outcomes:
        waiting[outcome.recording.name] = outcome
        while following in waiting:
            yield waiting.pop(following)
            following = next(names, None)


def _print(
    arguments: argparse.Namespace,
    outcome: "Outcome",
    format: str,
    *,
    alone: bool,
    rules: "SubtitleRules",
) -> None:
    """One transcription to stdout."""
    from asr.transcription.formats import render, transcription_record

    recording, transcription = outcome.recording, outcome.transcription
    assert transcription is not None
    if arguments.json:
        record = transcription_record(transcription, name=recording.source)
        print(json.dumps(record, ensure_ascii=False), flush=True)
    elif arguments.format:
        sys.stdout.write(render(transcription, format, name=recording.name, subtitles=rules))
        sys.stdout.flush()
    else:
        lines = transcription.lines if transcription.has_channels else (transcription.text,)
        print("\n".join(lines if alone else (f"{recording.source}\t{line}" for line in lines)), flush=True)


def _failure(outcome: "Outcome") -> "Failure":
    from asr.transcription.recordings import Failure

    assert outcome.error is not None
    return Failure(outcome.recording.source, outcome.error)


def _report(failures: Sequence["Failure"], total: int) -> int:
    """List what failed; the exit code."""
    if failures and total > 1:
        print(f"asr: {len(failures)} of {total} files failed:", file=sys.stderr)
        for failure in failures:
            print(f"  {failure}", file=sys.stderr)
    return 1 if failures else 0
