"""The proof on GPUs runs from end to end on a CPU, in its smallest sizes."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from proof.page import proof_page
from proof.section import Check, Section
from prove_gpu import SECTIONS

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "benchmarks" / "prove_gpu.py"


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
@pytest.mark.once
def test_every_section_runs_on_a_cpu_and_every_claim_holds(tmp_path: Path) -> None:
    done = run(tmp_path / "out", "--device", "cpu", "--tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out" / "proof.json").read_text())
    assert set(found["sections"]) == set(SECTIONS)
    assert found["errors"] == {}
    for section in found["sections"].values():
        assert section["rows"]
        for row in section["rows"]:
            assert len(row) == len(section["header"])
            assert all(isinstance(value, str) or math.isfinite(value) for value in row)
    networks = [row[0] for row in found["sections"]["equality"]["rows"]]
    assert {"lstm, two", "gru, one direction", "CTC-CRF", "transducer", "attention"} <= set(networks)
    # The CPU beside itself: not a digit apart in float32, but in bfloat16.
    assert all(row[2:] == [0.0] * 4 for row in found["sections"]["equality"]["rows"] if row[1] == "float32")
    assert any(row[5] > 0 for row in found["sections"]["equality"]["rows"] if row[1] == "bfloat16")
    page = (tmp_path / "out" / "proof.html").read_text()
    assert page.count("data:image/png;base64,") == 1
    assert "http" not in page.replace("http-equiv", "")


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    done = run(tmp_path / "out")
    assert done.returncode == 2
    assert "PyTorch sees no GPU here" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_claim_that_does_not_hold_stands_on_the_page() -> None:
    good, bad, broken = Check("a", 1.0, 2.0), Check("b", 3.0, 2.0), Check("c", math.nan, 1.0)
    assert [check.holds for check in (good, bad, broken)] == [True, False, False]
    page = proof_page({"one": Section("One", checks=[good, bad, broken])}, {"two": "ValueError: <x>"}, [])
    assert "1 of 3 claims hold" in page
    assert "two ended with an error:</strong> ValueError: &lt;x&gt;" in page
    assert page.count("<strong>no</strong>") == 2
