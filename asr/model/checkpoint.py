"""One file a model: weights, configuration, vocabulary, version. Loads with `weights_only=True`.

Nothing about a model is repeated anywhere else: whoever has the file has the features, the network
and the alphabet, and a newer program reads an older file or says which version it needs.
"""

import io
import re
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from asr.data.tokenizer import Tokenizer, make_tokenizer
from asr.errors import AsrError, CheckpointError
from asr.files import write_atomically
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.file_kinds import ONNX, PYTORCH, WANTED, describe_file, describe_folder, describe_missing
from asr.options import parse_dict

FORMAT = "asr-model"
TRAINING_STATE = "asr_training"  # the key by which the state of a training is known
VERSION = 3  # 1 knew characters and bidirectional LSTMs alone, 2 no phones


@dataclass(frozen=True)
class Checkpoint:
    """A model that can be used at once.

    Attributes:
        model: in eval mode, on the CPU.
        tokenizer: its alphabet.
        notes: what training wrote down (epoch, dev WER, corpus, package versions); informative only.
    """

    model: AcousticModel
    tokenizer: Tokenizer
    notes: dict[str, Any] = field(default_factory=dict)


def unmeasured(notes: Mapping[str, Any]) -> dict[str, Any]:
    """Notes of a model that training did not measure as it is: without epoch and error rates."""
    return {name: value for name, value in notes.items() if name not in ("epoch", "dev_wer", "dev_cer")}


def save_checkpoint(path: str | Path, checkpoint: Checkpoint, *, half: bool = False) -> None:
    """Write a checkpoint, atomically.

    `half` keeps the weights in half precision (float16), for shipping: half the size; they are float32
    again when loaded.

    Raises:
        AsrError: no space left, no permission. Whatever stood at `path` is then untouched.
    """
    with write_atomically(path, mode="wb") as file:
        file.write(checkpoint_bytes(checkpoint, half=half))


def checkpoint_bytes(checkpoint: Checkpoint, *, half: bool = False) -> bytes:
    """The content of a checkpoint's file; `half` as of `save_checkpoint`."""
    buffer = io.BytesIO()
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    precision = torch.float16 if half else torch.float32
    torch.save(
        {
            "format": FORMAT,
            "version": VERSION,
            "config": asdict(model.config),
            "tokens": tokenizer.kind,
            "vocabulary": list(tokenizer.vocabulary),
            "case": tokenizer.case,
            "weights": {
                name: tensor.detach().to("cpu", precision if tensor.is_floating_point() else None, copy=True)
                for name, tensor in model.state_dict().items()
            },
            "notes": checkpoint.notes,
        },
        buffer,
    )
    return buffer.getvalue()


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: missing, not a checkpoint, of a newer version, or broken.
    """
    record = read_torch(path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise CheckpointError(f"{path}: {_describe_record(record)}; {WANTED}")
    version = record.get("version")
    if not isinstance(version, int):
        raise CheckpointError(f"{path}: a checkpoint without its version; the file is damaged, copy it again")
    if version > VERSION:
        raise CheckpointError(
            f"{path}: checkpoint version {version}; this program reads up to {VERSION}; install a newer asr"
        )
    try:
        config = parse_dict(AcousticModelConfig, record["config"])
        tokenizer = make_tokenizer(
            record.get("tokens", "characters"), record["vocabulary"], case=record["case"]
        )
        model = AcousticModel(config, vocabulary_size=len(tokenizer))
        model.load_state_dict(record["weights"])
    except (KeyError, RuntimeError, TypeError, AsrError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise CheckpointError(
            f"{path}: the checkpoint does not fit together: {textwrap.shorten(reason, 240, placeholder=' ...')}"
        ) from None
    return Checkpoint(model.eval(), tokenizer, dict(record.get("notes") or {}))


def _describe_record(record: Any) -> str:
    """What a PyTorch file holds that is no model of ours."""
    if not isinstance(record, dict):
        return f"{PYTORCH} that holds a {type(record).__name__} of another program"
    if TRAINING_STATE in record:
        return "the state of a training, not a model: take best.pt or last.pt beside it"
    if "pytorch-lightning_version" in record:
        return "a Lightning checkpoint of another program"
    keys = ", ".join(repr(key) for key in list(record)[:3]) + (", ..." if len(record) > 3 else "")
    return f"{PYTORCH} of another program (its keys: {keys or 'none'})"


def write_torch(path: str | Path, record: Any) -> None:
    """`torch.save`, but atomic, and a full disk is a plain error."""
    buffer = io.BytesIO()
    torch.save(record, buffer)
    with write_atomically(path, mode="wb") as file:
        file.write(buffer.getbuffer())


def read_torch(path: str | Path) -> Any:
    """`torch.load(weights_only=True)` on the CPU, with errors that say what is wrong with the file.

    Raises:
        CheckpointError: missing, a folder, or no PyTorch file of plain tensors and values.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise CheckpointError(f"{path}: {describe_folder(path)}")
        if not path.exists():
            raise CheckpointError(f"{path}: {describe_missing(path)}")
        kind = describe_file(path)
        if kind == PYTORCH:
            return torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path}: cannot read: {error.strerror or error}; {WANTED}") from None
    except Exception as error:  # whatever a foreign pickle makes the reader trip over
        found = re.search(r"GLOBAL (\S+)|trying to (?:load|get) (\S+)", str(error))
        named = f" ({found[1] or found[2]})" if found else ""
        kind = f"{PYTORCH} that holds objects of another program{named}"
    if kind == ONNX and path.suffix != ".onnx":
        kind += ", which is taken for one only by a name that ends in .onnx"
    raise CheckpointError(f"{path}: {kind}; {WANTED}")
