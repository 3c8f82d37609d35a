"""An ONNX file of `asr export` as an emitter: the network runs in onnxruntime."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from asr.data.padding import pad_waveforms
from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.emission import Emission
from asr.errors import AsrError, CheckpointError, UsageError
from asr.extras import install_command
from asr.model.file_kinds import ONNX, describe_file, describe_folder
from asr.transcription.emitter import EmitterInfo


class OnnxEmitter:
    """Runs an ONNX file on the CPU; see `Emitter`.

    Args:
        path: what `asr export` wrote.
        threads: of onnxruntime; 0 leaves it to it.

    Raises:
        UsageError: onnxruntime is not installed.
        CheckpointError: not an ONNX file, or not one of `asr export`.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise UsageError(
                f"{path}: ONNX models run in onnxruntime: `{install_command('export')}`"
            ) from None
        path = Path(path)
        try:
            if path.is_dir():
                raise CheckpointError(f"{path}: {describe_folder(path)}")
            if not path.exists():
                raise CheckpointError(f"{path}: no such model; `asr export` writes one")
            kind = describe_file(path)
        except OSError as error:
            raise CheckpointError(f"{path}: cannot read: {error.strerror or error}") from None
        if kind != ONNX:
            raise CheckpointError(f"{path}: {kind}; expected an ONNX file of `asr export`")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own errors have no base but this
            reason = textwrap.shorten(" ".join(str(error).split()), 240, placeholder=" ...")
            raise CheckpointError(
                f"{path}: an ONNX file of {path.stat().st_size:,} bytes that onnxruntime cannot load ({reason}); "
                "copy it again, or export it again with `asr export`"
            ) from None
        metadata = self.session.get_modelmeta().custom_metadata_map
        try:
            self.info = EmitterInfo(
                CharacterTokenizer(json.loads(metadata["vocabulary"]), case=metadata["case"]),
                tuple(json.loads(metadata.get("phones", "[]"))),
                int(metadata["sample_rate"]),
                float(metadata["seconds_per_frame"]),
                int(metadata["minimum_samples"]),
                None,
                torch.device("cpu"),
                "float32",
            )
        except KeyError as error:
            raise CheckpointError(
                f"{path}: an ONNX file of another program (it says no {error}); expected one of `asr export`"
            ) from None
        except (ValueError, AsrError) as error:
            raise CheckpointError(f"{path}: an ONNX file, but not one of `asr export` ({error})") from None

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        """See `Emitter`."""
        padded, lengths = pad_waveforms(waveforms)
        outputs = ["log_probs", "frames", *(["phone_log_probs"] if self.info.phones else [])]
        letters, frames, *others = self.session.run(
            outputs, {"waveforms": padded.numpy(), "lengths": lengths.numpy()}
        )
        phones = others[0] if others else None
        return [
            Emission(letters[row, :count], None if phones is None else phones[row, :count])
            for row, count in enumerate(frames.tolist())
        ]
