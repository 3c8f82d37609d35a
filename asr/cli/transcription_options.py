"""Options of transcription: formats, subtitles, and how recordings go through the network."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.config_options import add_config_options, given_fields

if TYPE_CHECKING:
    from asr.transcription.formats import SubtitleRules
    from asr.transcription.pipeline_config import PipelineConfig
    from asr.transcription.ray_cluster import RaySettings
    from asr.transcription.recogniser import Recogniser
    from asr.transcription.transcriber import Transcriber


def add_subtitle_options(parser: argparse.ArgumentParser) -> None:
    """Add the rules of cues, for srt and vtt."""
    from asr.transcription.formats import SubtitleRules

    add_config_options(parser.add_argument_group("subtitles"), SubtitleRules)


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
    from asr.transcription.pipeline_config import PipelineConfig
    from asr.transcription.stretches import StretchRules
    from asr.transcription.windows import Windowing

    group = parser.add_argument_group("long recordings")
    add_config_options(group, PipelineConfig, only=("vad",))
    add_config_options(group, Windowing)
    add_config_options(group, StretchRules)
    add_config_options(group, PipelineConfig, only=("pause", "seconds_per_batch"))
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
    from asr.transcription.pipeline_config import PipelineConfig

    add_config_options(parser, PipelineConfig, only=("channels",))


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
    from asr.transcription.formats import SubtitleRules

    return SubtitleRules(**given_fields(arguments, SubtitleRules))


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
    windowing = Windowing(**given_fields(arguments, Windowing))
    stretches = StretchRules(margin=0, longest=windowing.window, **given_fields(arguments, StretchRules))
    config = PipelineConfig(**given_fields(arguments, PipelineConfig))
    if config.seconds_per_batch <= 0 or config.pause <= 0:
        raise UsageError("--seconds-per-batch and --segment-pause must be above 0")
    windows = max(1, int(config.seconds_per_batch / windowing.longest))
    return replace(
        config,
        windowing=replace(windowing, batch=windows),
        stretches=replace(stretches, margin=stretches.pause / 2),
        threads=arguments.threads or usable_processors(),
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
