"""Which device a network runs on, and where its losses are computed."""

import torch

from asr.errors import UsageError


def choose_device(name: str) -> torch.device:
    """The device called "cpu", "cuda", "cuda:1" or "mps"; "auto" is an NVIDIA GPU where there is one, else the CPU.

    An Apple GPU is taken where it is named: whether it is faster than the same machine's CPU has not been measured.

    Raises:
        UsageError: no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"device {name!r} cannot be used here ({reason}); expected cpu, cuda, mps or auto"
        ) from None
    return device


def loss_device(device: torch.device) -> torch.device:
    """Where sums over alignments are computed for a network on a device: there, but for Apple's GPUs on the CPU, as PyTorch
    has no CTC for them, and no numbers of double precision."""
    return torch.device("cpu") if device.type == "mps" else device
