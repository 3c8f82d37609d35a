"""A path -> an open libsndfile file: the file itself, or a temporary copy where it cannot be read as it is."""

import io
import logging
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import soundfile

from asr.data.audio.copies import Copy, CopyCache, copy_stream
from asr.data.audio.decoders import FETCH_AGAIN, decode, expand_shorten
from asr.errors import AudioError

log = logging.getLogger(__name__)

_READ_BY_LIBSNDFILE = """
    .aif .aifc .aiff .au .caf .flac .mp2 .mp3 .nist .oga .ogg .opus .rf64 .snd .sph .w64 .wav .wv1 .wv2
"""
_READ_BY_A_DECODER = """
    .3g2 .3gp .aac .ac3 .amr .ape .avi .awb .flv .gsm .m2ts .m4a .m4b .m4v .mka .mkv .mov .mp4 .mpeg .mpg .mts .ogv
    .spx .ts .weba .webm .wma .wmv .wv
"""

# Endings of files that are looked for in folders.
AUDIO_ENDINGS = frozenset((_READ_BY_LIBSNDFILE + _READ_BY_A_DECODER).split())

# From here on, the size in a WAV header means that its writer did not know.
_UNKNOWN_BYTES = 0x7FFFF000

# libsndfile's answer for a stream whose header does not say how long it is.
_UNKNOWN_FRAMES = 2**62

# Bytes of a CAF file without sound at most.
_EMPTY_CAF = 8192

# libsndfile's codes for what another program may read: an unknown format, an encoding that it lacks.
_UNRECOGNISED, _UNSUPPORTED = 1, 4

_SIZE_UNIT = {"NIST": "samples"}

# The path that stands for standard input.
STDIN = "-"

_decoded = CopyCache()


@dataclass(slots=True)
class OpenFile:
    """A file that libsndfile has open.

    Attributes:
        file: at its first sample.
        path: what is open: the file that was asked for, or its copy.
        copy: keeps the copy there; None where the file itself is open.
        unfinished: what `file` reads from where the header is not as it should be.
    """

    file: soundfile.SoundFile
    path: Path
    copy: Copy | None = None
    unfinished: "_UnfinishedWav | None" = None

    def close(self) -> None:
        """Close it; a copy that nobody else holds goes away."""
        self.file.close()
        if self.unfinished is not None:
            self.unfinished.close()
        self.copy = None


def is_stream(path: str | Path) -> bool:
    """Whether what comes from a path can be read only once: `-`, a pipe, a socket or a terminal, by whatever name."""
    if str(path) == STDIN:
        return True
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):  # ValueError: no file can be called that
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def open_file(
    path: Path, *, longest: float | None = None, allow_truncated: bool = False, header_only: bool = False
) -> OpenFile | None:
    """Open a file for reading, by whatever means it takes.

    Args:
        path: the file, or a pipe.
        longest: seconds at most of what has to be decoded to a copy.
        allow_truncated: open a file that was cut short, with a warning.
        header_only: only the header is wanted: None for what would have to be decoded to a copy, and no notices.

    Raises:
        AudioError: missing, no audio, or cut short.
    """
    name, copy = display_name(path), None
    if is_stream(path):
        copy = _copy(path, name)
        path = copy.path
    head = read_head(path, name)
    if is_shorten(head):
        if header_only:
            return None
        copy = _decoded.get(_key(path), lambda target: expand_shorten(path, target))
        return OpenFile(_open_copy(copy.path, name), copy.path, copy)
    opened = _open_with_libsndfile(path, head, name)
    if opened is None:
        if header_only:
            return None

        def make(target: Path) -> None:
            _decode(path, target, name, longest=longest, allow_truncated=allow_truncated)

        if copy is None and longest is None:
            decoded = _decoded.get((*_key(path), allow_truncated), make)
        else:  # a pipe, an upload: nobody will ask for it again
            decoded = Copy()
            make(decoded.path)
        return OpenFile(_open_copy(decoded.path, name), decoded.path, decoded)
    opened.copy = copy
    if opened.unfinished is not None and not header_only:
        seconds = opened.file.frames / opened.file.samplerate
        log.warning("%s: its header was never completed; the %.3f s behind it are read", name, seconds)
    promised, present = _sizes(opened.file, head)
    if promised > present:
        unit = _SIZE_UNIT.get(opened.file.format, "bytes")
        what = f"{name}: cut short: the header promises {promised} {unit} of sound, the file has {present}"
        if not allow_truncated:
            opened.close()
            raise AudioError(f"{what}; {FETCH_AGAIN}")
        if not header_only:
            log.warning("%s, which are read", what)
    return opened


def display_name(path: Path) -> str:
    """What messages call a file."""
    return "stdin" if str(path) == STDIN else str(path)


def _copy(path: Path, name: str) -> Copy:
    """All that comes through a pipe."""
    if str(path) == STDIN:
        if sys.stdin is None:
            raise AudioError("stdin: this process has none; name a file")
        return copy_stream(sys.stdin.buffer, name)
    try:
        with path.open("rb") as stream:
            return copy_stream(stream, name)
    except OSError as error:
        raise AudioError(f"{name}: cannot read: {error.strerror}") from None


def _name(path: Path) -> str | bytes:
    """The name of a file as soundfile takes it: it encodes text strictly, which fails for names that are not UTF-8."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _key(path: Path) -> tuple[object, ...]:
    status = path.stat()
    return str(path.absolute()), status.st_size, status.st_mtime_ns


def _decode(path: Path, target: Path, name: str, *, longest: float | None, allow_truncated: bool) -> None:
    try:
        decode(path, target, longest=longest, allow_truncated=allow_truncated)
    except AudioError as error:
        raise AudioError(str(error).replace(str(path), name)) from None


def _open_copy(path: Path, name: str) -> soundfile.SoundFile:
    """What was decoded of a file. Raises AudioError, with the file's `name`."""
    try:
        return soundfile.SoundFile(_name(path))
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{name}: what was decoded of it cannot be read ({reason(error)}); free space, and try again"
        ) from None


def _open_with_libsndfile(path: Path, head: bytes, name: str) -> OpenFile | None:
    """The file, open; None where another program may know it. Raises AudioError for what is no audio, or broken."""
    unfinished = _unfinished_wav(path) if head[:4] in (b"RIFF", b"RF64") else None
    try:
        file = soundfile.SoundFile(_name(path) if unfinished is None else unfinished)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        if unfinished is not None:
            unfinished.close()
        unknown = getattr(error, "code", None) in (_UNRECOGNISED, _UNSUPPORTED) and not _is_text(head)
        if unknown or head.startswith(b"caff"):
            return None
        raise AudioError(
            f"{name}: not audio that libsndfile reads ({reason(error)}); expected WAV, FLAC, MP3, OGG, "
            "Opus, AIFF or NIST SPHERE, or what ffmpeg reads"
        ) from None
    if file.format == "RAW":
        # No header: libsndfile goes by the name alone, and takes a text called a.au for sound.
        file.close()
        if _is_text(head):
            raise AudioError(f"{name}: is text; expected audio")
        return None
    if file.frames >= _UNKNOWN_FRAMES or (
        file.format == "CAF" and file.frames == 0 and path.stat().st_size > _EMPTY_CAF
    ):
        # FLAC and CAF as they are streamed: libsndfile finds neither their length nor their end.
        file.close()
        return None
    return OpenFile(file, path, unfinished=unfinished)


class _UnfinishedWav(io.FileIO):
    """A WAV file that reads as if its header said that the length is unknown."""

    def __init__(self, path: Path, patches: dict[int, bytes]) -> None:
        super().__init__(path)
        self._patches = patches

    def readinto(self, buffer: BinaryIO) -> int:  # type: ignore[override]
        """As `io.FileIO.readinto`, with the patches in place."""
        begin = self.tell()
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = super().readinto(view) or 0
        for at, patch in self._patches.items():
            for position, value in enumerate(patch, at - begin):
                if 0 <= position < count:
                    view[position] = value
        return count


def _unfinished_wav(path: Path) -> _UnfinishedWav | None:
    """A WAV or RF64 file with sound whose header says that there is none: its writer never came back to fill it in.

    None for every other file. An empty recording has a finished header: its RIFF chunk ends where the file does.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[8:12] != b"WAVE":
            return None
        patches = {0: b"RIFF"}
        told = 0 if head[:4] == b"RF64" else int.from_bytes(head[4:8], "little")
        while len(chunk := file.read(8)) == 8:
            length = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"ds64" and length >= 16:
                told, length_of_data = (int.from_bytes(file.read(8), "little") for _ in range(2))
                if length_of_data:
                    return None
                length -= 16
            elif chunk[:4] == b"data":
                at = file.tell()
                empty = length == 0 or (head[:4] == b"RF64" and length == 0xFFFFFFFF)
                if not empty or at >= size or told + 8 == size:
                    return None
                return _UnfinishedWav(path, {**patches, at - 4: b"\xff\xff\xff\xff"})
            file.seek(length + length % 2, io.SEEK_CUR)
    return None


def _sizes(file: soundfile.SoundFile, head: bytes) -> tuple[int, int]:
    """Size of the sound as the header promises it, and as the file has it; (0, 0) where nobody can say.

    libsndfile quietly believes the file. Its log shows both numbers for WAV, AIFF and AU; a SPHERE
    header counts samples. Programs that write to a pipe promise 2 GiB or more: that means "unknown".
    """
    if file.format == "NIST":
        count = re.search(rb"sample_count -i (\d+)", head)
        return (int(count[1]), int(file.frames)) if count else (0, 0)
    sizes = re.search(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info)
    if sizes is None or int(sizes[1]) >= _UNKNOWN_BYTES:
        return 0, 0
    return int(sizes[1]), int(sizes[2])


def read_head(path: Path, name: str) -> bytes:
    """The first kilobyte of a file. Raises AudioError when there is no file, or nothing in it."""
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except FileNotFoundError:
        raise AudioError(f"{name}: no such audio file") from None
    except IsADirectoryError:
        raise AudioError(f"{name}: is a folder; expected an audio file") from None
    except OSError as error:
        raise AudioError(f"{name}: cannot read: {error.strerror}; check its permissions") from None
    except ValueError:
        raise AudioError(
            f"{name!r}: no file can be called that; expected the path of an audio file"
        ) from None
    if not head:
        raise AudioError(f"{name}: the file has 0 bytes; expected audio")
    return head


def is_shorten(head: bytes) -> bool:
    """Whether a file that begins like this is shorten-compressed SPHERE."""
    return head.startswith(b"NIST_1A") and b"shorten" in head


def _is_text(head: bytes) -> bool:
    """Whether a file begins with text: nothing in it below a space but white space, and UTF-8 all through."""
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head):
        return False
    return len(head.decode("utf-8", errors="ignore").encode()) > len(head) - 4


def reason(error: Exception) -> str:
    """What libsndfile says, without the full stop."""
    text = str(getattr(error, "error_string", "") or error)
    return text.strip().rstrip(".")
