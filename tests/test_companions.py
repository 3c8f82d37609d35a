"""What lies beside a model: found by the model's name, and taken into the wheel."""

import fnmatch
import tomllib
from pathlib import Path

import pytest

from asr.companions import Companion

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("model", ["best.pt", "best.onnx"])
def test_they_have_the_name_of_their_model(tmp_path: Path, model: str) -> None:
    assert Companion.TAGGER.find(tmp_path / model) is None
    for companion in Companion:
        (tmp_path / f"best{companion.value}").touch()
        (tmp_path / f"other{companion.value}").touch()
    found = [companion.find(tmp_path / model) for companion in Companion]
    assert found == [
        tmp_path / name
        for name in (
            "best.decoding.json",
            "best.tagger",
            "best.cpu.onnx",
            "best.hmm",
        )
    ]


def test_a_wheel_takes_those_of_the_model_in_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["asr.model.pretrained"]
    for companion in Companion:
        assert any(fnmatch.fnmatch(companion.path("english.pt").name, pattern) for pattern in patterns)
