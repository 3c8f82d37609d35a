"""A virtual environment with this package in it, for the other scripts; needs nothing but Python."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST, NEWEST = (3, 11), (3, 14)
COMPILED = ROOT / ".pytest_cache" / "compiled"  # the searches, for all processes of the tests


def make_environment(folder: str, extra: str) -> Path:
    """Create a virtual environment where there is none, and install this package with an extra into it.

    Args:
        folder: where, below the checkout.
        extra: of pyproject.toml.

    Returns:
        Its Python.
    """
    place = ROOT / folder
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        if not OLDEST <= sys.version_info[:2] <= NEWEST:
            sys.exit(
                f"this is Python {sys.version_info[0]}.{sys.version_info[1]}; expected "
                f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
            )
        run([sys.executable, "-m", "venv", place])
    run([python, "--version"])
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "on"]
    run([*pip, "--quiet", "--editable", f".[{extra}]"])
    return python


def compile_searches(python: Path) -> None:
    """Compile the searches for a Python's tests, whose processes would each compile them anew; in a moment where they are compiled."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(COMPILED))
    run([python, "-m", "asr.decoding.warm_up"])


def run(words: Sequence[object]) -> None:
    """Run a command in the checkout; where it fails, end with its exit code."""
    code = subprocess.run([str(word) for word in words], cwd=ROOT, check=False).returncode
    if code:
        sys.exit(code)
