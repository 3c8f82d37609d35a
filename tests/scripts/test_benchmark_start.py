"""The benchmark of the start measures what it says: processes of their own, each with its own peak."""

import subprocess
import sys
from pathlib import Path

import pytest

import benchmark_start


def test_each_process_has_a_cost_of_its_own(tmp_path):
    # In a process as small as the benchmark: a child begins with the peak of the process that it was forked from.
    code = (
        "import benchmark_start as b\n"
        f"large, small = (b.cost_of(['-c', code], {str(tmp_path)!r}) for code in ('bytearray(200_000_000)', 'pass'))\n"
        "print(large.memory > small.memory + 150, small.processor > 0)"
    )
    scripts = Path(benchmark_start.__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=scripts, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True True\n"


def test_a_command_that_fails_is_no_measurement(tmp_path):
    with pytest.raises(SystemExit, match="failed"):
        benchmark_start.cost_of(["-c", "raise SystemExit(3)"], str(tmp_path))
