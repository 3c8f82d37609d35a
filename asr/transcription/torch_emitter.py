"""The network of a checkpoint, in PyTorch, as an emitter."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch

from asr.data.padding import pad_waveforms
from asr.decoding.emission import Emission, NetworkText
from asr.model.checkpoint import Checkpoint
from asr.model.device import choose_device
from asr.model.precision import Precision, autocast, resolve_precision
from asr.model.recognition import recognise
from asr.transcription.emitter import EmitterInfo


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
        resolved = resolve_precision(precision, chosen)
        self.model = model
        self.info = EmitterInfo(
            checkpoint.tokenizer,
            model.config.phones,
            model.sample_rate,
            model.seconds_per_frame,
            model.minimum_samples,
            None if model.objective is None else model.config.objective.kind,
            str(chosen),
            resolved,
        )
        self.device, self._precision = chosen, resolved

    def autocast(self) -> AbstractContextManager[None]:
        """The context that the network runs in, for its precision."""
        return autocast(self.device, self._precision)

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        """See `Emitter`."""
        padded, sizes = (torch.from_numpy(part).to(self.device) for part in pad_waveforms(waveforms))
        with torch.inference_mode(), self.autocast():
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
