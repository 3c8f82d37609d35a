"""The microphone -> text, while you speak.

  asr listen --model runs/an4/checkpoints/best.pt
  asr listen --list-devices
  asr listen --file speech.wav        # a recording instead, at the pace it was spoken

What is final goes to stdout, a line a segment; in a terminal, what is being said shows below it. Ctrl-C ends.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.model_options import add_model_options
from asr.cli.transcription_options import add_text_options

if TYPE_CHECKING:
    import numpy as np

    from asr.transcription.live import LiveResult


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--audio-device", metavar="NAME", help="microphone: its number, or part of its name")
    parser.add_argument("--list-devices", action="store_true", help="say which microphones there are")
    parser.add_argument("--file", type=Path, help="hear a recording instead, at the pace it was spoken")
    parser.add_argument("--fast", action="store_true", help="with --file: as fast as it goes")
    parser.add_argument("--times", action="store_true", help="begin each line with its time")
    parser.add_argument("--pause", type=float, metavar="S", help="silence that ends a line; default: 0.8 s")
    add_text_options(parser)
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Listen until the file ends, or Ctrl-C."""
    from asr.cli.model_options import load_model
    from asr.errors import UsageError
    from asr.transcription.live import LiveConfig, open_session
    from asr.transcription.microphone import microphone_names, microphone_pieces

    if arguments.list_devices:
        print("\n".join(microphone_names()))
        return 0
    if arguments.fast and arguments.file is None:
        raise UsageError("--fast needs --file")
    config = LiveConfig() if arguments.pause is None else LiveConfig(pause=arguments.pause)
    transcriber = load_model(arguments)
    session = open_session(transcriber, config)
    screen = _Screen(with_times=arguments.times)
    if arguments.file is not None:
        pieces = _file_pieces(arguments.file, transcriber.sample_rate, in_real_time=not arguments.fast)
    else:
        pieces = microphone_pieces(transcriber.sample_rate, device=arguments.audio_device)
    try:
        for piece in pieces:
            for result in session.feed(piece):
                screen.show(result)
            if screen.is_idle:
                screen.hint("listening; Ctrl-C ends")
    except KeyboardInterrupt:
        if arguments.file is not None:
            raise
    for result in session.finish():
        screen.show(result)
    screen.close()
    return 0


def _file_pieces(path: Path, rate: int, *, in_real_time: bool) -> "Iterator[np.ndarray]":
    """A file in tenths of a second, each when it would have been heard."""
    import time

    from asr.data.audio import audio_blocks

    begin, heard, size = time.monotonic(), 0, rate // 10
    for block in audio_blocks(path, sample_rate=rate):
        for start in range(0, len(block), size):
            piece = block[start : start + size]
            heard += len(piece)
            if in_real_time:
                time.sleep(max(0.0, begin + heard / rate - time.monotonic()))
            yield piece


class _Screen:
    """Final lines on stdout; on a terminal, the open one below them, rewritten in place."""

    def __init__(self, *, with_times: bool) -> None:
        self._with_times = with_times
        self._is_live = sys.stderr.isatty()
        self._open = ""

    @property
    def is_idle(self) -> bool:
        """Whether nothing stands on the open line."""
        return self._is_live and not self._open

    def show(self, result: "LiveResult") -> None:
        """Print a final result; rewrite a partial one."""
        clock = f"[{int(result.start // 60):02}:{result.start % 60:04.1f}] " if self._with_times else ""
        if result.kind == "final":
            self._wipe()
            print(f"{clock}{result.text}", flush=True)
        elif self._is_live:
            words = result.text.split()
            settled, open_words = " ".join(words[: result.settled]), " ".join(words[result.settled :])
            self._write(" ".join(part for part in (clock.strip(), settled) if part), open_words)

    def hint(self, text: str) -> None:
        """Say something while nobody speaks."""
        self._write("", text)

    def close(self) -> None:
        """Leave the terminal tidy."""
        self._wipe()

    def _write(self, settled: str, rest: str) -> None:
        import shutil

        line = " ".join(part for part in (settled, rest) if part)
        width = shutil.get_terminal_size().columns - 1
        cut = max(0, len(line) - width)  # the end is what is being said
        shown, dim = line[cut:], max(0, len(settled) - cut)
        sys.stderr.write(f"\r\x1b[K{shown[:dim]}\x1b[2m{shown[dim:]}\x1b[0m")
        sys.stderr.flush()
        self._open = line

    def _wipe(self) -> None:
        if self._open:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._open = ""
