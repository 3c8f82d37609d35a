"""Small models in one NumPy archive: texts, whole numbers, and weights, whose matrices are kept in 8 bits with a scale for each row."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr.errors import AsrError
from asr.files import write_atomically


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        format: its name and version, such as `asr-tagger 1`.
        name: in messages, such as "a tagger".
        maker: the command that writes it.
        error: what is raised for files that are none.
    """

    format: str
    name: str
    maker: str
    error: type[AsrError]


class Archive:
    """The arrays of a file, each read when it is asked for."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = arrays

    def text(self, name: str) -> str:
        return self._arrays[name].tobytes().decode()

    def numbers(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def weights(self, name: str) -> np.ndarray:
        """Float32."""
        array = self._arrays[name].astype(np.float32)
        return array if array.ndim < 2 else array * self._arrays[f"{name}_scale"][:, None]


def write_small_model(
    path: str | Path,
    kind: Kind,
    *,
    texts: Mapping[str, str],
    weights: Mapping[str, np.ndarray],
    numbers: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a file, atomically. Raises AsrError when it cannot be written."""
    arrays = {"format": _bytes(kind.format), **{name: _bytes(text) for name, text in texts.items()}}
    arrays.update(numbers or {})
    for name, array in weights.items():
        if array.ndim < 2:
            arrays[name] = array.astype(np.float32)
            continue
        scale = np.maximum(np.abs(array).max(axis=1), 1e-12).astype(np.float32) / 127
        arrays[name] = np.rint(array / scale[:, None]).astype(np.int8)
        arrays[f"{name}_scale"] = scale
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    with write_atomically(path, mode="wb") as file:
        file.write(content.getvalue())


@contextmanager
def open_small_model(path: str | Path, kind: Kind) -> Iterator[Archive]:
    """Read a file; its format is looked at first. Raises `kind.error` for what cannot be read or is none."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            archive = Archive(arrays)
            if archive.text("format") != kind.format:
                raise kind.error(f"{path}: {kind.name} of another version; train it again, or update asr")
            yield archive
    except OSError as error:
        raise kind.error(f"{path}: cannot read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, EOFError, IndexError, zipfile.BadZipFile) as error:
        raise kind.error(
            f"{path}: not {kind.name} ({str(error)[:80]}); expected what `{kind.maker}` wrote"
        ) from None


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)
