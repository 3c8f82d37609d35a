"""Fetching archives (resumable, checked) and unpacking them (safely)."""

import hashlib
import io
import logging
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.errors import CorpusError

log = logging.getLogger(__name__)

_BLOCK = 1 << 20
_TIMEOUT = 60


@dataclass(frozen=True)
class Download:
    """A file on the web.

    Attributes:
        urls: the publisher's address and its mirrors, tried in order.
        sha256: of the whole file, hexadecimal.
        size: bytes.
    """

    urls: tuple[str, ...]
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's name."""
        return self.urls[0].rsplit("/", 1)[-1]


def fetch(download: Download, folder: Path, *, progress: bool = False) -> Path:
    """Download a file, going on where an earlier attempt stopped; check its SHA-256.

    Returns:
        `folder/NAME`; a file already there with the right checksum is taken as it is.

    Raises:
        CorpusError: no address answers, the disk is too small, or the checksum differs (the file is then
            removed). What was received of an unfinished download is kept as NAME.part.
    """
    target = folder / download.name
    if target.exists():
        if sha256(target) == download.sha256:
            return target
        raise CorpusError(f"{target}: SHA-256 differs from the publisher's; delete the file and try again")
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    received = part.stat().st_size if part.exists() else 0
    free = shutil.disk_usage(folder).free
    if free < download.size - received:
        raise CorpusError(f"{folder}: {free >> 20} MiB free; {download.name} needs {download.size >> 20} MiB")
    reasons = []
    for url in download.urls:
        try:
            _receive(url, part, download, progress=progress)
            break
        except (OSError, urllib.error.URLError) as error:
            reasons.append(f"{url}: {getattr(error, 'reason', None) or error}")
            log.warning("%s", reasons[-1])
    else:
        raise CorpusError(
            f"{download.name} could not be fetched ({'; '.join(reasons)}); run the command again to go on, or "
            "fetch it yourself and give its path"
        )
    if sha256(part) != download.sha256:
        part.unlink()
        raise CorpusError(f"{download.name}: SHA-256 differs from the publisher's; it was removed, try again")
    part.replace(target)
    return target


def _receive(url: str, part: Path, download: Download, *, progress: bool) -> None:
    """Append to `part` what is missing of the file. Raises OSError when the server stops early."""
    have = part.stat().st_size if part.exists() else 0
    if have >= download.size:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        # A server that ignores the range sends the file from its beginning.
        resumed = have > 0 and response.status == 206
        with part.open("ab" if resumed else "wb") as file, _bar(
            download.name, download.size, initial=have if resumed else 0, progress=progress
        ) as bar:
            while block := response.read(_BLOCK):
                file.write(block)
                bar.update(len(block))
    if part.stat().st_size < download.size:
        raise OSError(f"the server stopped after {part.stat().st_size} of {download.size} bytes")


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(archive: Path, folder: Path, *, progress: bool = False) -> Path:
    """Unpack a tar (gz, bz2, xz) or zip archive into `folder`; nothing may land outside it.

    The archive is unpacked beside and then moved, so that a broken archive leaves nothing behind. What
    an earlier unpacking put there is replaced.

    Returns:
        `folder`.

    Raises:
        CorpusError: not an archive, cut short, or with a member that points outside the folder.
    """
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
                members.extractall(staging, filter="data")
        for item in staging.iterdir():
            target = folder / item.name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            item.replace(target)
    except (tarfile.FilterError, ValueError) as error:
        raise CorpusError(f"{archive}: unsafe archive: {error}") from None
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise CorpusError(
            f"{archive}: not an archive, or a broken one ({' '.join(str(error).split())}); fetch it again"
        ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as members:
        for name in members.namelist():
            if not (folder / name).resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{name!r} would be written outside the target folder")
        broken = members.testzip()
        if broken is not None:
            raise zipfile.BadZipFile(f"checksum of {broken} differs")
        members.extractall(folder)


class _Counted(io.BufferedReader):
    """A binary file that moves a progress bar as it is read."""

    def __init__(self, path: Path, bar: Any) -> None:
        super().__init__(io.FileIO(path))
        self.bar = bar

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self.bar.update(len(block))
        return block


def _bar(label: str, total: int, *, initial: int = 0, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(
        desc=label, total=total, initial=initial, unit="B", unit_scale=True, unit_divisor=1024, disable=not progress
    )
