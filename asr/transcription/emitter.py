"""What makes emissions: the network of a checkpoint, an ONNX file, the shared network of a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from asr.data.tokenizer import Tokenizer
from asr.decoding.emission import Emission


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
        device: where it runs: "cpu", "cuda:0", ...
        precision: of its numbers: "float32", "bfloat16", "int8".
    """

    tokenizer: Tokenizer
    phones: tuple[str, ...]
    sample_rate: int
    seconds_per_frame: float
    minimum_samples: int
    decoder_network: str | None
    device: str
    precision: str

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
