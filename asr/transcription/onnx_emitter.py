"""An ONNX file of `asr export` as an emitter: the network runs in onnxruntime."""

import json
import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asr.cache import content_digest
from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.emission import Emission
from asr.errors import AsrError, CheckpointError
from asr.model.file_kinds import ONNX, describe_file, describe_folder
from asr.processors import usable_processors
from asr.transcription.emitter import EmitterInfo

if TYPE_CHECKING:
    from asr.transcription.torch_emitter import TorchEmitter


class OnnxEmitter:
    """Runs an ONNX file on the CPU; see `Emitter`.

    Waveforms go through the network one by one, each in a thread: an emission does not depend on what is emitted beside it, and none is padded.

    Args:
        path: what `asr export` wrote.
        threads: waveforms at once; 0 for all processors.
        checkpoint: what the file was made of.

    Raises:
        CheckpointError: not an ONNX file, or not one of `asr export`; or made of another checkpoint.
    """

    def __init__(self, path: str | Path, *, threads: int = 0, checkpoint: Path | None = None) -> None:
        import onnxruntime  # here, for whoever runs another emitter

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
        options.intra_op_num_threads = 1
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
                "cpu",
                metadata.get("precision", "float32"),
            )
        except KeyError as error:
            raise CheckpointError(
                f"{path}: an ONNX file of another program (it says no {error}); expected one of `asr export`"
            ) from None
        except (ValueError, AsrError) as error:
            raise CheckpointError(f"{path}: an ONNX file, but not one of `asr export` ({error})") from None
        self.checkpoint = checkpoint
        if checkpoint is not None and metadata.get("checkpoint") != content_digest(checkpoint):
            raise CheckpointError(
                f"{path}: was made of another checkpoint than {checkpoint}; make it again "
                f"(`asr export {checkpoint} {path} --int8`), or remove it"
            )
        self._threads = ThreadPoolExecutor(threads or usable_processors(), thread_name_prefix="network")
        self._outputs = ["log_probs", *(["phone_log_probs"] if self.info.phones else [])]

    @cached_property
    def original(self) -> "TorchEmitter":
        """The network of the checkpoint, which can be looked into. Raises CheckpointError where the checkpoint is not beside the file."""
        if self.checkpoint is None:
            raise CheckpointError(
                "an ONNX file cannot be looked into; take the checkpoint that it was made of"
            )
        from asr.model.checkpoint import load_checkpoint
        from asr.transcription.torch_emitter import TorchEmitter

        return TorchEmitter(load_checkpoint(self.checkpoint), device="cpu")

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        """See `Emitter`."""
        return list(self._threads.map(self._emit, waveforms))

    def _emit(self, waveform: np.ndarray) -> Emission:
        given = {
            "waveforms": np.asarray(waveform, np.float32)[None],
            "lengths": np.array([len(waveform)], np.int64),
        }
        letters, *phones = self.session.run(self._outputs, given)
        return Emission(letters[0], phones[0][0] if phones else None)
