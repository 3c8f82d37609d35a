"""How packages that not everybody needs are installed."""

import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from asr import extras

REPOSITORY = Path(__file__).resolve().parents[1]
WRITTEN = [
    *(REPOSITORY / "asr").rglob("*.py"),
    *(REPOSITORY / "scripts").rglob("*"),
    *(REPOSITORY / "docs").rglob("*.md"),
    *REPOSITORY.glob("*.md"),
]


def test_the_packages_of_an_extra_are_named() -> None:
    command = extras.install_command("alignment")
    assert re.fullmatch(r"pip install 'num2words>=[\d.]+' 'espeakng-loader>=[\d.]+'", command)
    assert "fastapi" in extras.install_command("serve")
    assert "torch" not in extras.install_command("serve")


def test_in_a_checkout_that_is_not_installed_the_extra_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "requires", none)
    assert extras.install_command("vad") == "pip install '.[vad]' in the checkout"


def test_an_extra_that_the_installed_version_did_not_have_is_of_the_checkout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "requires", lambda name: ["onnx>=1; extra == 'export'"])
    assert extras.install_command("export") == "pip install 'onnx>=1'"
    assert extras.install_command("speakers") == "pip install '.[speakers]' in the checkout"


def test_nothing_tells_a_user_to_install_a_project_of_another_name() -> None:
    """`asr` on PyPI is another project, and an index may come to know one of any name."""
    for path in WRITTEN:
        if path.is_file() and path.suffix in {".py", ".md", ""}:
            named = re.findall(r"pip install [^`\n]*?(?<![\w./-])asr\b", path.read_text(encoding="utf-8"))
            assert not named, path
