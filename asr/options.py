"""YAML files, plain dicts and command-line options -> frozen configuration dataclasses, strictly.

jsonargparse does the typing of options and the `--help`; what it lacks, the nearest known key for an unknown one,
is added here, and a quicker way for the plain values of a checkpoint.
"""

import argparse
import dataclasses
import difflib
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from asr.errors import ConfigError
from asr.files import read_text
from asr.plain_values import finite_number

if TYPE_CHECKING:
    import jsonargparse

T = TypeVar("T")


def option(
    default: Any,
    text: str,
    *,
    name: str = "",
    metavar: str = "",
    choices: Sequence[str] | None = None,
    unit: int = 1,
    parse: Callable[[str], Any] | None = None,
) -> Any:
    """A field of a dataclass that is an option of the command line as well, with one default and one help text.

    Args:
        default: of the field.
        text: what it is.
        name: of the option, with underscores; that of the field if empty.
        metavar: N for whole numbers, X for others, if empty; FILE names a file.
        choices: what alone may be given.
        unit: how many of the field's unit the option's is: 3600 for hours of a field in seconds.
        parse: reads another type than that of the default.
    """
    shown = metavar or ("N" if isinstance(default, int) else "X")
    told = {"help": text, "name": name, "metavar": shown, "choices": choices, "unit": unit, "parse": parse}
    return dataclasses.field(default=default, metadata=told)


def option_fields(kind: Any) -> list["dataclasses.Field[Any]"]:
    """The fields of a dataclass that `option` made."""
    return [field for field in dataclasses.fields(kind) if "help" in field.metadata]


def option_name(field: "dataclasses.Field[Any]") -> str:
    """What the option of a field is called, with underscores."""
    return field.metadata["name"] or field.name


def parse_dict(kind: type[T], values: Mapping[str, Any]) -> T:
    """Build a configuration dataclass from nested plain values, filling in defaults; quick, without jsonargparse.

    Raises:
        ConfigError: an unknown key (the nearest one is named), a wrong type or a missing value.
    """
    check_keys(kind, values)
    found: T = _typed(kind, values, "configuration")
    return found


def _typed(hint: Any, value: Any, where: str) -> Any:
    """A plain value as its type hint wants it. Raises ConfigError, beginning with `where`."""
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        given = {name: _typed(hints[name], part, name) for name, part in value.items()}
        try:
            return typing.cast(type, hint)(**given)
        except TypeError as error:  # a field without a default
            raise ConfigError(f"{where}: {error}") from None
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_typed(arguments[0], part, where) for part in value)
    if typing.get_origin(hint) is typing.Literal and any(
        value == choice and type(value) is type(choice) for choice in arguments
    ):
        return value
    if type(value) is hint:
        return value
    if hint is float and type(value) is int and finite_number(value) is not None:
        return float(value)
    raise ConfigError(f"{where}: got {value!r}; expected {getattr(hint, '__name__', hint)}")


def parse_options(kind: type[T], values: Mapping[str, Any], options: Sequence[str]) -> T:
    """Build a configuration dataclass from nested plain values and `--group.field value` options on top.

    Args:
        kind: a dataclass of typed fields and further dataclasses.
        values: nested mappings, as YAML or a checkpoint has them.
        options: command-line words that win over `values`.

    Raises:
        ConfigError: as `parse_dict`, and for an option that no field matches.
    """
    check_keys(kind, values)
    known = all_keys(kind)
    for option in options:
        name, _, _ = option.removeprefix("--").partition("=")
        if option.startswith("--") and name not in known:
            raise ConfigError(f"unknown option '--{name}'{nearest(name, known)}")
    parser = options_parser(kind)
    parser.add_argument("--config", action="config")
    try:
        parsed = parser.parse_args(["--config", json.dumps(values), *options])
    except (TypeError, ValueError, RecursionError, OverflowError) as error:  # a date, a mapping within itself
        raise ConfigError(f"configuration: {error}; expected numbers, words, true and false") from None
    except argparse.ArgumentError as error:
        raise ConfigError(" ".join(str(error).split())) from None
    fields = vars(parser.instantiate(parsed))
    return kind(**{field.name: fields[field.name] for field in dataclasses.fields(kind)})  # type: ignore[arg-type]


def options_parser(kind: type, **settings: Any) -> "jsonargparse.ArgumentParser":
    """The jsonargparse parser of a configuration dataclass, for parsing and for `--help`."""
    import jsonargparse

    parser = jsonargparse.ArgumentParser(exit_on_error=False, **settings)
    parser.add_class_arguments(kind)
    return parser


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        ConfigError: missing, unreadable, or not a mapping.
    """
    import yaml

    text = read_text(path, what="the configuration", error=ConfigError)
    try:
        values = yaml.safe_load(text)
    except RecursionError:
        raise ConfigError(f"{path}: not YAML: nested too deeply") from None
    except (
        yaml.YAMLError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
    ) as error:  # `2024-02-30`, `!!bool x`
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: got {type(values).__name__}; expected keys and values")
    return values


def check_keys(kind: type, values: Any, *, where: str = "") -> None:
    """Raise ConfigError for keys, at any depth, that the dataclass lacks; name the nearest key."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where or 'configuration'}: got {values!r}; expected keys and values")
    hints = typing.get_type_hints(kind)
    for key, value in values.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in hints:
            raise ConfigError(f"unknown key {path!r}{nearest(path, all_keys(kind, where=where))}")
        if dataclasses.is_dataclass(hints[key]):
            check_keys(typing.cast(type, hints[key]), value, where=path)


def all_keys(kind: type, *, where: str = "") -> list[str]:
    """Dotted names of every field of a dataclass, at any depth."""
    keys = []
    for name, hint in typing.get_type_hints(kind).items():
        path = f"{where}.{name}" if where else name
        keys.append(path)
        if dataclasses.is_dataclass(hint):
            keys += all_keys(typing.cast(type, hint), where=path)
    return keys


_LISTED = 30


def nearest(key: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` for the known key most like `key`, or the list of what is known.

    The last part of a dotted key counts most: `hiden_size` is near `model.hidden_size`. Of many, those without a dot are listed.
    """
    last_parts = {name.rsplit(".", 1)[-1]: name for name in reversed(known)}
    found = difflib.get_close_matches(key, known, n=1, cutoff=0.75) or [
        last_parts[part] for part in difflib.get_close_matches(key.rsplit(".", 1)[-1], last_parts, n=1)
    ]
    if found:
        return f"; did you mean {found[0]!r}?"
    groups = [name for name in known if "." not in name]
    few = len(known) <= _LISTED or not groups
    return f"; known are {', '.join(known)}" if few else f"; known groups are {', '.join(groups)}"
