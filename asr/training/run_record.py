"""What a run's configuration cannot say: versions, machine, command."""

import json
import platform
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from asr.extras import DISTRIBUTION
from asr.files import write_atomically

_PACKAGES = (DISTRIBUTION, "torch", "torchaudio", "lightning", "numpy", "soundfile", "soxr", "jiwer")


def write_run_record(path: Path, *, seed: int, precision: str, parameters: int, resumed: bool) -> None:
    """Write run.json; a resume adds a record."""
    record = {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "resumed": resumed,
        "command": sys.argv,
        "seed": seed,
        "precision": precision,
        "parameters": parameters,
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in _PACKAGES},
        "machine": {
            "system": platform.platform(),
            "processor": processor_name(),
            "threads": torch.get_num_threads(),
            "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        },
    }
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    with write_atomically(path) as file:
        json.dump([*earlier, record], file, indent=2)


def package_version(package: str) -> str:
    """Of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor_name() -> str:
    """As the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
