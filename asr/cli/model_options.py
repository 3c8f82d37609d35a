"""Options of every verb that uses a trained model."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --decoding, --beam-width, --device, --precision."""
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="CKPT",
        help="a checkpoint that `asr train` wrote, such as RUN/checkpoints/best.pt",
    )
    parser.add_argument(
        "--decoding", choices=["greedy", "beam"], default="greedy", help="default: %(default)s"
    )
    parser.add_argument(
        "--beam-width",
        type=int,
        default=16,
        metavar="N",
        help="prefixes kept by the beam search; default: %(default)s",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto (default)")
    parser.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16"],
        default="auto",
        help="auto (default) takes bfloat16 where the hardware multiplies it",
    )


def load_model(arguments: argparse.Namespace) -> "Transcriber":
    """The transcriber that the options ask for."""
    from asr.decoding.decoder import DecodingConfig
    from asr.errors import UsageError
    from asr.transcription.transcriber import load

    if arguments.beam_width < 1:
        raise UsageError(f"--beam-width {arguments.beam_width}; expected at least 1")
    return load(
        arguments.model,
        decoding=DecodingConfig(arguments.decoding, arguments.beam_width),
        device=arguments.device,
        precision=arguments.precision,
    )
