"""The JSON schema of the configuration, for editors, against the files of configs/ and against the program itself."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import configuration_schema
from asr.config import ExperimentConfig, load_experiment
from asr.errors import ConfigError
from asr.options import all_keys

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.yaml"))
SCHEMA = json.loads(configuration_schema.OUT.read_text(encoding="utf-8"))


def keys(schema: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for name, value in schema.get("properties", {}).items():
        found += [prefix + name, *keys(value, f"{prefix}{name}.")]
    return found


def errors(values: object) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(values)]


def test_the_file_is_what_the_dataclasses_give() -> None:
    text = configuration_schema.OUT.read_text(encoding="utf-8")
    assert text == configuration_schema.schema_text(), "run python scripts/configuration_schema.py"


def test_its_keys_are_those_of_the_configuration_and_each_is_described() -> None:
    assert keys(SCHEMA) == all_keys(ExperimentConfig)
    for key in keys(SCHEMA):
        value = SCHEMA
        for part in key.split("."):
            value = value["properties"][part]
        assert value["description"], key


def test_the_schema_is_a_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_fits(path: Path) -> None:
    assert not errors(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "part",
    [
        {"modell": {}},
        {"model": {"hiden_size": 3}},
        {"model": {"layers": "three"}},
        {"model": {"cell": "transformer"}},
        {"training": {"epochs": 1.5}},
        {"data": {"augmentation": {"noise": {"snr": 10}}}},
    ],
    ids=str,
)
def test_what_the_program_refuses_the_schema_refuses(part: dict[str, Any], tmp_path: Path) -> None:
    values = {**part, "data": {"train": "a.jsonl", "dev": "b.jsonl", **part.get("data", {})}}
    assert errors(values)
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(ConfigError):
        load_experiment(path)


def test_without_data_a_configuration_is_none() -> None:
    assert errors({"model": {"layers": 2}})


def test_defaults_are_those_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("data: {train: a.jsonl, dev: b.jsonl}", encoding="utf-8")
    experiment = load_experiment(path)
    for key in keys(SCHEMA):
        schema, value = SCHEMA, experiment
        for part in key.split("."):
            schema, value = schema["properties"][part], getattr(value, part)
        if "default" in schema:
            assert configuration_schema.plain(value) == schema["default"], key
