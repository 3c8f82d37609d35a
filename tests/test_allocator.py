"""What libraries keep of memory."""

import os
import subprocess
import sys

import pytest

from asr.allocator import keep_few_kernels

COUNT_FAULTS = """
import resource, sys
import numpy as np
from asr.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(3):
    np.ones(6_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(6_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is told on Linux")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    faults = {
        what: int(subprocess.run([sys.executable, "-c", COUNT_FAULTS, what], capture_output=True, text=True, check=True).stdout)
        for what in ("keep", "leave")
    }  # fmt: skip
    assert faults["keep"] < faults["leave"] / 10


FILL_HOLES = """
import numpy as np
from asr.allocator import give_back_freed_memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
blocks = [np.ones(12_000) for _ in range(2_000)]  # too small for pages of their own
full = resident()
blocks = blocks[::100]
assert give_back_freed_memory()
print(full - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is told on Linux")
def test_memory_between_blocks_in_use_is_given_back() -> None:
    given = subprocess.run([sys.executable, "-c", FILL_HOLES], capture_output=True, text=True, check=True)
    assert int(given.stdout) > 100e6


def test_the_environment_goes_before_our_number_of_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, "7")
    keep_few_kernels()
    assert os.environ[name] == "7"
    monkeypatch.delenv(name)
    keep_few_kernels()
    assert os.environ[name] == "16"
