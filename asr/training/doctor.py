"""What a machine has, and what it lacks, for this program."""

import importlib
import os
import platform
import re
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal, NamedTuple

import soundfile
import torch

from asr.extras import DISTRIBUTION
from asr.processors import count_cores
from asr.training.run_record import processor_name

_GIB = 2**30


class Finding(NamedTuple):
    """One thing looked at: is it fine, could it be better, or is it broken; and what to change."""

    subject: str
    verdict: Literal["fine", "advice", "broken"]
    found: str
    change: str = ""


def examine(folder: Path) -> list[Finding]:
    """Look at everything that has cost somebody a training.

    Args:
        folder: where runs shall be written.
    """
    return [
        _python(),
        _processor(),
        _memory(),
        *_graphics(),
        *_libraries(),
        *_codecs(),
        _disk(folder),
        _shared_memory(),
        _open_files(),
    ]


def _python() -> Finding:
    text = f"{platform.python_version()} on {platform.platform()}"
    if not (3, 11) <= tuple(map(int, platform.python_version_tuple()[:2])) <= (3, 14):
        return Finding("Python", "broken", text, "install Python 3.11 to 3.14")
    return Finding("Python", "fine", text)


def _processor() -> Finding:
    cores = count_cores()
    widest = torch.backends.cpu.get_cpu_capability()
    bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    text = f"{processor_name()}, {cores} cores for us, {widest}, bfloat16 {'in hardware' if bf16 else 'emulated'}"
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads is not None and threads.isdigit() and int(threads) > cores:
        return Finding(
            "processor", "advice", text, f"OMP_NUM_THREADS is {threads}; set it to {cores} or unset it"
        )
    if widest in ("DEFAULT", "NO AVX"):
        return Finding("processor", "advice", text, "without AVX2 training is several times slower")
    return Finding("processor", "fine", text)


def _memory() -> Finding:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return Finding("memory", "fine", "not told by this system")
    limit = _container_limit()
    most = min(total, limit) if limit else total
    text = f"{most / _GIB:.1f} GiB" + (" (limit of the container)" if limit and limit < total else "")
    if most < 4 * _GIB:
        return Finding("memory", "advice", text, "lower data.seconds_per_batch, and data.workers to 0 or 1")
    return Finding("memory", "fine", text)


def _container_limit() -> int | None:
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _graphics() -> list[Finding]:
    if not torch.cuda.is_available():
        if torch.version.cuda and (shutil.which("nvidia-smi") or Path("/dev/nvidia0").exists()):
            return [
                Finding(
                    "GPU",
                    "broken",
                    f"there is a driver, but torch {torch.__version__} (CUDA {torch.version.cuda}) cannot use it",
                    "install a driver for that CUDA version, or the torch build for the driver "
                    "(https://pytorch.org/get-started/locally)",
                )
            ]
        return [
            Finding(
                "GPU",
                "advice",
                "none that torch can use",
                "small corpora train on the CPU; for 100 hours and more use a GPU",
            )
        ]
    findings = []
    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        free, total = torch.cuda.mem_get_info(number)
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        text = (
            f"{about.name}, {free / _GIB:.1f} of {total / _GIB:.1f} GiB free, "
            f"{'bfloat16' if bf16 else 'no bfloat16'}, cuDNN {torch.backends.cudnn.version()}"
        )
        busy = free < 0.5 * total
        change = "other programs hold most of its memory; see nvidia-smi" if busy else ""
        findings.append(Finding(f"GPU {number}", "advice" if busy else "fine", text, change))
    if not torch.backends.cudnn.is_available():
        findings.append(
            Finding("cuDNN", "broken", "not available", "install a torch build with cuDNN: the LSTM needs it")
        )
    if len(findings) > 1 and not torch.distributed.is_nccl_available():
        findings.append(
            Finding("NCCL", "broken", "not available", "install a torch build with NCCL to use several GPUs")
        )
    return findings


def _libraries() -> list[Finding]:
    """Every dependency against the versions that the package asks for, and that torch and torchaudio load together."""
    try:
        wanted = [line for line in requires(DISTRIBUTION) or [] if "extra ==" not in line]
    except PackageNotFoundError:
        return [
            Finding("libraries", "advice", "the package is not installed", "pip install -e . in its folder")
        ]
    wrong, found = [], []
    for line in wanted:
        name, clauses = _requirement(line)
        try:
            installed = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        found.append(f"{name} {installed}")
        if not _fits(installed, clauses):
            wrong.append(f"{name} {installed}, wanted {','.join(clauses)}")
    if wrong:
        names = " ".join(f'"{line.split(";")[0].strip()}"' for line in wanted)
        return [Finding("libraries", "broken", "; ".join(wrong), f"pip install {names}")]
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError) as error:
        return [
            Finding(
                "libraries",
                "broken",
                f"torchaudio does not load beside torch {torch.__version__}: {str(error).splitlines()[0]}",
                "install both from the same index (both CPU, or both the same CUDA)",
            )
        ]
    return [Finding("libraries", "fine", ", ".join(found[:4]) + f" and {len(found) - 4} more, all fitting")]


def _requirement(line: str) -> tuple[str, list[str]]:
    """`name[extra]>=1,<2; marker` -> name, ["<2", ">=1"]."""
    name = re.match(r"[A-Za-z0-9._-]+", line)
    assert name is not None
    return name[0], re.findall(r"(?:==|>=|<=|!=|<|>)\s*[\w.*+]+", line.split(";", maxsplit=1)[0])


def _fits(installed: str, clauses: list[str]) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(",".join(clauses)).contains(installed.split("+", maxsplit=1)[0], prereleases=True)


def _codecs() -> list[Finding]:
    formats = soundfile.available_formats()
    lacking = [name for name in ("WAV", "FLAC", "OGG", "MP3", "NIST") if name not in formats]
    text = f"libsndfile {soundfile.__libsndfile_version__}"
    findings = [
        Finding("audio", "broken", f"{text} without {', '.join(lacking)}", "pip install --upgrade soundfile")
        if lacking
        else Finding("audio", "fine", f"{text}: WAV, FLAC, OGG, MP3, NIST SPHERE")
    ]
    tools = [name for name in ("sph2pipe", "ffmpeg") if shutil.which(name)]
    if not tools:
        findings.append(
            Finding(
                "shorten",
                "advice",
                "neither sph2pipe nor ffmpeg is installed",
                "only needed for shorten-compressed SPHERE (TIMIT, WSJ): install one of them",
            )
        )
    else:
        findings.append(Finding("shorten", "fine", f"{tools[0]} expands it"))
    return findings


def _disk(folder: Path) -> Finding:
    place = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / _GIB:.1f} GiB free at {place}"
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding("disk", "broken", f"{place}: {error.strerror}", "choose another folder for runs")
    if free < 5 * _GIB:
        return Finding("disk", "advice", text, "states of a large model take a gigabyte each; make room")
    return Finding("disk", "fine", text)


def _shared_memory() -> Finding:
    """Loader processes hand their batches over in /dev/shm."""
    place = Path("/dev/shm")
    if not place.exists():
        return Finding("shared memory", "fine", "not used on this system")
    size = shutil.disk_usage(place).total
    text = f"{size / _GIB:.2f} GiB at {place}"
    if size < _GIB:
        return Finding(
            "shared memory",
            "advice",
            text,
            "loader processes may run out: docker run --shm-size 8g, or data.workers 0",
        )
    return Finding("shared memory", "fine", text)


def _open_files() -> Finding:
    try:
        import resource
    except ImportError:
        return Finding("open files", "fine", "no limit of a process on this system")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1024:
        return Finding("open files", "advice", f"at most {soft}", f"ulimit -n {min(hard, 4096)}")
    return Finding("open files", "fine", f"at most {soft}")
