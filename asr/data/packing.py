"""A manifest -> tar shards that training reads from end to end, in the layout of webdataset, with an index.

OUT/
  shard-000000.tar    000000000.flac, 000000000.json, 000000001.flac, ...
  index/shards.json   format, sample rate, shards and how many utterances each holds
  index/*.npy         per utterance: duration, shard, where its audio lies; ids and transcripts

Audio is decoded once, as training would, and written as mono 16-bit FLAC (or WAV) at the model's rate; of
16-bit mono files at that rate no sample changes.
"""

import io
import itertools
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Literal

import numpy as np
import soundfile

from asr.data.audio import read_utterance
from asr.data.batching import weight_of
from asr.data.manifest import Utterance
from asr.errors import AudioError, CorpusError
from asr.files import write_atomically

FORMAT, VERSION = "asr-shards", 1

_BLOCK = 512


def pack(
    utterances: Sequence[Utterance],
    folder: Path,
    *,
    sample_rate: int = 16000,
    shard_megabytes: float = 128.0,
    encoding: Literal["flac", "wav"] = "flac",
    seed: int | None = 1,
    skip_unreadable: bool = False,
    advance: Callable[[Utterance], None] | None = None,
) -> list[str]:
    """Pack utterances into shards.

    Args:
        utterances: what to pack.
        folder: a new or empty one. The index is written last: without it, packing was interrupted.
        sample_rate: of the packed audio, in Hz.
        shard_megabytes: a shard is closed when it has grown past this.
        encoding: FLAC takes half the space of WAV and little time to decode.
        seed: of the order in which utterances are packed, so that each shard is a sample of the corpus;
            None keeps the order of the manifest.
        skip_unreadable: leave out what cannot be read instead of stopping there.
        advance: called after each utterance.

    Returns:
        What was wrong with each utterance that was left out.

    Raises:
        CorpusError: the folder is not empty, nothing could be packed, or an utterance without transcript or with a weight.
        AudioError: an utterance cannot be read.
        AsrError: no space left.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CorpusError(f"{folder}: the folder is not empty; choose another")
    order = np.arange(len(utterances))
    if seed is not None:
        order = np.random.default_rng(seed).permutation(len(utterances))
    index = _Index()
    left_out: list[str] = []

    def waveforms() -> Iterator[tuple[Utterance, np.ndarray]]:
        for utterance in (utterances[number] for number in order.tolist()):
            if utterance.text is None:
                raise CorpusError(f"utt {utterance.id}: no transcript; packed corpora are for training")
            if weight_of(utterance) != 1:
                raise CorpusError(
                    f"utt {utterance.id}: weight {utterance.extras['weight']}; shards keep no weights, train from the manifest"
                )
            try:
                waveform = read_utterance(utterance, sample_rate=sample_rate)
            except AudioError as error:
                if not skip_unreadable:
                    raise
                left_out.append(f"utt {utterance.id}: {error}")
            else:
                yield utterance, waveform
            if advance is not None:
                advance(utterance)

    source = waveforms()
    shards = 0
    for first in source:
        most_bytes = round(shard_megabytes * 1e6)
        with write_atomically(folder / f"shard-{shards:06d}.tar", mode="wb") as file:
            content = itertools.chain([first], source)
            _write_shard(
                file, content, index, sample_rate=sample_rate, most_bytes=most_bytes, encoding=encoding
            )
        index.close_shard()
        shards += 1
    if not shards:
        raise CorpusError(f"{folder}: none of {len(utterances)} utterances could be packed: {left_out[:1]}")
    index.write(folder, shards=shards, sample_rate=sample_rate, encoding=encoding)
    return left_out


class _Index:
    """Columns of the index as they grow."""

    def __init__(self) -> None:
        self.durations: list[float] = []
        self.shards: list[int] = []
        self.offsets: list[int] = []
        self.sizes: list[int] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self._shard = 0

    def add(self, utterance: Utterance, *, duration: float, offset: int, size: int) -> None:
        """An utterance in the shard that is being written."""
        self.durations.append(duration)
        self.shards.append(self._shard)
        self.offsets.append(offset)
        self.sizes.append(size)
        self.ids.append(utterance.id)
        self.texts.append(utterance.text or "")

    def close_shard(self) -> None:
        """The next utterance lies in the next shard."""
        self._shard += 1

    def write(self, folder: Path, *, shards: int, sample_rate: int, encoding: str) -> None:
        """Columns first, the description last."""
        columns: dict[str, np.ndarray] = {
            "durations": np.array(self.durations, dtype=np.float64),
            "shards": np.array(self.shards, dtype=np.int32),
            "offsets": np.array(self.offsets, dtype=np.int64),
            "sizes": np.array(self.sizes, dtype=np.int64),
        }
        for name, strings in (("ids", self.ids), ("texts", self.texts)):
            encoded = [string.encode() for string in strings]
            columns[name] = np.frombuffer(b"".join(encoded) or b"\0", dtype=np.uint8)
            columns[f"{name}_ends"] = np.cumsum([len(item) for item in encoded], dtype=np.int64)
        for name, column in columns.items():
            with write_atomically(folder / "index" / f"{name}.npy", mode="wb") as file:
                np.save(file, column)
        with write_atomically(folder / "index" / "shards.json") as file:
            json.dump(
                {
                    "format": FORMAT,
                    "version": VERSION,
                    "sample_rate": sample_rate,
                    "encoding": encoding,
                    "shards": shards,
                    "utterances": len(self.durations),
                    "seconds": round(sum(self.durations), 3),
                },
                file,
                indent=2,
            )


def _write_shard(
    file: IO[bytes],
    content: Iterable[tuple[Utterance, np.ndarray]],
    index: _Index,
    *,
    sample_rate: int,
    most_bytes: int,
    encoding: str,
) -> None:
    """Write utterances until the shard has grown past `most_bytes`, and none more is taken."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for utterance, waveform in content:
            audio = encode_audio(waveform, sample_rate, encoding)
            key = f"{len(index.durations):09d}"
            duration = len(waveform) / sample_rate
            record = {"id": utterance.id, "text": utterance.text, "duration": duration}
            if utterance.speaker is not None:
                record["speaker"] = utterance.speaker
            offset = _add(archive, f"{key}.{encoding}", audio)
            _add(
                archive,
                f"{key}.json",
                json.dumps({**record, **utterance.extras}, ensure_ascii=False).encode(),
            )
            index.add(utterance, duration=duration, offset=offset, size=len(audio))
            if archive.offset >= most_bytes:
                return


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> int:
    """Add a member, always the same for the same content; where its content begins."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    offset = archive.offset + _BLOCK
    archive.addfile(member, io.BytesIO(content))
    return offset


def encode_audio(waveform: np.ndarray, sample_rate: int, encoding: str) -> bytes:
    """A mono waveform `(N,)` as a 16-bit file."""
    samples = np.clip(np.rint(waveform * 32768.0), -32768, 32767).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format=encoding.upper(), subtype="PCM_16")
    return buffer.getvalue()
