"""The compact form of an n-gram model: the words and the arrays as they lie in memory, mapped (`asr.mapped_arrays`).

A file for shipping (`small`) has no more than it must: log10 probabilities in steps of 0.05, each word as its distance from the
sibling before it, how many children each node has; all of it as planes of bytes, compressed. Suffix links are found again when
it is read. An eighth of the size, two seconds or more to open; it is therefore kept whole in the cache folder once it was read, as is a
large ARPA file. Small files of earlier versions, in half precision and not compressed, are read as well.
"""

import logging
import lzma
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from asr import cache
from asr.errors import LanguageModelError
from asr.language_model.ngram import NgramArrays, NgramModel, parents, suffix_links
from asr.mapped_arrays import MappedArrays, map_arrays, write_arrays

log = logging.getLogger(__name__)

MAGIC = b"asr-ngram-lm\x00\x00\x00\x01"
_PROBABILITIES = ("log10_prob", "log10_backoff")
_STEP = 0.05  # of a log10 probability in a small file; rounding raises perplexity by about a thousandth


def write_binary(path: str | Path, model: NgramModel, *, small: bool = False) -> None:
    """Write the compact form, atomically. Raises AsrError when the file cannot be written.

    `small` rounds log10 probabilities to steps of 0.05.
    """
    if small:
        log.info("%s: compressing %d n-grams", path, sum(model.counts))
    arrays = _packed(model) if small else model.arrays._asdict()
    text = "\n".join(model.words).encode()
    write_arrays(path, MAGIC, MappedArrays({"counts": model.counts}, text, arrays))


def read_binary(path: str | Path) -> NgramModel:
    """Map the compact form into memory.

    Raises:
        LanguageModelError: not this format, or shorter than its header says.
    """
    content = _mapped(path)
    arrays = content.arrays
    try:
        counts = tuple(content.header["counts"])
        if "distance" in arrays:
            arrays = _unpacked(arrays)
        for name in _PROBABILITIES:
            arrays[name] = arrays[name].astype(np.float32, copy=False)
        if "suffix" not in arrays:
            arrays["suffix"] = suffix_links(arrays["word"], parents(arrays["first_child"]), counts)
        return NgramModel(tuple(content.text.decode().split("\n")), counts, NgramArrays(**arrays))
    except (ValueError, KeyError, TypeError, lzma.LZMAError) as error:
        raise LanguageModelError(f"{path}: broken compact language model: {error}") from None


def _packed(model: NgramModel) -> dict[str, np.ndarray]:
    """What a small file holds of the trie."""
    arrays = model.arrays
    distance = np.diff(arrays.word, prepend=0)
    first = arrays.first_child[:-1][np.diff(arrays.first_child) > 0]  # eldest of its siblings
    distance[first] = arrays.word[first]
    steps = {name: np.rint(getattr(arrays, name) / _STEP) for name in _PROBABILITIES}
    return {
        "distance": _compressed(distance.astype("<i4")),
        "children": _compressed(np.diff(arrays.first_child).astype("<i4")),
        **{name: _compressed(values.astype("<i2")) for name, values in steps.items()},
    }


def _unpacked(packed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The trie without its suffix links."""
    children = _decompressed(packed["children"], "<i4")
    first_child = 1 + np.concatenate([[0], np.cumsum(children)])
    distance = _decompressed(packed["distance"], "<i4")
    so_far = np.cumsum(distance)
    before = np.repeat(so_far[first_child[:-1] - 1], children)
    word = np.append(distance[:1], so_far[1:] - before)
    return {
        "word": word.astype(np.int32),
        "first_child": first_child.astype(np.int32),
        **{name: (_decompressed(packed[name], "<i2") * _STEP).astype(np.float32) for name in _PROBABILITIES},
    }


def _compressed(values: np.ndarray) -> np.ndarray:
    """All lowest bytes, then all second ones, ...: what is alike is together."""
    planes = np.ascontiguousarray(values.view(np.uint8).reshape(len(values), -1).T)
    return np.frombuffer(lzma.compress(planes.tobytes(), preset=6), np.uint8)


def _decompressed(data: np.ndarray, dtype: str) -> np.ndarray:
    planes = np.frombuffer(lzma.decompress(data.tobytes()), np.uint8).reshape(np.dtype(dtype).itemsize, -1)
    return np.ascontiguousarray(planes.T).view(dtype)[:, 0]


def _mapped(path: str | Path) -> MappedArrays:
    return map_arrays(
        path,
        MAGIC,
        what="compact language model",
        error=LanguageModelError,
        remedy="copy it again, or make it again from ARPA",
    )


def read_language_model(path: str | Path) -> NgramModel:
    """Read a model from an ARPA file (plain or gzip) or the compact form, told apart by their first bytes.

    What takes its time to read, ARPA and the small compact form, is mapped from the cache folder from the second time on.

    Raises:
        LanguageModelError: as `read_arpa` and `read_binary`.
    """
    from asr.language_model.arpa import read_arpa

    try:
        with open(path, "rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise LanguageModelError(f"{path}: cannot read: {error.strerror or error}") from None
    is_compact = head[:12] == MAGIC[:12]
    if is_compact and "suffix" in _mapped(path).arrays:
        return read_binary(path)
    return cache.made_once(
        "language-model",
        [path],
        parts=[MAGIC.hex()],
        make=lambda: (read_binary if is_compact else read_arpa)(path),
        write=write_binary,
        read=read_binary,
    )


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
