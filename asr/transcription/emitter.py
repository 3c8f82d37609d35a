"""What makes emissions: the network of a checkpoint, an ONNX file, the shared network of a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from asr.data.padding import pad_waveforms
from asr.data.tokenizer import Tokenizer
from asr.decoding.emission import Emission, NetworkText
from asr.model.checkpoint import Checkpoint
from asr.model.device import choose_device
from asr.model.precision import Precision, autocast
from asr.model.recognition import recognise


@dataclass(frozen=True)
class EmitterInfo:
    """What transcription must know of a network.

    Attributes:
        tokenizer: of the letters.
        phones: of the second head, their ids from 1; none without it.
        sample_rate: Hz.
        seconds_per_frame: time from one frame of the emission to the next.
        minimum_samples: the shortest waveform that gives a frame.
        decoder_network: kind of a decoder network of the model's own; None for CTC alone.
        device: where it runs.
        precision: of its numbers.
    """

    tokenizer: Tokenizer
    phones: tuple[str, ...]
    sample_rate: int
    seconds_per_frame: float
    minimum_samples: int
    decoder_network: str | None
    device: torch.device
    precision: Precision

    def no_frames(self) -> Emission:
        """The emission of no sound."""
        return Emission.empty(letters=len(self.tokenizer), phones=1 + len(self.phones) if self.phones else 0)


class Emitter(Protocol):
    """Waveforms -> emissions."""

    @property
    def info(self) -> EmitterInfo: ...

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        """Emissions of `(N,)` waveforms at the model's rate.

        Args:
            waveforms: each at least `minimum_samples` long.
            network_beam: width of the decoder network's search, where the model has one; 0 leaves its text out.
        """
        ...


class TorchEmitter:
    """The network of a checkpoint in PyTorch.

    Args:
        checkpoint: the model and its tokenizer.
        device: of `choose_device`.
        precision: "float32", "bfloat16", or "auto" for bfloat16 where the hardware multiplies it.

    Raises:
        UsageError: no such device.
    """

    def __init__(
        self, checkpoint: Checkpoint, *, device: str = "auto", precision: Precision = "auto"
    ) -> None:
        chosen = choose_device(device)
        model = checkpoint.model.to(chosen).eval()
        self.model = model
        self.info = EmitterInfo(
            checkpoint.tokenizer,
            model.config.phones,
            model.sample_rate,
            model.seconds_per_frame,
            model.minimum_samples,
            None if model.objective is None else model.config.objective.kind,
            chosen,
            precision,
        )

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        """See `Emitter`."""
        padded, sizes = (part.to(self.info.device) for part in pad_waveforms(waveforms))
        with torch.inference_mode(), autocast(self.info.device, self.info.precision):
            if network_beam and self.info.decoder_network is not None:
                return [
                    Emission(
                        log_probs.cpu().numpy(), network_text=NetworkText(tuple(found.tokens), found.score)
                    )
                    for log_probs, found in recognise(self.model, padded, sizes, beam_width=network_beam)
                ]
            heads = self.model.heads(*self.model.features(padded, sizes))
        letters = heads.letters.cpu().numpy()
        phones = None if heads.phones is None else heads.phones.cpu().numpy()
        return [
            Emission(letters[row, :length], None if phones is None else phones[row, :length])
            for row, length in enumerate(heads.lengths.tolist())
        ]
