"""The command `asr` as a process of its own."""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from asr.cli import main


def command() -> NoReturn:
    """Run a verb and end the process."""
    leave(main())


def leave(code: int) -> NoReturn:
    """End the process with an exit code, as Python does but for taking itself apart.

    Threads are waited for, exit handlers run and output written; then the process is gone. Unloading PyTorch's libraries would
    take another second, and frees nothing that does not go with the process.
    """
    # What Python calls before it takes itself apart; neither has a public name.
    waiting: Any = threading
    handlers: Any = atexit
    for finish in (waiting._shutdown, handlers._run_exitfuncs):
        _ignoring_interrupts(finish)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:  # whoever read it has gone; that is its right
            code = code or 1
        except OSError as error:
            if code == 0:  # else it has been said
                os.write(2, f"asr: cannot write the output: {error.strerror}\n".encode())
            code = code or 1
    os._exit(code)


def _ignoring_interrupts(finish: Callable[[], None]) -> None:
    try:
        finish()
    except KeyboardInterrupt:  # a second Ctrl-C, while threads are waited for
        return
