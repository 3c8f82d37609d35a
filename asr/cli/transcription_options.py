"""Options of transcription: formats, subtitles, and how recordings go through the network."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asr.transcription.formats import SubtitleRules
    from asr.transcription.pipeline_config import PipelineConfig
    from asr.transcription.ray_cluster import RaySettings
    from asr.transcription.recogniser import Recogniser
    from asr.transcription.transcriber import Transcriber


def add_subtitle_options(parser: argparse.ArgumentParser) -> None:
    """Add the rules of cues, for srt and vtt."""
    from dataclasses import fields

    from asr.transcription.formats import SubtitleRules

    group = parser.add_argument_group("subtitles")
    for rule in fields(SubtitleRules):
        group.add_argument(
            "--" + rule.metadata["name"].replace("_", "-"),
            type=type(rule.default),
            default=rule.default,
            metavar="N" if isinstance(rule.default, int) else "S",
            help=f"{rule.metadata['help']}; default: {rule.default:g}",
        )


def add_text_options(parser: argparse.ArgumentParser) -> None:
    """Add --text and --tagger."""
    parser.add_argument(
        "--text",
        choices=["readable", "verbatim"],
        help="readable: with marks, capitals and figures, where there is a tagger (default); verbatim: as it is recognised",
    )
    parser.add_argument(
        "--tagger",
        type=Path,
        metavar="FILE",
        help="what `asr punctuation train` wrote, or english, the one in the package; default: the one beside the model, CKPT with the ending .tagger",
    )


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """Add how recordings are cut and batched."""
    group = parser.add_argument_group("long recordings")
    group.add_argument(
        "--vad",
        choices=["none", "silero", "energy"],
        default="none",
        help="what finds the pauses: the network itself, in recordings that are too long for one window (none, "
        "the default); silero-vad, or energy, in all recordings",
    )
    group.add_argument(
        "--window",
        type=float,
        default=30.0,
        metavar="S",
        help="seconds that go through the network whole; longer recordings are cut at pauses; default: 30",
    )
    group.add_argument(
        "--context",
        type=float,
        default=3.0,
        metavar="S",
        help="seconds that a window hears on either side besides, while the network looks for pauses; default: 3",
    )
    group.add_argument(
        "--cut-pause",
        type=float,
        default=1.0,
        metavar="S",
        help="seconds without speech at which a long recording is cut; default: 1",
    )
    group.add_argument(
        "--segment-pause",
        type=float,
        default=0.5,
        metavar="S",
        help="seconds between two words that part two segments of the transcript; default: 0.5",
    )
    group.add_argument(
        "--seconds-per-batch",
        type=float,
        default=120.0,
        metavar="S",
        help="padded seconds that go through the network together; default: 120",
    )
    group.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="processor threads; default: all cores",
    )


def add_ray_options(parser: argparse.ArgumentParser) -> None:
    """Add how work is shared among processes, GPUs and machines."""
    group = parser.add_argument_group("many processes, GPUs, machines (docs/scale.md)")
    group.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="share the work by Ray: local, for this machine; HOST:PORT or auto, for a cluster whose machines see the same files",
    )
    group.add_argument(
        "--cpus-per-worker",
        type=int,
        metavar="N",
        help="with --ray: cores of each worker; default: 1, or beside a GPU its share of the machine's cores",
    )
    group.add_argument(
        "--tries",
        type=int,
        metavar="N",
        help="with --ray: how often what a worker was lost with is tried before it is given up; default: 3",
    )


def add_channels_option(parser: argparse.ArgumentParser) -> None:
    """Add --channels."""
    parser.add_argument(
        "--channels",
        choices=["mix", "separate", "auto", "1", "2"],
        default="mix",
        help="of recordings of several channels, such as calls: mix adds them up (default); separate transcribes each by itself and "
        "says which, without what leaks into it from the others; auto does that unless they carry the same signal; 1 and 2 "
        "take one of them; utterances of a manifest that know their channel keep it, and mix, 1 and 2 leave leaks in them",
    )


def read_formats(text: str | None) -> list[str]:
    """`srt,txt` -> the formats, each once; txt when None. Raises UsageError for an unknown one."""
    from asr.errors import UsageError
    from asr.options import nearest
    from asr.transcription.formats import FORMATS

    names = [name.strip().lower() for name in (text or "txt").split(",") if name.strip()]
    if not names:
        raise UsageError(f"--format {text!r}: no format in it; expected some of {', '.join(FORMATS)}, or all")
    for name in names:
        if name != "all" and name not in FORMATS:
            raise UsageError(f"--format: no format {name!r}{nearest(name, [*FORMATS, 'all'])}")
    return list(FORMATS) if "all" in names else list(dict.fromkeys(names))


def subtitle_rules(arguments: argparse.Namespace) -> "SubtitleRules":
    """What the options ask of subtitles. Raises UsageError for what cannot be."""
    from dataclasses import fields

    from asr.transcription.formats import SubtitleRules

    given = {rule.name: getattr(arguments, rule.metadata["name"]) for rule in fields(SubtitleRules)}
    return SubtitleRules(**given)


def pipeline_config(arguments: argparse.Namespace) -> "PipelineConfig":
    """How the options let recordings go through the network.

    Raises:
        UsageError: numbers that do not fit together.
    """
    from asr.errors import UsageError
    from asr.processors import usable_processors
    from asr.transcription.pipeline_config import PipelineConfig
    from asr.transcription.stretches import StretchRules
    from asr.transcription.windows import Windowing

    if arguments.threads is not None and arguments.threads < 1:
        raise UsageError(f"--threads {arguments.threads}; expected at least 1")
    if arguments.seconds_per_batch <= 0 or arguments.segment_pause <= 0:
        raise UsageError("--seconds-per-batch and --segment-pause must be above 0")
    windowing = Windowing(arguments.window, arguments.context)
    windows = max(1, int(arguments.seconds_per_batch / windowing.longest))
    return PipelineConfig(
        windowing=Windowing(arguments.window, arguments.context, windows),
        stretches=StretchRules(
            pause=arguments.cut_pause, margin=arguments.cut_pause / 2, longest=arguments.window
        ),
        vad=arguments.vad,
        seconds_per_batch=arguments.seconds_per_batch,
        pause=arguments.segment_pause,
        threads=arguments.threads or usable_processors(),
        channels=getattr(arguments, "channels", "mix"),
    )


def ray_settings(arguments: argparse.Namespace) -> "RaySettings | None":
    """How the options share the work; None for this process alone. Raises UsageError for what does not fit together."""
    from asr.errors import UsageError

    numbers = {"cpus_per_worker": arguments.cpus_per_worker, "tries": arguments.tries}
    given = {name: number for name, number in numbers.items() if number is not None}
    if arguments.ray is None:
        if given:
            raise UsageError(
                f"--{next(iter(given)).replace('_', '-')} goes with --ray; add --ray local, or leave it out"
            )
        return None
    if arguments.threads is not None:
        raise UsageError("--threads is of one process; with --ray give --cpus-per-worker")
    from asr.transcription.ray_cluster import RaySettings

    return RaySettings(arguments.ray, **given)


@contextmanager
def open_recogniser(
    arguments: argparse.Namespace, transcriber: "Transcriber", config: "PipelineConfig"
) -> "Iterator[Recogniser]":
    """What transcribes: this process with its transcriber, or Ray's workers with the same settings. Raises AsrError as `RayPool`."""
    settings = ray_settings(arguments)
    if settings is None:
        from asr.transcription.recogniser import LocalRecogniser

        yield LocalRecogniser(transcriber, config)
        return
    from asr.cli.model_options import model_settings
    from asr.transcription.ray_pool import RayPool

    with RayPool(settings, model_settings(arguments), config) as pool:
        yield pool
