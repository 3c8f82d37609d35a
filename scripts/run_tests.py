"""Environment, lint, types, tests. Arguments go to pytest.

python scripts/run_tests.py -k ctc
python scripts/run_tests.py -m "not slow"      the quick half

VENV=.venv-313 names the environment's folder.
"""

import os
import sys

from environment import make_environment, run

_PROCESSES = "3"  # on two cores, too: tests wait for processes that they start, for sound as long as it lasts, for clocks

if __name__ == "__main__":
    python = make_environment(os.environ.get("VENV", ".venv"), "dev")
    # More threads in each process would only be in each other's way.
    os.environ["OMP_NUM_THREADS"] = "1"
    for tool in (
        ["ruff", "check", "asr", "scripts", "tests", "docs/notebooks"],
        ["ruff", "format", "--check", "asr", "scripts", "tests", "docs/notebooks"],
        ["mypy"],
        ["pytest", "-n", _PROCESSES, *sys.argv[1:]],
    ):
        print("+", *tool, file=sys.stderr, flush=True)
        run([python, "-m", *tool])
