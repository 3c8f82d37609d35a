"""The compact form of an n-gram model: a header, the words, the arrays as they lie in memory.

The arrays are mapped, not read: a model of a gigabyte opens at once, and processes share its pages. (They
are mapped copy-on-write, for numba compiles once more for arrays that are read-only; nothing writes.)

A file for shipping (`small`) keeps probabilities in half precision and leaves out the suffix links, which
are found again when it is read: half the size, a second or so to open.

    16 bytes   magic and version
     8 bytes   length of the header, little-endian
    header     JSON: counts, bytes of the words, and for each array its dtype, length and offset
    words      UTF-8, parted by line feeds
    arrays     little-endian, each at a multiple of 64 bytes
"""

import json
import sys
from pathlib import Path

import numpy as np

from asr.errors import LanguageModelError
from asr.files import write_atomically
from asr.language_model.ngram import NgramArrays, NgramModel, suffix_links

MAGIC = b"asr-ngram-lm\x00\x00\x00\x01"
_ALIGNMENT = 64
_PROBABILITIES = ("log10_prob", "log10_backoff")


def write_binary(path: str | Path, model: NgramModel, *, small: bool = False) -> None:
    """Write the compact form, atomically. Raises AsrError when the file cannot be written.

    `small` rounds log10 probabilities to half precision (by at most 0.002 where they are above -8).
    """
    words = "\n".join(model.words).encode()
    arrays = {name: np.ascontiguousarray(array) for name, array in model.arrays._asdict().items()}
    if small:
        del arrays["suffix"]
        for name in _PROBABILITIES:
            arrays[name] = arrays[name].astype("<f2")
    places: dict[str, dict[str, object]] = {}
    offset = 0
    for name, array in arrays.items():
        places[name] = {"dtype": array.dtype.str, "length": len(array), "offset": offset}
        offset += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
    header = json.dumps(
        {"counts": model.counts, "word_bytes": len(words), "arrays": places, "array_bytes": offset}
    ).encode()
    with write_atomically(path, mode="wb") as file:
        file.write(MAGIC + len(header).to_bytes(8, "little") + header + words)
        file.write(b"\0" * (-file.tell() % _ALIGNMENT))
        for array in arrays.values():
            file.write(array.tobytes())
            file.write(b"\0" * (-array.nbytes % _ALIGNMENT))


def read_binary(path: str | Path) -> NgramModel:
    """Map the compact form into memory.

    Raises:
        LanguageModelError: not this format, or shorter than its header says.
    """
    assert sys.byteorder == "little"
    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise LanguageModelError(
                    f"{path}: not a compact language model of this version; make it again from ARPA"
                )
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            words = file.read(header["word_bytes"])
            start = -(-file.tell() // _ALIGNMENT) * _ALIGNMENT
        size = path.stat().st_size
        if len(words) < header["word_bytes"] or size < start + header["array_bytes"]:
            raise LanguageModelError(
                f"{path}: {size} bytes; expected {start + header['array_bytes']}; the file was cut short, copy it again"
            )
        arrays = {
            name: np.memmap(
                path, dtype=place["dtype"], mode="c", offset=start + place["offset"], shape=(place["length"],)
            ).view(np.ndarray)
            if place["length"]
            else np.zeros(0, place["dtype"])
            for name, place in header["arrays"].items()
        }
        counts = tuple(header["counts"])
        for name in _PROBABILITIES:
            arrays[name] = arrays[name].astype(np.float32, copy=False)
        if "suffix" not in arrays:
            children = np.diff(arrays["first_child"])
            parent = np.append(0, np.repeat(np.arange(len(children)), children))
            arrays["suffix"] = suffix_links(arrays["word"], parent, counts)
        return NgramModel(tuple(words.decode().split("\n")), counts, NgramArrays(**arrays))
    except (ValueError, KeyError, TypeError) as error:
        raise LanguageModelError(f"{path}: broken compact language model: {error}") from None
    except OSError as error:
        raise LanguageModelError(f"{path}: cannot read: {error.strerror or error}") from None


def read_language_model(path: str | Path) -> NgramModel:
    """Read a model from an ARPA file (plain or gzip) or the compact form, told apart by their first bytes.

    Raises:
        LanguageModelError: as `read_arpa` and `read_binary`.
    """
    from asr.language_model.arpa import read_arpa

    try:
        with open(path, "rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise LanguageModelError(f"{path}: cannot read: {error.strerror or error}") from None
    return read_binary(path) if head[:12] == MAGIC[:12] else read_arpa(path)


def check_model_name(path: str | Path) -> None:
    """Raise LanguageModelError unless the ending says which form to write."""
    if not str(path).endswith((".arpa", ".arpa.gz", ".lm")):
        raise LanguageModelError(
            f"{path}: expected a name that ends in .arpa, .arpa.gz, or .lm for the compact form"
        )


def write_language_model(path: str | Path, model: NgramModel, *, small: bool = False) -> None:
    """Write ARPA where the name ends in `.arpa` or `.arpa.gz`, the compact form where it ends in `.lm`.

    Raises:
        LanguageModelError: another ending, or `small` for an ARPA file.
        AsrError: the file cannot be written.
    """
    from asr.language_model.arpa import write_arpa

    check_model_name(path)
    if str(path).endswith(".lm"):
        write_binary(path, model, small=small)
    elif small:
        raise LanguageModelError(
            f"{path}: only the compact form can be small; expected a name that ends in .lm"
        )
    else:
        write_arpa(path, model)
