"""Unpacking archives, safely: nothing lands outside the folder, and a broken archive leaves nothing behind."""

import io
import json
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from asr.errors import CorpusError
from asr.files import write_atomically


def unpack(archive: Path, folder: Path, *, progress: bool = False) -> Path:
    """Unpack a tar (gz, bz2, xz) or zip archive into `folder`; nothing may land outside it.

    The archive is unpacked beside and then moved, so that a broken archive leaves nothing behind. What it
    holds is merged with what `folder` has: the parts of a corpus share their folder. An archive that was
    unpacked there before, and has not changed since, is not unpacked again.

    Returns:
        `folder`.

    Raises:
        CorpusError: not an archive, cut short, or with a member that points outside the folder; or no room for it.
    """
    record = folder / f".{archive.name}.unpacked"
    fingerprint = {"size": archive.stat().st_size, "modified": archive.stat().st_mtime_ns}
    if _recorded(record, fingerprint):
        return folder
    staging = folder / f".{archive.name}.unpacking"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, staging)
        else:
            size = archive.stat().st_size
            with (
                _bar(f"unpacking {archive.name}", size, progress=progress) as bar,
                _Counted(archive, bar) as counted,
                tarfile.open(fileobj=counted, mode="r:*") as members,
            ):
                for member in members:
                    members.extract(member, staging, filter="data")
                # What follows the last member holds the checksum of the compression: read it too.
                while members.fileobj is not None and members.fileobj.read(1 << 20):
                    pass
        tops = sorted(item.name for item in staging.iterdir())
        _merge(staging, folder)
    except (tarfile.FilterError, ValueError) as error:
        raise CorpusError(
            f"{archive}: unsafe archive: {error}; get the publisher's own, nothing was unpacked"
        ) from None
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # broken gzip and bzip2 have none
            place = error.filename or folder
            raise CorpusError(
                f"{place}: cannot unpack {archive}: {error.strerror}; nothing was unpacked"
            ) from None
        raise CorpusError(
            f"{archive}: not an archive, or a broken one ({' '.join(str(error).split())}); fetch it again"
        ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    with write_atomically(record) as file:
        json.dump({**fingerprint, "tops": tops}, file)
    return folder


def unpack_nested(archives: Iterable[Path]) -> None:
    """Unpack archives that an archive held, each where it lies, and remove them. Raises as `unpack`."""
    for archive in archives:
        unpack(archive, archive.parent)
        archive.unlink()
        (archive.parent / f".{archive.name}.unpacked").unlink()


def _recorded(record: Path, fingerprint: dict[str, int]) -> bool:
    """Whether the archive of that size and time was unpacked here, and what it held is still there."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        return all(known[key] == value for key, value in fingerprint.items()) and all(
            (record.parent / name).exists() for name in known["tops"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _merge(source: Path, target: Path) -> None:
    """Move what is in `source` into `target`; folders are merged, files replaced."""
    for item in source.iterdir():
        place = target / item.name
        if item.is_dir() and not item.is_symlink() and place.is_dir() and not place.is_symlink():
            _merge(item, place)
        else:
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            item.replace(place)


def _unpack_zip(archive: Path, folder: Path) -> None:
    inside = folder.resolve()
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            if not (folder / member.filename).resolve().is_relative_to(inside):
                raise ValueError(f"{member.filename!r} would be written outside the target folder")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise ValueError(f"{member.filename!r} is a link")
        members.extractall(folder)  # checks each member's CRC as it goes


class _Counted(io.BufferedReader):
    """A binary file that moves a progress bar as it is read."""

    def __init__(self, path: Path, bar: Any) -> None:
        super().__init__(io.FileIO(path))
        self.bar = bar

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self.bar.update(len(block))
        return block


def _bar(label: str, total: int, *, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(desc=label, total=total, unit="B", unit_scale=True, unit_divisor=1024, disable=not progress)
