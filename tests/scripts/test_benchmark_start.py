"""The benchmark of the start measures what it says: processes of their own, each with its own peak."""

import pytest

import benchmark_start


def test_each_process_has_a_cost_of_its_own(tmp_path):
    large = benchmark_start.cost_of(["-c", "bytearray(200_000_000)"], str(tmp_path))
    small = benchmark_start.cost_of(["-c", "pass"], str(tmp_path))
    assert large.memory > small.memory + 150
    assert small.processor > 0


def test_a_command_that_fails_is_no_measurement(tmp_path):
    with pytest.raises(SystemExit, match="failed"):
        benchmark_start.cost_of(["-c", "raise SystemExit(3)"], str(tmp_path))
