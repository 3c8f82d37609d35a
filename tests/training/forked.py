"""Trainings in processes of their own that can be killed, without the seconds that imports take."""

import multiprocessing
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

import cloudpickle
import numpy as np
import soundfile
import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from asr.data.manifest import Utterance, write_manifest
from asr.errors import AsrError
from asr.training.module import SpeechModule
from asr.training.train import train_or_resume  # noqa: F401  what forks do

# Forks of a process that has nothing but these modules: one that has run other tests has threads, which no fork survives.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["asr.training.train", "hypothesis", "pytest"])


def start(work: Callable[[], object], output: Path, environment: Mapping[str, str] = {}) -> BaseProcess:
    """Run `work` in a process of its own, its stderr in a file, until it ends: 0, or 1 for an error of ours."""
    _settle()
    surroundings = {**os.environ, **environment}
    process = _CONTEXT.Process(
        target=_child, args=(cloudpickle.dumps(work), output, surroundings, Path.cwd())
    )
    process.start()
    return process


@cache
def _settle() -> None:
    """Wait until what imports have begun in threads of their own (ONNX Runtime looks for devices) is at rest: a fork in its midst hangs."""
    first = _CONTEXT.Process(target=int)
    first.start()
    first.join(60)
    time.sleep(1)
    first.kill()
    first.join()


def _child(work: bytes, output: Path, environment: Mapping[str, str], folder: Path) -> None:
    with output.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 2)
        os.chdir(folder)
        os.environ.update(environment)
        rank_zero_only.rank = int(environment.get("RANK", 0))  # Lightning looked when it was imported
        torch.set_num_threads(1)
        try:
            cloudpickle.loads(work)()
        except AsrError as error:
            os.write(2, f"asr: {error}\n".encode())
            os._exit(1)
        except SystemExit as left:
            os._exit(int(left.code or 0))
        except BaseException:
            os.write(2, traceback.format_exc().encode())
            os._exit(3)
        finally:
            sys.stderr.flush()
        os._exit(0)


def start_ranks(work: Callable[[int], object], count: int, folder: Path) -> list[BaseProcess]:
    """The same work in `count` processes that share a training, as torchrun would start them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir(exist_ok=True)
    return [
        start(
            lambda rank=rank: work(rank),  # type: ignore[misc]
            folder / f"rank{rank}.txt",
            {
                "TORCHELASTIC_RUN_ID": "test",
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "GROUP_RANK": "0",
                "WORLD_SIZE": str(count),
                "LOCAL_WORLD_SIZE": str(count),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
        )
        for rank in range(count)
    ]


def finish(processes: list[BaseProcess], *, seconds: float) -> list[int | None]:
    """Exit codes, None for those that had to be killed."""
    for process in processes:
        process.join(seconds)
    codes = [process.exitcode for process in processes]
    for process in processes:
        if process.is_alive():
            process.kill()
            process.join()
    return codes


def record_steps(path: Path, *, die_after: int | None = None, number: int = signal.SIGKILL) -> None:
    """Append the utterances and the exact loss of each step of this process to a file; send the process a
    signal in the step after `die_after` of them."""
    original = SpeechModule._loss
    seen = 0

    def spy(module: SpeechModule, batch: object) -> torch.Tensor:
        nonlocal seen
        if die_after is not None and seen == die_after:
            os.kill(os.getpid(), number)
        seen += 1
        loss = original(module, batch)  # type: ignore[arg-type]
        line = f"{module.current_epoch} {module.steps_behind} {float(loss).hex()} {','.join(batch.ids)}"  # type: ignore[attr-defined]
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        return loss

    SpeechModule._loss = spy  # type: ignore[method-assign]


def write_noise(folder: Path, count: int) -> Path:
    """The manifest of `count` utterances of noise, each a little longer than the one before."""
    generator = np.random.default_rng(5)
    (folder / "noise").mkdir(exist_ok=True)
    utterances = []
    for number in range(count):
        seconds = 0.4 + 0.02 * number
        path = folder / "noise" / f"n{number}.wav"
        soundfile.write(path, generator.uniform(-0.3, 0.3, round(16000 * seconds)), 16000)
        utterances.append(
            Utterance(f"n{number}", path, seconds, text="ABBA"[number % 4], speaker=f"n{number}")
        )
    write_manifest(folder / "noise.jsonl", utterances)
    return folder / "noise.jsonl"
