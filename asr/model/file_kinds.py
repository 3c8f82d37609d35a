"""What a file is that should be a model and is none, for error messages: told from its content, never run."""

import zipfile
from pathlib import Path

WANTED = "expected a checkpoint of `asr train`, such as RUN/checkpoints/best.pt"
PYTORCH = "a PyTorch file"
ONNX = "an ONNX file"
_HEAD = 1024  # bytes that tell
_LISTED = 3
_MAGIC = (
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", "a file of PyTorch before 1.6"),
    (b"GGUF", "a GGUF model of llama.cpp"),
    (b"ggml", "a GGML model of whisper.cpp"),
    (b"lmgg", "a GGML model of whisper.cpp"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as Keras writes"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "a file packed by gzip; unpack it"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it"),
    (b"RIFF", "a RIFF file, sound or video"),
    (b"fLaC", "a FLAC recording"),
    (b"OggS", "an Ogg recording"),
    (b"%PDF", "a PDF document"),
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file; fetch it: git lfs pull"),
)


def describe_file(path: Path) -> str:
    """What a file is, in a few words, with its size where that tells: "a zip file cut short (3,000 bytes)".

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "an empty file (0 bytes)"
    if head.startswith(b"PK"):
        return _describe_zip(path, size)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return "a tar archive, such as NeMo's models; unpack it, or convert the model"
    if head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5:
        return "a pickle of another program"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < size:
        return "a safetensors file"
    if (
        head[:1] == b"\x08" and head[1:2] < b"\x20" and head[2:3] in (b"\x12", b":")
    ):  # ir_version, then a string or a graph
        return ONNX
    return _describe_text(path, head, size)


def describe_missing(path: Path) -> str:
    """What to do where there is no file of a name: the checkpoints near it, or how one comes to be.

    Raises:
        OSError: the folder cannot be read.
    """
    found = _checkpoints(path.parent)
    if found:
        return f"no such checkpoint; there is {_listed(found)}"
    return "no such checkpoint; `asr train` writes RUN/checkpoints/best.pt"


def describe_folder(path: Path) -> str:
    """Which file of a folder is meant: a run's best checkpoint, or whatever models are in it.

    Raises:
        OSError: the folder cannot be read.
    """
    found = _checkpoints(path)
    if found:
        kind = (
            "a run folder"
            if found[0].parent.name == "checkpoints" and found[0].parent != path
            else "a folder"
        )
        return f"is {kind}; take a file of it: {_listed(found)}"
    return f"is a folder without a checkpoint; {WANTED}"


def _checkpoints(folder: Path) -> list[Path]:
    """The models in a folder or in its `checkpoints`, the best first."""
    found = [
        path
        for place in (folder / "checkpoints", folder)
        if place.is_dir()
        for path in sorted(place.iterdir())
        if path.suffix in (".pt", ".onnx") and path.is_file()
    ]
    return sorted(found, key=lambda path: (path.name != "best.pt", path.name != "last.pt"))


def _listed(paths: list[Path]) -> str:
    return ", ".join(map(str, paths[:_LISTED])) + (
        f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    )


def _describe_zip(path: Path, size: int) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            broken = archive.testzip() is not None
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError):
        return f"a zip file that is cut short or damaged ({size:,} bytes); copy it again"
    if broken:
        return f"a damaged zip file ({size:,} bytes); copy it again"
    ends = {name.partition("/")[2] for name in names}
    if "constants.pkl" in ends:
        return "a TorchScript program"
    if "data.pkl" in ends:
        return PYTORCH
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of NumPy arrays"
    more = ", ..." if len(names) > _LISTED else ""
    return f"a zip archive of other files ({', '.join(names[:_LISTED])}{more})"


def _describe_text(path: Path, head: bytes, size: int) -> str:
    try:
        text = head.decode("utf-8", "strict" if len(head) < _HEAD else "ignore").lstrip("\ufeff").lstrip()
    except UnicodeDecodeError:
        text = ""
    if not text or not all(letter.isprintable() or letter.isspace() for letter in text):
        return f"binary data of no kind known here ({size:,} bytes)"
    if text[:1] == "<":
        return "an HTML or XML page, perhaps of a download that failed"
    if path.suffix.lower() in (".yaml", ".yml"):
        return "a YAML file"
    return (
        "a JSON file" if text[:1] in "{[" else f"a text file that begins with {text.splitlines()[0][:40]!r}"
    )
