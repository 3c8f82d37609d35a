"""An option for each field of a small configuration, and the bar of a training on text."""

import argparse
import dataclasses
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from asr.training.steps import Progress

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
    """A bar on a terminal; what is given shows where the training is."""
    from tqdm import tqdm

    with tqdm(unit=" words", unit_scale=True, desc="training", disable=not sys.stderr.isatty()) as bar:

        def show(progress: "Progress") -> None:
            bar.total = progress.total
            bar.set_postfix_str(f"loss {progress.loss:.3f}", refresh=False)
            bar.update(progress.words - bar.n)

        yield show
