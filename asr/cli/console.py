"""How the command line listens and talks: its words and names in UTF-8, results to stdout, everything else to stderr."""

import argparse
import io
import locale
import logging
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class _Console(logging.Handler):
    """Log records to whatever stderr is now, above a progress bar where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
            tqdm = sys.modules.get("tqdm")
            if tqdm is not None and sys.stderr.isatty():
                tqdm.tqdm.write(line, file=sys.stderr)
            else:
                print(line, file=sys.stderr, flush=True)
        except BrokenPipeError:
            raise
        except Exception:
            self.handleError(record)


class _Brief(logging.Formatter):
    """The message alone; warnings say that they are."""

    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        return f"{record.levelname.lower()}: {message}" if record.levelno >= logging.WARNING else message


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help whose lines never break within a name such as `common-voice`, which people copy."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False, break_long_words=False)


class Parser(argparse.ArgumentParser):
    """An argument parser, and those of its verbs, with help as this project formats it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": _HelpFormatter, **settings})


def use_utf8() -> None:
    """Start this process again in Python's UTF-8 mode, where the locale has another encoding for names of files.

    Names in manifests, transcripts and most file systems are UTF-8 whatever the locale says; in a C, POSIX or Latin-1
    locale Python could not name them. It starts so by itself in most of those (PEP 540), unless it is told not to.
    """
    if os.name == "nt" or not sys.executable or sys.getfilesystemencoding().lower() == "utf-8":
        return
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def setup_output() -> None:
    """Write what the reader reads, and never fail for a character: files and pipes get UTF-8, terminals what they show.

    What cannot be encoded appears as an escape such as `\\u2019`, which JSON's readers understand. An encoding that
    PYTHONIOENCODING names is kept.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue  # none, or a test's
        encoding = stream.encoding
        if "PYTHONIOENCODING" not in os.environ:
            of_terminal = locale.getencoding() if os.name != "nt" else encoding
            is_plain = of_terminal.lower() in {"ascii", "us-ascii", "ansi_x3.4-1968", "646"}
            encoding = of_terminal if stream.isatty() and not is_plain else "utf-8"
        stream.reconfigure(encoding=encoding, errors="backslashreplace")


def setup_logging() -> None:
    """Show our own log on stderr; keep other libraries to their warnings."""
    log = logging.getLogger("asr")
    log.handlers.clear()
    handler = _Console()
    handler.setFormatter(_Brief())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def log_to_file(path: Path) -> logging.Handler:
    """Copy our log into a file as well, appending, with times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("asr").addHandler(handler)
    return handler


def table(rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned: the first to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def complain(failure: object) -> None:
    """Say what has failed, above a progress bar where there is one."""
    from tqdm import tqdm

    tqdm.write(f"asr: {failure}", file=sys.stderr)
