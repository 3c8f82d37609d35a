"""How the command line talks: results to stdout, everything else to stderr."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path


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
