"""The notebooks run, and show what they show in the repository."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "docs" / "notebooks").glob("*.ipynb"))
MOST_BYTES = 1_000_000  # of all of them
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def cells_of(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8"))["cells"])


def printed(cells: list[dict[str, Any]]) -> str:
    """What the cells print, as one text."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")


def pictures(cells: list[dict[str, Any]]) -> list[int]:
    """How many pictures each cell shows."""
    return [sum(o["output_type"] == "display_data" for o in cell.get("outputs", [])) for cell in cells]


def test_there_is_one_a_concept_and_the_page_of_concepts_links_to_each() -> None:
    assert len(NOTEBOOKS) == 5
    page = (NOTEBOOKS[0].parents[1] / "recurrent-networks.md").read_text(encoding="utf-8")
    assert all(page.count(f"](notebooks/{path.name})") >= 2 for path in NOTEBOOKS)


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in NOTEBOOKS) < MOST_BYTES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_before_each_picture_stands_what_to_expect_and_after_it_that_it_came_true(path: Path) -> None:
    cells = cells_of(path)
    drawing = [number for number, count in enumerate(pictures(cells)) if count]
    assert drawing
    for number in drawing:
        assert "**What do you expect?**" in "".join(cells[number - 1]["source"])
        assert "assert " in "".join(cells[number]["source"])


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.skipif(
    not (find_spec("nbclient") and find_spec("ipykernel") and find_spec("espeakng_loader")),
    reason="nbclient, ipykernel or espeakng-loader is not installed: pip install -e '.[dev]'",
)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_shows_what_it_shows_in_the_repository(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences to the letter, numbers nearly: another processor rounds otherwise."""
    import run_notebooks

    monkeypatch.setenv("PYTHONPATH", str(path.parents[2]))  # this tree, whatever is installed
    fresh = run_notebooks.run(path)["cells"]
    stored = cells_of(path)
    assert pictures(fresh) == pictures(stored)
    assert NUMBER.sub("N", printed(fresh)).split() == NUMBER.sub("N", printed(stored)).split()
    for new, old in zip(NUMBER.findall(printed(fresh)), NUMBER.findall(printed(stored)), strict=True):
        assert float(new) == pytest.approx(float(old), rel=0.1, abs=0.05), (new, old)
