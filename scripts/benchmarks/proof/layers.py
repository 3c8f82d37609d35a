"""Packed by cuDNN or reversed within lengths: which way is faster, and does the layer take it?"""

import torch

from asr.model.encoder import EncoderConfig
from asr.model.features import frame_mask
from asr.model.precision import Precision
from asr.model.recurrent import FusedLayer
from benchmark_training import lstm_ratio
from proof.experiments import SIZES, TINY_SIZES
from proof.section import Check, Place, Section

BATCHES = ((4, 400), (16, 400), (64, 400), (32, 100))
# The layer's way may be so many times slower than the other: below that, the clock decides.
LIMIT = 1.1


def prove(place: Place) -> Section:
    """Time a layer of each size both ways."""
    section = Section(
        "Packed or reversed",
        ("hidden", "batch", "frames", "precision", "reversed, ms", "packed, ms", "faster"),
        notes=[
            "One bidirectional LSTM layer, forward and backward, utterances of half to all of the frames; medians."
        ],
    )
    taken = "packed" if place.device.type == "cuda" else "reversed"
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    ratios = []
    for _, hidden in TINY_SIZES if place.tiny else SIZES:
        for batch, frames in ((2, 20),) if place.tiny else BATCHES:
            for precision in precisions:
                slow, packed = lstm_ratio(
                    EncoderConfig(hidden_size=hidden), batch=batch, frames=frames, precision=precision,
                    rounds=2 if place.tiny else 7, device=place.device,
                )  # fmt: skip
                faster = "packed" if packed < slow else "reversed"
                section.rows.append((hidden, batch, frames, precision, slow, packed, faster))
                ratios.append(packed / slow if taken == "packed" else slow / packed)
    section.checks.append(Check("both ways give the same", _difference(place), 1e-4))
    worst = max(ratios)
    section.notes.append(
        f"`auto` takes the way called {taken} here; at worst it takes {worst:.2f} times as long as the other. "
        + (
            "It chooses well."
            if worst <= LIMIT
            else "Where it is slower, `FusedLayer.forward` should choose the other."
        )
    )
    return section


def _difference(place: Place) -> float:
    """The largest difference of an output, in float32."""
    layer = FusedLayer("lstm", 24, 16).to(place.device)
    lengths = torch.tensor([30, 17, 1], device=place.device)
    inputs = torch.randn(3, 30, 24, device=place.device)
    mask = frame_mask(lengths, 30).unsqueeze(2)
    with torch.inference_mode():
        difference = layer.forward_packed(inputs, lengths) - layer.forward_reversed(inputs, lengths)
    return float((difference * mask).abs().max())
