"""What scripts share that call commands and end with an exit code."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from asr.errors import AsrError, UsageError


def run(*words: object) -> None:
    """Run a command; raises CalledProcessError where it fails."""
    subprocess.run([str(word) for word in words], check=True)


def asr(*words: object) -> None:
    """Run a verb; raises as `run`."""
    run(sys.executable, "-m", "asr", *words)


def finish(work: Callable[[], object]) -> int:
    """Do all of a script's work; what the user can mend is said in one line.

    Returns:
        The exit code: 0, 2 where what was asked for does not exist or fit together, 1 where something else went wrong.
    """
    try:
        work()
    except (AsrError, OSError, subprocess.CalledProcessError) as error:
        said = str(error)
        if isinstance(error, subprocess.CalledProcessError):
            said = f"`{' '.join(error.cmd[1:])}` ended with {error.returncode}"
        print(f"{Path(sys.argv[0]).name}: {said}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0
