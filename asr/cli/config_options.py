"""An option for each field of a configuration, and the bar of a training on text."""

import argparse
import logging
import math
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from asr.errors import UsageError
from asr.options import option_fields, option_name

if TYPE_CHECKING:
    from asr.training.steps import Progress

log = logging.getLogger(__name__)

_FIRST_REPORT_SECONDS = 10.0
_LONGEST_REPORT_SECONDS = 300.0


def add_config_options(
    group: "argparse._ActionsContainer",
    kind: type[Any],
    *,
    only: Collection[str] = (),
    defaults: bool = True,
    tuned: bool = False,
) -> None:
    """Add an option for each field of a configuration that is one (`asr.options.option`).

    Args:
        group: where they go.
        kind: a dataclass.
        only: these fields; all, if empty.
        defaults: whether what is not given has its default, or is None.
        tuned: whether tuning has a say in what is not given.
    """
    for field in option_fields(kind):
        if only and field.name not in only:
            continue
        told: Mapping[str, Any] = field.metadata
        default: Any = field.default
        value = default if told["unit"] == 1 else default / told["unit"]
        summary = told["help"]
        if tuned and told["metavar"] == "FILE":
            summary += "; `none` leaves out what was tuned"
        elif value not in (None, ()):
            shown = f"{value:g}" if isinstance(value, int | float) else value
            summary += f"; default: {shown}{', or as tuned' if tuned else ''}"
        group.add_argument(
            "--" + option_name(field).replace("_", "-"),
            type=told["parse"] or (str if default is None else type(default)),
            default=value if defaults else None,
            choices=told["choices"],
            metavar=None if told["choices"] else told["metavar"],
            help=summary,
        )


def given_fields(arguments: argparse.Namespace, kind: type[Any]) -> dict[str, Any]:
    """The fields of a configuration that the options of `add_config_options` set. Raises UsageError for a number that is none."""
    given = {}
    for field in option_fields(kind):
        value, unit = getattr(arguments, option_name(field), None), field.metadata["unit"]
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"--{option_name(field).replace('_', '-')} {value}; expected a number")
        if value is not None:
            default: Any = field.default
            given[field.name] = value if unit == 1 else type(default)(value * unit)
    return given


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
