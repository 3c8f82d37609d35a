"""numba's compilation: said, kept where it can be, and working where nothing can be kept."""

import logging
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.decoding import compilation
from asr.decoding.compilation import njit
from asr.decoding.kernel_arrays import filled, grown, nth_highest


class Impatient:
    """A timer that does not wait."""

    def __init__(self, seconds, function):
        self.start = function

    def cancel(self):
        pass


@pytest.fixture
def fresh(monkeypatch):
    """As in a new process, which waits for nothing."""
    compilation.compiled_folder.cache_clear()
    compilation._announce.cache_clear()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(compilation.threading, "Timer", Impatient)
    yield
    compilation.compiled_folder.cache_clear()


def test_compilation_is_said_once_and_kept(fresh, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("ASR_CACHE_DIR", str(tmp_path))
    caplog.set_level(logging.INFO, logger="asr")
    twice = compilation.njit(cache=True, nogil=True)(lambda number: 2 * number)
    assert (twice(4), twice(0.5)) == (8, 1.0)
    said = [record.getMessage() for record in caplog.records if "compiling the search" in record.getMessage()]
    assert len(said) == 1
    assert str(compilation.compiled_folder()) in said[0]
    assert compilation.compiled_folder().parent == tmp_path / "compiled"
    assert any(compilation.compiled_folder().rglob("*.nbc"))


def test_where_nothing_can_be_written_it_is_compiled_all_the_same(fresh, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ASR_CACHE_DIR", str(tmp_path / "file" / "cache"))
    caplog.set_level(logging.INFO, logger="asr")
    thrice = compilation.njit(cache=True, nogil=True)(lambda number: 3 * number)
    assert thrice(4) == 12
    assert "at every start, for" in caplog.text
    assert "ASR_CACHE_DIR names another folder" in caplog.text


BESIDE = """
from asr.decoding import warm_up
warm_up._load("lexicon", True)
from asr.decoding import lexicon_beam_kernel as kernel
hits = [sum(kernel.advance.stats.cache_hits.values()), sum(kernel.finish.stats.cache_hits.values())]
print(hits, len(list(warm_up._marker("lexicon", "feed").parent.glob("lexicon-*"))))
"""


@pytest.mark.slow
def test_processes_beside_compile_what_this_one_then_finds_compiled(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["ASR_CACHE_DIR"] = str(tmp_path)
    run = subprocess.run(
        [sys.executable, "-c", BESIDE], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[1, 1] 2"


@njit(cache=True, nogil=True)
def find(values: np.ndarray, size: int, n: int) -> float:
    return nth_highest(values, size, n)


@njit(cache=True, nogil=True)
def grow(array: np.ndarray, capacity: int, value: int) -> np.ndarray:
    larger = grown(array, capacity)
    rest = filled(capacity - array.shape[0], value)
    for at in range(rest.shape[0]):
        larger[array.shape[0] + at] = rest[at]
    return larger


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([-np.inf, -3.5, -1.0, -0.5, 0.0, 2.0, np.inf]) | st.floats(-9, 9), min_size=1),
    st.data(),
)
def test_the_nth_highest_is_that_of_a_sorted_array(values, data):
    size = data.draw(st.integers(1, len(values)))
    n = data.draw(st.integers(1, size))
    array = np.array(values)
    assert find(array, size, n) == sorted(values[:size], reverse=True)[n - 1]
    assert array.tolist() == values


def test_a_grown_array_begins_as_it_was():
    larger = grow(np.array([3, 1], np.int32), 5, -1)
    assert (larger.tolist(), larger.dtype) == ([3, 1, -1, -1, -1], np.int32)
