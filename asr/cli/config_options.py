"""An option for each field of a small configuration, and the bar of a training on text."""

import argparse
import dataclasses
import logging
import sys
import time
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asr.training.steps import Progress

log = logging.getLogger(__name__)

_FIRST_REPORT_SECONDS = 10.0
_LONGEST_REPORT_SECONDS = 300.0
_Config = TypeVar("_Config")


def add_config_options(parser: argparse.ArgumentParser, kind: type[Any], help: Mapping[str, str]) -> None:
    """Add an option for each field of a dataclass of numbers, with its default."""
    types = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=types[field.name],
            default=field.default,
            metavar="N" if types[field.name] is int else "X",
            help=f"{help[field.name]}; default: %(default)s",
        )


def read_config(arguments: argparse.Namespace, kind: Callable[..., _Config]) -> _Config:
    """The configuration that the options give."""
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: getattr(arguments, name) for name in names})


@contextmanager
def training_bar() -> "Iterator[Callable[[Progress], None]]":
    """A bar on a terminal, a line now and then elsewhere; what is given shows where the training is."""
    from tqdm import tqdm

    from asr.training.report_times import ReportTimes

    is_quiet = not sys.stderr.isatty()
    with tqdm(unit=" words", unit_scale=True, desc="training", disable=is_quiet) as bar:
        before = 0
        reports = ReportTimes(time.monotonic(), first=_FIRST_REPORT_SECONDS, longest=_LONGEST_REPORT_SECONDS)

        def show(progress: "Progress") -> None:
            nonlocal before
            bar.total = progress.total
            bar.set_postfix_str(f"loss {progress.loss:.3f}", refresh=False)
            bar.update(progress.words - bar.n)
            seconds = reports.due(time.monotonic()) if is_quiet else None
            if seconds is not None:
                rate = (progress.words - before) / seconds
                left = timedelta(seconds=round((progress.total - progress.words) / max(rate, 1e-9)))
                log.info(
                    "%.0f%%  loss %.3f  %.0f words/s  %s left",
                    100 * progress.words / progress.total, progress.loss, rate, left,
                )  # fmt: skip
                before = progress.words

        yield show
