"""Which of the processes that share a training this one is.

Lightning starts the further processes of a machine by running the same command again, with LOCAL_RANK
set; torchrun and SLURM set RANK or SLURM_PROCID.
"""

from lightning.pytorch.utilities.rank_zero import rank_zero_only


def is_first_process() -> bool:
    """True in the one process that writes files and talks."""
    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0
