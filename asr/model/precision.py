"""Which numbers the network multiplies: float32, or bfloat16 where the hardware does."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "float32", "bfloat16"]


def resolve_precision(precision: Precision, device: "torch.device") -> Literal["float32", "bfloat16"]:
    """ "auto" -> "bfloat16" where the device multiplies it in hardware, else "float32".

    A CPU without such instructions emulates bfloat16, many times slower.
    """
    import torch

    if precision != "auto":
        return precision
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and (
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
    return "bfloat16" if fast else "float32"


def autocast(device: "torch.device", precision: Precision) -> AbstractContextManager[None]:
    """The autocast context of a precision; features, softmax and losses stay float32 inside it."""
    import torch

    enabled = resolve_precision(precision, device) == "bfloat16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)
