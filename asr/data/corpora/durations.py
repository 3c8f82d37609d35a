"""Entries -> utterances: how long each is, from the header of its audio file, in parallel.

Only headers are read, and only a window of entries is in memory at a time, so that a thousand hours take
minutes and a generator of a million entries stays a generator.
"""

import itertools
import logging
import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

from asr.data.audio import AudioInfo, audio_info
from asr.data.corpora.corpus import Entry, with_known_gender
from asr.data.manifest import Utterance
from asr.errors import AsrError, CorpusError

log = logging.getLogger(__name__)

_CHUNK = 64  # entries a task
_WINDOW = 64  # tasks at once
_NAMED = 10  # broken entries that are named; the others are counted

# Segments of published corpora may end a little past their file: cut there. More than this is an error.
_OVERRUN = 0.5  # seconds


class Measured(NamedTuple):
    """An utterance of a split, and how many seconds were cut from it because its file ends earlier."""

    split: str
    utterance: Utterance
    cut: float


def measure(entries: Iterable[Entry], *, skip_broken: bool = False) -> Iterator[Measured]:
    """Give every entry its duration; the order is kept.

    Args:
        entries: from a reader.
        skip_broken: leave out entries with a fault and those whose audio is missing or unreadable, naming the
            first ones in the log, rather than raising.

    Raises:
        CorpusError: entries have a fault, or their audio is missing, unreadable or shorter than they say. It is
            raised at the end, and names the first ones and how many there are.
    """
    broken = cut = 0
    named: list[str] = []
    for chunk in _in_parallel(entries):
        for item in chunk:
            if not isinstance(item, CorpusError):
                cut += item.cut > 0
                yield item
                continue
            broken += 1
            if broken <= _NAMED:
                named.append(str(item))
                if skip_broken:
                    log.warning("skipped: %s", item)
    if skip_broken and broken:
        log.warning("skipped %d utterances in all", broken)
    elif broken:
        more = [f"and {broken - len(named)} more"] if broken > len(named) else []
        heading = [f"{broken} utterances cannot be used; nothing was written:"] if broken > 1 else []
        raise CorpusError("\n  ".join([*heading, *named, *more]))
    if cut:
        log.warning("%d segments end up to %.1f s after their file does, and were cut there", cut, _OVERRUN)


def _in_parallel(entries: Iterable[Entry]) -> Iterator[list[Measured | CorpusError]]:
    stream = iter(entries)
    pending: deque[Future[list[Measured | CorpusError]]] = deque()
    pool = ThreadPoolExecutor(max_workers=min(16, 4 * (os.cpu_count() or 1)))
    try:
        while chunk := list(itertools.islice(stream, _CHUNK)):
            pending.append(pool.submit(_measure_chunk, chunk))
            if len(pending) >= _WINDOW:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _measure_chunk(chunk: Sequence[Entry]) -> list[Measured | CorpusError]:
    measured: list[Measured | CorpusError] = []
    for entry in chunk:
        try:
            measured.append(_measure(entry))
        except AsrError as error:
            measured.append(
                error if isinstance(error, CorpusError) else CorpusError(f"{entry.where}: {error}")
            )
    return measured


@lru_cache(maxsize=4096)
def _info(path: str, modified: int) -> AudioInfo:
    """Header of a file; segments of one file follow each other, so its header is read once."""
    return audio_info(path)


def _measure(entry: Entry) -> Measured:
    if entry.fault:
        raise CorpusError(entry.fault)
    where = f"{entry.where} (utt {entry.id})"
    path = os.fspath(entry.audio)
    try:
        modified = os.stat(path).st_mtime_ns
    except (OSError, ValueError):
        raise CorpusError(
            f"{where}: {path} is missing; fetch or unpack the corpus again, or leave it out with --skip-broken"
        ) from None
    info = _info(path, modified)
    if not (math.isfinite(entry.start) and entry.start >= 0):
        raise CorpusError(f"{where}: start {entry.start} s; expected >= 0")
    if entry.channel is not None and not 0 <= entry.channel < info.channels:
        raise CorpusError(
            f"{where}: channel {entry.channel} of {path}, which has {info.channels}; channels count from 0"
        )
    rest = info.duration - entry.start
    duration = rest if entry.duration is None else entry.duration
    cut = 0.0
    if duration > rest:
        if duration - rest > _OVERRUN or rest <= 0:
            raise CorpusError(
                f"{where}: ends at {entry.start + duration:.3f} s, {path} lasts {info.duration:.3f} s; fetch it again, "
                "or leave it out with --skip-broken"
            )
        # Times are written rounded: half a hundredth of a second is no difference.
        cut = duration - rest if duration - rest > 0.005 else 0.0
        duration = rest
    if not (math.isfinite(duration) and duration > 0):
        raise CorpusError(
            f"{where}: {path} gives {duration:.3f} s; expected > 0: correct it, or leave it out with --skip-broken"
        )
    return Measured(
        entry.split,
        Utterance(
            id=entry.id,
            audio=entry.audio,
            duration=duration,
            start=entry.start,
            text=entry.text,
            speaker=entry.speaker,
            channel=entry.channel,
            extras=with_known_gender(entry.extras),
        ),
        cut,
    )
