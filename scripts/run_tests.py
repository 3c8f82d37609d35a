"""Environment, lint, types, tests. Arguments go to pytest; with some, types are not checked.

python scripts/run_tests.py -k ctc
python scripts/run_tests.py -m "not slow"      the quick half

VENV=.venv-313 names the environment's folder.
"""

import os
import subprocess
import sys
import tempfile

from environment import ROOT, compile_searches, make_environment, run

_PROCESSES = "3"  # on two cores, too: tests wait for processes that they start, for sound as long as it lasts, for clocks

if __name__ == "__main__":
    python = make_environment(os.environ.get("VENV", ".venv"), "dev")
    # More threads in each process would only be in each other's way.
    os.environ["OMP_NUM_THREADS"] = "1"
    for tool in (
        ["ruff", "check", "asr", "scripts", "tests", "docs/notebooks"],
        ["ruff", "format", "--check", "asr", "scripts", "tests", "docs/notebooks"],
    ):
        print("+", *tool, file=sys.stderr, flush=True)
        run([python, "-m", *tool])
    compile_searches(python)
    tests = ["pytest", "-n", _PROCESSES, *sys.argv[1:]]
    if sys.argv[1:]:
        print("+", *tests, file=sys.stderr, flush=True)
        run([python, "-m", *tests])
        sys.exit()
    # Types are checked while the tests run, which wait so much; what is found is said at the end.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as found:
        types = subprocess.Popen([python, "-m", "mypy"], cwd=ROOT, stdout=found, stderr=subprocess.STDOUT)
        print("+ mypy beside", *tests, file=sys.stderr, flush=True)
        code = subprocess.run([python, "-m", *tests], cwd=ROOT, check=False).returncode
        wrong = types.wait()
        found.seek(0)
        print(found.read(), end="", flush=True)
    sys.exit(code or wrong)
