#!/usr/bin/env python3
"""Write the JSON schema of an experiment's YAML, for editors, from the dataclasses of the configuration.

    python scripts/configuration_schema.py                  docs/reference/configuration.schema.json
    python scripts/configuration_schema.py OUT.json

The schema says of every key what `asr train --help` says: type, choices, default and what it does; unknown keys are errors.
"""

import argparse
import collections.abc
import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any

import docstring_parser

from asr.config import ExperimentConfig
from asr.files import write_atomically

OUT = Path(__file__).resolve().parents[1] / "docs" / "reference" / "configuration.schema.json"
_PLAIN = {int: "integer", float: "number", str: "string", bool: "boolean"}


def main() -> int:
    """Write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", metavar="OUT", nargs="?", type=Path, default=OUT)
    out = parser.parse_args().out
    with write_atomically(out) as file:
        file.write(schema_text())
    print(out)
    return 0


def schema_text() -> str:
    """The file's content."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "an experiment of asr train",
        **object_schema(ExperimentConfig),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def object_schema(kind: type, default: Any = None) -> dict[str, Any]:
    """A dataclass: its fields, those without a default required, and no others.

    Args:
        kind: the dataclass.
        default: what stands where the YAML says nothing, which may differ from the fields' own defaults.
    """
    hints = typing.get_type_hints(kind)
    documented = {
        parameter.arg_name: " ".join((parameter.description or "").split())
        for parameter in docstring_parser.parse(kind.__doc__ or "").params
    }
    # `low, high: ...` documents two fields at once.
    said = {name.strip(): text for names, text in documented.items() for name in names.split(",")}
    properties, required = {}, []
    for field in dataclasses.fields(kind):
        if default is not None:
            value_default = getattr(default, field.name)
        elif field.default_factory is not dataclasses.MISSING:
            value_default = field.default_factory()
        else:
            value_default = field.default
        hint = hints[field.name]
        nested = dataclasses.is_dataclass(hint)
        given = None if value_default is dataclasses.MISSING else value_default
        value = object_schema(hint, given) if nested else value_schema(hint)
        text = said.get(field.name) or field.metadata.get("help", "")
        if text:
            value = {"description": text, **value}
        if value_default is dataclasses.MISSING:
            required.append(field.name)
        elif not nested:
            value["default"] = plain(value_default)
        properties[field.name] = value
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def value_schema(hint: Any) -> dict[str, Any]:
    """What a type hint allows in YAML."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [value_schema(argument) for argument in arguments]}
    if origin is tuple and arguments[1:] != (...,):
        return {
            "type": "array",
            "prefixItems": [value_schema(argument) for argument in arguments],
            "minItems": len(arguments),
            "maxItems": len(arguments),
        }
    if origin is tuple:
        return {"type": "array", "items": value_schema(arguments[0])}
    if origin is collections.abc.Mapping:
        return {"type": "object", "additionalProperties": value_schema(arguments[1])}
    if hint is type(None):
        return {"type": "null"}
    return {"type": _PLAIN[hint]}


def plain(value: Any) -> Any:
    """A default as JSON has it."""
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return dict(value) if isinstance(value, collections.abc.Mapping) else value


if __name__ == "__main__":
    raise SystemExit(main())
