"""An ONNX file of `asr export` as a transcriber: the network runs in onnxruntime, all else is the same."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from asr.data.batching import pad_waveforms
from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.options import DecodingOptions
from asr.errors import AsrError, CheckpointError, UsageError
from asr.transcription.transcriber import Transcriber

log = logging.getLogger(__name__)


class OnnxTranscriber(Transcriber):
    """Transcribes with onnxruntime on the CPU.

    Args:
        path: what `asr export` wrote.
        decoding: how log-probabilities become text; greedy by default.
        threads: of onnxruntime; 0 leaves it to it.

    Raises:
        UsageError: onnxruntime is not installed.
        CheckpointError: not an ONNX file, or not one of `asr export`.
    """

    def __init__(
        self, path: str | Path, *, decoding: DecodingOptions | None = None, threads: int = 0
    ) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise UsageError(f"{path}: ONNX models run in onnxruntime: `pip install 'asr[export]'`") from None
        if not Path(path).is_file():
            raise CheckpointError(f"{path}: no such model; `asr export` writes one")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own errors have no base but this
            reason = str(error).strip().splitlines()[0]
            raise CheckpointError(f"{path}: not an ONNX model, or a broken one ({reason})") from None
        metadata = self.session.get_modelmeta().custom_metadata_map
        try:
            self.tokenizer = CharacterTokenizer(json.loads(metadata["vocabulary"]), case=metadata["case"])
            self._sample_rate = int(metadata["sample_rate"])
            self._seconds_per_frame = float(metadata["seconds_per_frame"])
            self._minimum_samples = int(metadata["minimum_samples"])
        except (KeyError, ValueError, AsrError) as error:
            raise CheckpointError(f"{path}: an ONNX file, but not one of `asr export` ({error})") from None
        self.device = torch.device("cpu")
        self.precision = "float32"
        self.notes = {"name": metadata.get("name", ""), "precision": metadata.get("precision", "")}
        decoding = decoding or DecodingOptions()
        if decoding.pronunciations is not None:
            log.warning("%s: an ONNX model hears letters alone; decoding without pronunciations", path)
        self.decoding = replace(decoding, pronunciations=None)
        self.phone_decoder = None
        self._letter_decoder = self._make_letter_decoder()

    @property
    def sample_rate(self) -> int:
        """Rate in Hz that the model works at."""
        return self._sample_rate

    @property
    def seconds_per_frame(self) -> float:
        """Time from one frame of the emission to the next."""
        return self._seconds_per_frame

    @property
    def minimum_samples(self) -> int:
        """The shortest waveform that gives a frame."""
        return self._minimum_samples

    @property
    def decodes_emissions(self) -> bool:
        """Always: `asr export` writes CTC models alone."""
        return True

    def emit(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Natural-log probabilities `(T', V)` float32 of each `(N,)` waveform at the model's rate."""
        padded, lengths = pad_waveforms(waveforms)
        log_probs, frames = self.session.run(
            ["log_probs", "frames"], {"waveforms": padded.numpy(), "lengths": lengths.numpy()}
        )
        return [row[:count] for row, count in zip(log_probs, frames.tolist(), strict=True)]
