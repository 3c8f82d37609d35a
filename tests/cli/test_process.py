"""How the command ends: at once, with nothing left undone."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ENDING = """
import atexit, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from asr.cli.process import leave
pool = ThreadPoolExecutor(2)
pool.submit(print, "in the pool")
threading.Thread(target=lambda: (time.sleep(0.3), print("a thread's end"))).start()
atexit.register(print, "at exit")
print("written", end="")
class Slow:
    def __del__(self):
        print("taken apart")
slow = Slow()
leave(int(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [0, 3])
def test_threads_end_handlers_run_and_output_is_written(code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING, str(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    assert "in the pool" in done.stdout
    assert "a thread's end" in done.stdout
    assert done.stdout.endswith("at exit\n")
    assert "written" in done.stdout
    assert "taken apart" not in done.stdout
    assert done.stderr == ""


def test_exit_codes_are_the_verbs(run_asr: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    for words, code in (
        (["--version"], 0),
        (["cache"], 0),
        (["no-such-verb"], 2),
        (["validate", "no-such-file"], 1),
    ):
        done = run_asr(*words)
        assert done.returncode == code, (words, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full, a disk that is full, is Linux's")
def test_output_that_cannot_be_written_is_said() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "asr", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "asr: cannot write the output: No space left on device\n"


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "asr", "--version"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""
