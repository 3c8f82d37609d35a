"""Fetching what a corpus is made of: resumable, several files at once, mirrors, checksums.

A file being received is `NAME.part`; it becomes `NAME` only when it is whole and its checksum is right.
"""

import hashlib
import logging
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, Literal, NamedTuple

from asr.errors import CorpusError

log = logging.getLogger(__name__)

_BLOCK = 1 << 18
_TIMEOUT = 60
_ATTEMPTS = 3
_PAUSE = 2.0  # seconds before the same server is asked again
_WORKERS = 3  # files at once


@dataclass(frozen=True)
class Download:
    """A file on the web.

    Attributes:
        urls: the publisher's address and its mirrors, tried in order.
        checksum: of the whole file, `sha256:HEX` or `md5:HEX`.
        size: bytes, as published, perhaps rounded, for the check of the disk and for `--dry-run`; None when
            the publisher does not say.
        folder: where below the target folder an archive is unpacked.
    """

    urls: tuple[str, ...]
    checksum: str
    size: int | None
    folder: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.urls[0].rsplit("/", 1)[-1]


def openslr(resource: int, name: str, checksum: str, size: int | None) -> Download:
    """A file of OpenSLR, from its own server and the mirrors that it names."""
    hosts = ("www.openslr.org", "openslr.trmal.net", "openslr.elda.org", "openslr.magicdatatech.com")
    urls = tuple(f"https://{host}/resources/{resource}/{name}" for host in hosts)
    return Download(urls=urls, checksum=checksum, size=size)


class Planned(NamedTuple):
    """What fetching a file would do: it is there already, is there in part, or is missing."""

    download: Download
    state: Literal["there", "partial", "missing"]
    remaining: int  # bytes; 0 for a missing file of unknown size


def plan(downloads: Sequence[Download], folder: Path) -> list[Planned]:
    """What `fetch_all` would have to receive."""
    plans = []
    for download in downloads:
        target = folder / download.name
        part = _part(target)
        if target.exists():
            plans.append(Planned(download, "there", 0))
        elif part.exists():
            plans.append(Planned(download, "partial", max(0, (download.size or 0) - part.stat().st_size)))
        else:
            plans.append(Planned(download, "missing", download.size or 0))
    return plans


def fetch_all(downloads: Sequence[Download], folder: Path, *, progress: bool = False) -> list[Path]:
    """Fetch files, several at once, going on where an earlier attempt stopped.

    Returns:
        `folder/NAME` of each; a file already there with the right checksum is taken as it is.

    Raises:
        CorpusError: the disk is too small (for the archives and as much again unpacked), no address of a
            file answers, or a checksum differs (that file is removed). What was received of unfinished
            files is kept as NAME.part.
    """
    folder.mkdir(parents=True, exist_ok=True)
    check_disk(downloads, folder)
    stop = threading.Event()
    with (
        _progress(downloads, folder, progress=progress) as bar,
        ThreadPoolExecutor(max_workers=_WORKERS) as pool,
    ):
        futures = [pool.submit(fetch, download, folder, bar=bar, stop=stop) for download in downloads]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise


def check_disk(downloads: Sequence[Download], folder: Path) -> None:
    """Raise CorpusError when the disk cannot hold what is still to be fetched and all of it unpacked."""
    remaining = sum(item.remaining for item in plan(downloads, folder))
    needed = remaining + sum(download.size or 0 for download in downloads)
    free = free_space(folder)
    if remaining and free < needed:
        raise CorpusError(
            f"{folder}: {gibibytes(free)} free; fetching and unpacking {', '.join(d.name for d in downloads)} needs "
            f"about {gibibytes(needed)}: free space or choose another place"
        )


def free_space(folder: Path) -> int:
    """Bytes free on the disk of a folder that may not exist yet."""
    while not folder.exists():
        folder = folder.absolute().parent
    return shutil.disk_usage(folder).free


def gibibytes(size: int) -> str:
    """A size for people: `1.4 GiB`, `61 MiB`."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def fetch(download: Download, folder: Path, *, bar: Any = None, stop: threading.Event | None = None) -> Path:
    """Fetch one file; returns and raises as `fetch_all`, but does not look at the disk's space.

    Args:
        download: what.
        folder: an existing folder.
        bar: told of every block, with `update(bytes)`.
        stop: when it is set, receiving ends.
    """
    target = folder / download.name
    part = _part(target)
    if target.exists():
        if _matches(target, download.checksum):
            return target
        raise CorpusError(f"{target}: checksum differs from the publisher's; delete the file and try again")
    reasons: list[str] = []
    for url in download.urls:
        for attempt in range(_ATTEMPTS):
            if stop is not None and stop.is_set():
                raise CorpusError(f"{download.name}: stopped, since another file failed")
            if attempt:
                time.sleep(_PAUSE)
            started = time.monotonic()
            try:
                _receive(url, part, bar=bar, stop=stop, grow=download.size is None)
            except urllib.error.HTTPError as error:
                reasons.append(f"{url}: {error.code} {error.reason}")
                log.warning("%s", reasons[-1])
                if error.code < 500:
                    break
                continue
            except (OSError, ValueError) as error:
                reasons.append(f"{url}: {getattr(error, 'reason', None) or error}")
                log.warning("%s", reasons[-1])
                continue
            if not _matches(part, download.checksum):
                part.unlink()
                raise CorpusError(
                    f"{download.name} from {url}: checksum differs from the publisher's; it was removed, try again"
                )
            part.replace(target)
            seconds = time.monotonic() - started
            log.info("fetched %s, %s, in %.0f s", target, gibibytes(target.stat().st_size), seconds)
            return target
    raise CorpusError(
        f"{download.name} could not be fetched ({'; '.join(dict.fromkeys(reasons))}); run the command again to "
        f"go on, or fetch it yourself and put it at {target}"
    )


def _receive(url: str, part: Path, *, bar: Any, stop: threading.Event | None, grow: bool) -> None:
    """Append to `part` what is missing of the file. Raises OSError when the server stops early.

    With `grow`, the bar's total grows by the size that the server tells.
    """
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return  # nothing after what we have: the checksum tells whether that is right
        raise
    with response:
        start, total = _range(response.headers, response.status)
        # A server that ignores the range, or answers another one, sends the file from its beginning.
        resumed = start == have
        if start not in (0, have):
            raise OSError(f"the server answered bytes from {start}, asked for {have}")
        if bar is not None and grow and total is not None and not have:
            bar.total = (bar.total or 0) + total
        with part.open("ab" if resumed else "wb") as file:
            if bar is not None and not resumed:
                bar.update(-have)
            while block := response.read(_BLOCK):
                if stop is not None and stop.is_set():
                    raise OSError("stopped")
                file.write(block)
                if bar is not None:
                    bar.update(len(block))
    received = part.stat().st_size
    if total is not None and received < total:
        raise OSError(f"the server stopped after {received} of {total} bytes")


def _range(headers: Message, status: int) -> tuple[int, int | None]:
    """First byte that a response holds, and the size of the whole file (None when not told)."""
    if status == 206:
        span, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        return int(span.partition("-")[0]), int(total) if total.isdigit() else None
    length = headers.get("Content-Length")
    return 0, int(length) if length else None


def _matches(path: Path, checksum: str) -> bool:
    kind, _, wanted = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest() == wanted


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _progress(downloads: Sequence[Download], folder: Path, *, progress: bool) -> Any:
    """A bar over the bytes of all files, with rate and time left."""
    from tqdm import tqdm

    total = sum(download.size or 0 for download in downloads)
    have = total - sum(item.remaining for item in plan(downloads, folder))
    names = downloads[0].name if len(downloads) == 1 else f"{len(downloads)} files"
    return tqdm(
        desc=f"fetching {names}",
        total=total,
        initial=have,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=not progress,
    )
