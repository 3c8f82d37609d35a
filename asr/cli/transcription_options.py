"""Options of transcription: formats, subtitles, and how recordings go through the network."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asr.transcription.formats import SubtitleRules
    from asr.transcription.pipeline import PipelineConfig
    from asr.transcription.processes import Processes


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
        help="what `asr punctuation train` wrote; default: the one beside the model, CKPT with the ending .tagger",
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
        help="processor threads; default: this process's share of the cores",
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


def pipeline_config(arguments: argparse.Namespace, processes: "Processes") -> "PipelineConfig":
    """How the options let recordings go through the network; sets PyTorch's threads on the way.

    Raises:
        UsageError: numbers that do not fit together.
    """
    import torch

    from asr.errors import UsageError
    from asr.transcription.pipeline import PipelineConfig
    from asr.transcription.stretches import StretchRules
    from asr.transcription.windows import Windowing

    if arguments.threads is not None and arguments.threads < 1:
        raise UsageError(f"--threads {arguments.threads}; expected at least 1")
    if arguments.seconds_per_batch <= 0 or arguments.segment_pause <= 0:
        raise UsageError("--seconds-per-batch and --segment-pause must be above 0")
    # torchrun sets one thread a process, whatever the machine has.
    if arguments.threads is not None or processes.count > 1:
        torch.set_num_threads(arguments.threads or processes.threads())
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
        threads=torch.get_num_threads(),
        channels=getattr(arguments, "channels", "mix"),
    )
