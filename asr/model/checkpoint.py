"""One file a model: weights, configuration, vocabulary, version. Loads with `weights_only=True`.

Nothing about a model is repeated anywhere else: whoever has the file has the features, the network
and the alphabet, and a newer program reads an older file or says which version it needs.
"""

import io
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from asr.data.tokenizer import Tokenizer, make_tokenizer
from asr.errors import AsrError, CheckpointError
from asr.files import write_atomically
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.options import parse_dict

FORMAT = "asr-model"
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
        hint = ""
        if isinstance(record, dict) and "pytorch-lightning_version" in record:
            hint = "; this is the training state: take best.pt or last.pt beside it"
        raise CheckpointError(f"{path}: a PyTorch file, but not an asr model{hint}")
    version = record.get("version")
    if not isinstance(version, int) or version > VERSION:
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
        first_line = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: the checkpoint does not fit together: {first_line}") from None
    return Checkpoint(model.eval(), tokenizer, dict(record.get("notes") or {}))


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
    if not path.exists():
        raise CheckpointError(f"{path}: no such checkpoint; `asr train` writes RUN/checkpoints/best.pt")
    if path.is_dir():
        raise CheckpointError(
            f"{path}: is a folder; expected a checkpoint, such as {path}/checkpoints/best.pt"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        reason = str(error).strip().splitlines()
        raise CheckpointError(
            f"{path}: not a checkpoint, or a broken one ({reason[0][:120] if reason else type(error).__name__})"
        ) from None
