"""How scripts end."""

import subprocess
import sys

import pytest

from asr.errors import AsrError, ConfigError
from commands import finish, run


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (None, 0, ""),
        (ConfigError("no such key"), 2, "script.py: no such key\n"),
        (AsrError("no sound"), 1, "script.py: no sound\n"),
        (OSError("disk full"), 1, "script.py: disk full\n"),
        (subprocess.CalledProcessError(3, ["python", "-m", "asr", "train"]), 1, "script.py: `-m asr train` ended with 3\n"),
    ],
)  # fmt: skip
def test_what_can_be_mended_is_said_in_a_line(
    error: Exception | None,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work() -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(sys, "argv", ["scripts/script.py"])
    assert finish(work) == code
    assert capsys.readouterr().err == said


def test_a_command_that_fails_ends_the_script() -> None:
    assert finish(lambda: run(sys.executable, "-c", "raise SystemExit(3)")) == 1
