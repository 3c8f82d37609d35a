"""What the libraries below PyTorch keep of memory."""

import ctypes
import os
import sys
from collections.abc import Callable

# Names and values from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, for the next large tensor; returns whether it can be told so.

    glibc hands large blocks back to the kernel at once, which clears the pages again when the next step of
    a training wants them: a tenth and more of the time on the CPU. Other C libraries are left alone.
    """
    mallopt = _of_glibc("mallopt")
    return mallopt is not None and bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _MOST))


def give_back_freed_memory() -> bool:
    """Hand what was freed back to the kernel; returns whether there was any.

    glibc keeps memory that was freed between blocks still in use: hardly two requests of a server want the same
    sizes, and it grows for as long as new holes come up. Other C libraries are left alone.
    """
    trim = _of_glibc("malloc_trim")
    return trim is not None and bool(trim(0))


def keep_few_kernels() -> None:
    """Let oneDNN keep what it prepared for one shape of a batch or two, not for 1024 shapes of tensors.

    Recordings are all of different length: what it keeps for one seldom serves another, and adds up to some
    hundred megabytes. Has to come before the first operation; `ONEDNN_PRIMITIVE_CACHE_CAPACITY` in the environment
    goes before it.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")


def _of_glibc(name: str) -> Callable[..., int] | None:
    """A function of glibc's allocator; None where the C library is another."""
    if sys.platform != "linux":
        return None
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):  # musl has none
        return None
    return function
