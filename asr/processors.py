"""What this machine computes with, told without PyTorch."""

import ctypes
import os
import sys


def count_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_processors() -> int:
    """Threads for this process: `OMP_NUM_THREADS` of the environment, else one for each core."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return count_cores()


def has_gpu() -> bool:
    """Whether PyTorch finds an NVIDIA GPU; it is asked where there is a driver for one."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
