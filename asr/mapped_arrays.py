"""Arrays in a file as they lie in memory, which is mapped, not read: it opens at once, and processes share its pages.

    16 bytes   magic and version, of whatever the arrays are
     8 bytes   length of the header, little-endian
    header     JSON: its maker's own, bytes of the text, and for each array its dtype, shape and offset
    text       UTF-8
    arrays     little-endian, each at a multiple of 64 bytes

They are mapped copy-on-write, for numba compiles once more for arrays that are read-only; nothing writes.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from asr.errors import AsrError
from asr.files import write_atomically

_ALIGNMENT = 64


class MappedArrays(NamedTuple):
    """What a file holds.

    Attributes:
        header: its maker's own.
        text: UTF-8.
        arrays: by name.
    """

    header: Mapping[str, Any]
    text: bytes
    arrays: dict[str, np.ndarray]


def write_arrays(path: str | Path, magic: bytes, content: MappedArrays) -> None:
    """Write a file, atomically. Raises AsrError when it cannot be written."""
    arrays = {name: np.ascontiguousarray(array) for name, array in content.arrays.items()}
    places: dict[str, dict[str, object]] = {}
    offset = 0
    for name, array in arrays.items():
        places[name] = {"dtype": array.dtype.str, "shape": array.shape, "offset": offset}
        offset += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
    header = json.dumps(
        {**content.header, "word_bytes": len(content.text), "arrays": places, "array_bytes": offset}
    ).encode()
    with write_atomically(path, mode="wb") as file:
        file.write(magic + len(header).to_bytes(8, "little") + header + content.text)
        file.write(b"\0" * (-file.tell() % _ALIGNMENT))
        for array in arrays.values():
            file.write(array.data if array.size else b"")
            file.write(b"\0" * (-array.nbytes % _ALIGNMENT))


def map_arrays(
    path: str | Path, magic: bytes, *, what: str, error: type[AsrError], remedy: str
) -> MappedArrays:
    """Map a file into memory.

    Args:
        path: the file.
        magic: that it must begin with.
        what: it is, for messages.
        error: what is raised.
        remedy: what to do about a file that is none, for messages.

    Raises:
        AsrError: of the type `error`: cannot be read, another magic, broken, or shorter than its header says.
    """
    assert sys.byteorder == "little"
    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(len(magic)) != magic:
                raise error(f"{path}: not a {what} of this version; {remedy}")
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            text = file.read(header["word_bytes"])
            start = -(-file.tell() // _ALIGNMENT) * _ALIGNMENT
            size = file.seek(0, 2)
        if len(text) < header["word_bytes"] or size < start + header["array_bytes"]:
            raise error(
                f"{path}: {size} bytes; expected {start + header['array_bytes']}; the file was cut short, {remedy}"
            )
        mapped = np.memmap(path, dtype=np.uint8, mode="c") if header["array_bytes"] else np.zeros(0, np.uint8)
        arrays = {name: _array(mapped, start, place) for name, place in header["arrays"].items()}
    except (ValueError, KeyError, TypeError, OverflowError, MemoryError) as reason:
        raise error(f"{path}: broken {what}: {reason}; {remedy}") from None
    except OSError as reason:
        raise error(f"{path}: cannot read: {reason.strerror or reason}") from None
    return MappedArrays(header, text, arrays)


def _array(mapped: np.ndarray, start: int, place: Mapping[str, Any]) -> np.ndarray:
    """An array of the mapped file. Language models written before there were shapes have a length."""
    dtype = np.dtype(place["dtype"])
    shape = tuple(place["shape"]) if "shape" in place else (int(place["length"]),)
    first = start + place["offset"]
    part = mapped[first : first + int(np.prod(shape)) * dtype.itemsize] if np.prod(shape) else mapped[:0]
    return part.view(np.ndarray).view(dtype).reshape(shape)
