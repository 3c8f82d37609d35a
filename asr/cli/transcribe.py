"""Audio files -> text.

  asr transcribe speech.flac --model runs/an4/checkpoints/best.pt
  asr transcribe a.wav b.mp3 --model best.pt --json

One file gives its text alone; several give `file<TAB>text`, a line each, in the order asked for.
"""

import argparse
import json
import sys
from pathlib import Path

from asr.cli.model_options import add_model_options


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="audio; any format and rate")
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: file, text, words with times (seconds) and confidence",
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Transcribe."""
    from dataclasses import asdict

    from asr.cli.model_options import load_model
    from asr.errors import AsrError

    transcriber = load_model(arguments)
    failed = 0
    for path in arguments.files:
        try:
            hypothesis = transcriber.transcribe(path)
        except AsrError as error:
            print(f"asr: {error}", file=sys.stderr)
            failed += 1
            continue
        if arguments.json:
            words = [asdict(word) for word in hypothesis.words]
            record = {"file": str(path), "text": hypothesis.text, "score": hypothesis.score, "words": words}
            print(json.dumps(record, ensure_ascii=False), flush=True)
        else:
            print(hypothesis.text if len(arguments.files) == 1 else f"{path}\t{hypothesis.text}", flush=True)
    if failed and len(arguments.files) > 1:
        print(f"asr: {failed} of {len(arguments.files)} files failed", file=sys.stderr)
    return 1 if failed else 0
