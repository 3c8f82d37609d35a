"""Which processes share a training, and which of them this one is.

Lightning starts the further processes of a machine by running the same command again, with LOCAL_RANK
set; torchrun and SLURM start all of them, and say so in the environment.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from lightning.pytorch.plugins.environments import SLURMEnvironment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from asr.errors import TrainingError


class Launch(NamedTuple):
    """Who runs a training.

    Attributes:
        processes: on each machine.
        machines: how many.
        launcher: "torchrun" or "SLURM" where that started the processes, "" where Lightning is to.
    """

    processes: int
    machines: int = 1
    launcher: str = ""


def find_launch(own_choice: int, environment: Mapping[str, str] = os.environ) -> Launch:
    """What torchrun or SLURM decided, or else `own_choice` processes on this machine.

    Raises:
        TrainingError: the launcher gave machines different numbers of processes.
    """
    if "TORCHELASTIC_RUN_ID" in environment or {"LOCAL_WORLD_SIZE", "GROUP_RANK"} <= environment.keys():
        return _launch("torchrun", environment["WORLD_SIZE"], local=environment["LOCAL_WORLD_SIZE"])
    if environment is os.environ and not SLURMEnvironment.detect():
        return Launch(own_choice)
    tasks = environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS", "1"))
    if int(tasks) > 1:
        machines = environment.get("SLURM_STEP_NUM_NODES", environment.get("SLURM_NNODES", "1"))
        return _launch("SLURM", tasks, machines=machines)
    return Launch(own_choice)


def is_first_process() -> bool:
    """True in the one process that writes files and talks."""
    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0


def _launch(launcher: str, world: str, *, local: str = "0", machines: str = "0") -> Launch:
    machine_count = int(machines) or int(world) // int(local)
    processes = int(local) or int(world) // int(machines)
    if processes * machine_count != int(world):
        raise TrainingError(
            f"{launcher} started {world} processes on {machine_count} machines; expected equally many on each"
        )
    return Launch(processes, machine_count, launcher)
