"""What Windows and macOS lack is not needed: commands run where it has been taken away, and every text file names its encoding."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asr.config import ExperimentConfig, save_experiment

pytestmark = [pytest.mark.slow, pytest.mark.once]

# Runs before anything else in every process of a command. Libraries look at the system's name and rely on what it has; so only
# this package's own modules are shown an `os` and a `signal` without it, and no modules of Unix alone. Nobody can fork.
_POORER = """
import builtins, multiprocessing, os, signal, types

MISSING = {
    "os": ("chown", "fork", "forkpty", "getgid", "getloadavg", "getuid", "killpg", "mkfifo", "nice", "posix_fadvise", "posix_fallocate",
           "register_at_fork", "sched_getaffinity", "sendfile", "setsid", "statvfs", "sysconf", "uname"),
    "signal": ("SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm", "pause", "setitimer"),
}
UNIX_ALONE = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
real_import = builtins.__import__
poorer = {
    name: types.SimpleNamespace(**{key: value for key, value in vars(real_import(name)).items() if key not in missing})
    for name, missing in MISSING.items()
}
del os.fork, os.forkpty

def poorer_import(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and (globals or {}).get("__name__", "").split(".")[0] in ("asr", "__main__"):
        if name in UNIX_ALONE:
            raise ModuleNotFoundError(f"No module named {name!r}")
        if name in poorer:
            return poorer[name]
    return real_import(name, globals, locals, fromlist, level)

builtins.__import__ = poorer_import
multiprocessing.set_start_method("spawn")
"""


# Several commands in one process: what takes long is to import what all of them need.
_COMMANDS = """
import json, sys
from asr.cli import main
codes = [main(words) for words in json.loads(sys.argv[1])]
sys.exit(any(codes[:2]))
"""


@pytest.fixture
def run_poorer(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Python without fork, `resource`, `fcntl` and the signals that Windows does not know."""
    place = tmp_path / "poorer"
    place.mkdir()
    (place / "sitecustomize.py").write_text(_POORER, encoding="utf-8")
    root = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join([str(place), root])

    def run(*words: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=300,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )

    return run


def test_training_evaluation_and_transcription_need_nothing_that_windows_lacks(
    run_poorer: Callable[..., "subprocess.CompletedProcess[str]"],
    tone_experiment: ExperimentConfig,
    tmp_path: Path,
) -> None:
    save_experiment(tmp_path / "tones.yaml", tone_experiment)
    trained = run_poorer(
        *("-m", "asr", "train", "--config", tmp_path / "tones.yaml", "--run-dir", tmp_path / "run"),
        *("--data.workers", 1, "--training.epochs", 1),
    )
    assert trained.returncode == 0, trained.stderr
    best = tmp_path / "run" / "checkpoints" / "best.pt"
    commands: list[list[object]] = [
        ["evaluate", tmp_path / "dev.jsonl", "--model", best, "--out", tmp_path / "report"],
        ["transcribe", tmp_path / "tones" / "u0.wav", "--model", best, "--json"],
        ["doctor", "--folder", tmp_path],
    ]
    used = run_poorer("-c", _COMMANDS, json.dumps([[str(word) for word in words] for words in commands]))
    assert used.returncode == 0, used.stderr
    assert "WER" in used.stdout
    assert '"text"' in used.stdout
    assert "memory" in used.stdout


def test_the_poorer_system_is_poorer(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_POORER, encoding="utf-8")
    code = """
import os, signal
try:
    import fcntl
except ImportError:
    print(hasattr(os, "sysconf"), hasattr(signal, "SIGUSR1"), os.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout.split() == ["False", "False", "posix"]
