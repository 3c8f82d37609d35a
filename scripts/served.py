"""A server of this machine, for the scripts and tests that ask it; needs nothing but Python."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_ASR = (sys.executable, "-m", "asr")


@contextmanager
def served(
    *options: object,
    command: Sequence[object] = _ASR,
    folder: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`asr serve` on a free port: its process and its address, until the block ends.

    Args:
        options: of `asr serve`.
        command: that is `asr`.
        folder: where it runs; here if None.
        environment: its variables.

    Raises:
        RuntimeError: it has ended instead, with what it said.
    """
    process = subprocess.Popen(
        [*map(str, command), "serve", "--port", "0", *map(str, options)],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process, _address(process)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"at (http://\S+?)[; ]", line):
            # Read on, lest the log fill its pipe.
            threading.Thread(target=lambda: list(process.stderr or ()), daemon=True).start()
            return found[1]
    raise RuntimeError(f"asr serve ended with {process.wait()}: {''.join(said)}")
