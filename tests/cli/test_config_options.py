"""What long trainings on text show where there is no terminal."""

import logging

import pytest

from asr.cli import config_options
from asr.training.steps import Progress


def test_without_a_terminal_there_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter([0.0, 5.0, 10.0, 15.0, 30.0])
    monkeypatch.setattr(config_options.time, "monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO)
    with config_options.training_bar() as show:
        show(Progress(500, 4000, 3.0))
        assert not caplog.messages
        show(Progress(1000, 4000, 2.5))
    assert caplog.messages == ["25%  loss 2.500  100 words/s  0:00:30 left"]
