"""What this machine computes with, told without PyTorch."""

import ctypes
import os
import sys


def usable_processors() -> int:
    """Processors that this process may use; `OMP_NUM_THREADS` in the environment goes before what there is."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_gpu() -> bool:
    """Whether PyTorch finds an NVIDIA GPU; it is asked where there is a driver for one."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
