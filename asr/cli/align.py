"""When each word of a transcript is spoken: forced alignment, of recordings of any length.

asr align speech.wav speech.txt --model best.pt                      JSON on stdout
asr align book.flac chapter.txt --model best.pt --format textgrid --out chapter.TextGrid
"""

import argparse
import sys
from pathlib import Path

from asr.cli.model_options import add_checkpoint_options


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("audio", metavar="AUDIO", type=Path, help="a recording; any format, rate and length")
    parser.add_argument(
        "transcript", metavar="TRANSCRIPT", type=Path, help="a text file of what is said; lines are joined"
    )
    parser.add_argument(
        "--format", choices=["json", "ctm", "textgrid"], default="json", help="default: %(default)s"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="instead of stdout")
    add_checkpoint_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Align."""
    from asr.decoding.alignment_formats import FORMATS
    from asr.decoding.options import tuned_options
    from asr.errors import AsrError, DecodingError, TranscriptError
    from asr.files import write_atomically
    from asr.transcription.transcriber import load
    from asr.transcription.windows import emit_file

    try:
        text = arguments.transcript.read_text(encoding="utf-8")
    except OSError as error:
        raise TranscriptError(
            f"{arguments.transcript}: cannot read the transcript: {error.strerror}"
        ) from None
    except UnicodeDecodeError as error:
        raise TranscriptError(f"{arguments.transcript}: not UTF-8 text (byte {error.start})") from None
    options = tuned_options(arguments.model).as_greedy() if arguments.model is not None else None
    transcriber = load(
        arguments.model, decoding=options, device=arguments.device, precision=arguments.precision
    )
    try:
        tokens = transcriber.tokenizer.encode(text)
    except AsrError as error:
        raise TranscriptError(f"{arguments.transcript}: {error}") from None
    if not tokens:
        raise TranscriptError(f"{arguments.transcript}: no text in it; nothing to align")
    log_probs, seconds = emit_file(transcriber, arguments.audio)
    try:
        words = transcriber.align(log_probs, tokens)
    except DecodingError as error:
        raise TranscriptError(
            f"{arguments.audio}: {error}; is {arguments.transcript} its transcript?"
        ) from None
    written = FORMATS[arguments.format](words, name=arguments.audio.stem, duration=seconds)
    if arguments.out is None:
        sys.stdout.write(written)
    else:
        with write_atomically(arguments.out) as file:
            file.write(written)
    return 0
