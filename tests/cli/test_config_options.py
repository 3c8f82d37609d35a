"""Options made of configurations, and what long trainings on text show where there is no terminal."""

import argparse
import logging

import pytest

from asr.cli import config_options
from asr.cli.config_options import add_config_options, given_fields
from asr.errors import UsageError
from asr.serving.config import ServingConfig
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


def test_a_number_that_is_none_is_refused_by_the_option_it_was_given_for() -> None:
    parser = argparse.ArgumentParser()
    add_config_options(parser, ServingConfig)
    assert (
        given_fields(parser.parse_args(["--max-upload-mb", "0.5"]), ServingConfig)["max_upload_bytes"]
        == 1 << 19
    )
    with pytest.raises(UsageError, match="--max-upload-mb nan; expected a number"):
        given_fields(parser.parse_args(["--max-upload-mb", "nan"]), ServingConfig)
