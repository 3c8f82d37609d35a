"""Open audio -> waveforms: all of a file or a stretch of it, at once or in blocks."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from asr.data.audio.decoders import FETCH_AGAIN
from asr.data.audio.opening import OpenFile, display_name, is_shorten, is_stream, open_file, read_head, reason
from asr.data.manifest import LONGEST
from asr.errors import AudioError

if TYPE_CHECKING:
    from asr.data.manifest import Utterance

log = logging.getLogger(__name__)

# Formats whose header counts samples exactly, so that fewer decoded samples mean a cut file.
_EXACT_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF", "AU", "NIST", "CAF"}

# Samples that are decoded at a time where a file breaks off, so that no more than that is lost of it.
_SMALL = 1024


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says: rate in Hz, channels, samples per channel, container format."""

    sample_rate: int
    channels: int
    samples: int
    format: str

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples / self.sample_rate


class AudioFile:
    """An audio file, a video or a pipe, open for reading; a context manager. `open_audio` makes one.

    Attributes:
        name: what messages call it.
        path: a file that libsndfile reads and that is there while this is open: the file itself, or a copy.
        info: rate, channels, length and format, of the copy where there is one.
    """

    def __init__(self, opened: OpenFile, name: str, *, allow_truncated: bool = False) -> None:
        self.name = name
        self.path = opened.path
        self._opened = opened
        self._allow_truncated = allow_truncated
        file = opened.file
        self.info = AudioInfo(file.samplerate, file.channels, int(file.frames), file.format)

    def __enter__(self) -> "AudioFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; a copy that nobody else reads goes away."""
        self._opened.close()

    def read(
        self,
        *,
        sample_rate: int,
        start: float = 0.0,
        duration: float | None = None,
        channel: int | None = None,
        weights: np.ndarray | None = None,
    ) -> np.ndarray:
        """The `(N,)` waveform of the file or of a stretch of it; see `read_audio`."""
        first, count = self._stretch(start=start, duration=duration, channel=channel)
        samples = self._read(first, count)
        if len(samples) == 0:
            raise AudioError(f"{self.name}: no samples in the file; expected speech")
        self._log_changes(channel=channel, sample_rate=sample_rate)
        waveform = _mono(samples, channel, weights)
        if self.info.sample_rate != sample_rate:
            waveform = resample(waveform, self.info.sample_rate, sample_rate)
        return np.ascontiguousarray(waveform, dtype=np.float32)

    def blocks(
        self,
        *,
        sample_rate: int,
        start: float = 0.0,
        duration: float | None = None,
        channel: int | None = None,
        weights: np.ndarray | None = None,
        seconds: float = 10.0,
    ) -> Iterator[np.ndarray]:
        """What `read` reads, in `(N,)` pieces of about `seconds`; see `audio_blocks`."""
        rate = self.info.sample_rate
        first, count = self._stretch(start=start, duration=duration, channel=channel)
        self._log_changes(channel=channel, sample_rate=sample_rate)
        resampler = None
        if rate != sample_rate:
            resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
        for samples, is_last in self._pieces(first, count, seconds):
            waveform = np.ascontiguousarray(_mono(samples, channel, weights), dtype=np.float32)
            if resampler is not None:
                waveform = resampler.resample_chunk(waveform, last=is_last)
            if len(waveform):
                yield waveform

    def channel_blocks(
        self, *, start: float = 0.0, duration: float | None = None, seconds: float = 10.0
    ) -> Iterator[np.ndarray]:
        """Every channel, in `(n, channels)` float32 pieces of `seconds` at the file's own rate. Raises as `blocks`."""
        first, count = self._stretch(start=start, duration=duration, channel=None)
        for samples, _ in self._pieces(first, count, seconds):
            yield _scaled(samples)

    def _pieces(self, first: int, count: int, seconds: float) -> Iterator[tuple[np.ndarray, bool]]:
        """`(n, channels)` samples from sample `first` on, of `seconds` each, and whether they are the last."""
        at, end = first, first + count
        while at < end:
            size = min(max(1, round(seconds * self.info.sample_rate)), end - at)
            samples = self._read(at, size)
            if len(samples) < size:  # a file that is shorter than its header says
                end = at + len(samples)
            at += len(samples)
            yield samples, at >= end
        if at == first:
            raise AudioError(f"{self.name}: no samples in the file; expected speech")

    def _stretch(self, *, start: float, duration: float | None, channel: int | None) -> tuple[int, int]:
        """First sample and number of samples to read; raises AudioError where the file does not have them."""
        total, rate = self.info.samples, self.info.sample_rate
        if channel is not None and not 0 <= channel < self.info.channels:
            raise AudioError(
                f"{self.name}: {self.info.channels} channels; expected to read channel {channel}, counted from 0: "
                "check the manifest, or --channels, which counts from 1"
            )
        if not (0 <= start <= LONGEST and (duration is None or 0 < duration <= LONGEST)):
            length = "all" if duration is None else f"{duration} s"
            raise AudioError(
                f"{self.name}: asked for {length} from {start} s on; expected a start of 0 s or more, and a duration above 0"
            )
        first = round(start * rate)
        count = total - first if duration is None else round(duration * rate)
        if total == 0:
            raise AudioError(f"{self.name}: no samples in the file; expected speech")
        # Durations in manifests are rounded: allow a millisecond past the end.
        if first >= total or first + count > total + max(1, rate // 1000):
            raise AudioError(
                f"{self.name}: the file lasts {total / rate:.3f} s; expected to read up to "
                f"{(first + count) / rate:.3f} s; check start and duration in the manifest"
            )
        return first, min(count, total - first)

    def _read(self, first: int, count: int) -> np.ndarray:
        """`(count, channels)` samples from sample `first` on, int16 or checked float32; fewer at a cut end."""
        file = self._opened.file
        # 16-bit samples are scaled later: twice as fast as libsndfile's own conversion, and the same.
        kind = "int16" if file.subtype == "PCM_16" else "float32"
        try:
            if file.tell() != first:
                file.seek(first)
            samples = file.read(count, dtype=kind, always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            if not self._allow_truncated:
                raise AudioError(
                    f"{self.name}: broken {file.format} file ({reason(error)}); {FETCH_AGAIN}"
                ) from None
            samples = self._read_until_broken(first, count, kind)
        if len(samples) < count and file.format in _EXACT_FORMATS:
            what = (
                f"{self.name}: cut short: the header says {self.info.samples} samples, only "
                f"{first + len(samples)} could be read"
            )
            if not self._allow_truncated:
                raise AudioError(f"{what}; {FETCH_AGAIN}")
            log.warning("%s", what)
        if samples.dtype != np.int16 and not np.isfinite(samples).all():
            bad = int(np.flatnonzero(~np.isfinite(samples).all(axis=1))[0])
            raise AudioError(
                f"{self.name}: sample {first + bad} is NaN or infinite; expected values in [-1, 1]"
            )
        return samples

    def _read_until_broken(self, first: int, count: int, kind: str) -> np.ndarray:
        """The samples in front of where a file breaks off."""
        file = self._opened.file
        pieces = [np.empty((0, file.channels), kind)]
        try:
            file.seek(first)
            while count > 0:
                piece = file.read(min(_SMALL, count), dtype=kind, always_2d=True)
                if not len(piece):
                    break
                pieces.append(piece)
                count -= len(piece)
        except (soundfile.LibsndfileError, RuntimeError):
            pass  # here it is
        return np.concatenate(pieces)

    def _log_changes(self, *, channel: int | None, sample_rate: int) -> None:
        """Say what is done to the sound."""
        rate = self.info.sample_rate
        if channel is None and self.info.channels > 1:
            log.info("%s: %d channels mixed down to one", self.name, self.info.channels)
        if rate != sample_rate:
            message = "%s: resampled from %d Hz to %d Hz"
            if rate < sample_rate:
                log.warning(
                    message + "; nothing above %d Hz is in it", self.name, rate, sample_rate, rate // 2
                )
            else:
                log.info(message, self.name, rate, sample_rate)


def open_audio(path: str | Path, *, longest: float | None = None, allow_truncated: bool = False) -> AudioFile:
    """Open anything with sound in it: the one way in this package.

    Args:
        path: an audio or video file, or a pipe (`-` for stdin), which is read to its end first.
        longest: seconds at most of what has to be decoded to a copy; None decodes all of it.
        allow_truncated: read what there is of a file that was cut short, with a warning, instead of raising.

    Raises:
        AudioError: missing, unreadable, empty, cut short, or neither audio nor video as far as libsndfile and the
            media decoder that is installed know.
    """
    opened = open_file(Path(path), longest=longest, allow_truncated=allow_truncated)
    assert opened is not None
    return AudioFile(opened, display_name(Path(path)), allow_truncated=allow_truncated)


def audio_info(path: str | Path) -> AudioInfo:
    """What a file's header says; a file that a media decoder reads is decoded for it. Raises as `open_audio`."""
    info = None if is_stream(path) else header_info(path)
    if info is not None:
        return info
    with open_audio(path) as file:
        return file.info


def header_info(path: str | Path, *, allow_truncated: bool = False) -> AudioInfo | None:
    """What a file's header says; None where only decoding the file would tell. Raises as `open_audio`."""
    path = Path(path)
    head = b"" if is_stream(path) else read_head(path, str(path))
    if is_shorten(head):
        return _shorten_info(head, path)
    opened = open_file(path, allow_truncated=allow_truncated, header_only=True)
    if opened is None:
        return None
    with AudioFile(opened, str(path)) as file:
        return file.info


def read_audio(
    path: str | Path,
    *,
    sample_rate: int,
    start: float = 0.0,
    duration: float | None = None,
    channel: int | None = None,
    weights: np.ndarray | None = None,
    allow_truncated: bool = False,
) -> np.ndarray:
    """Read a file, or a stretch of it, as a mono waveform.

    Only the wanted stretch is decoded (of what libsndfile does not read: all of the file, to a copy which is kept for
    the next stretch). Several channels are averaged (logged once a file at INFO) unless one is chosen, other rates are
    resampled (at WARNING when that means upsampling, since the upper band stays empty).

    Args:
        path: the file.
        sample_rate: rate of the returned waveform in Hz.
        start: seconds from the beginning of the file.
        duration: seconds to read; None reads to the end.
        channel: the only channel to read, counted from 0; None averages all.
        weights: `(channels,)` in place of the average: the sum of the channels with these factors.
        allow_truncated: as in `open_audio`.

    Returns:
        `(N,)` float32 in [-1, 1].

    Raises:
        AudioError: missing, unreadable, empty, cut short, holding NaN or infinity, too short for the
            stretch asked for, or without the channel.
    """
    with open_audio(path, allow_truncated=allow_truncated) as file:
        return file.read(
            sample_rate=sample_rate, start=start, duration=duration, channel=channel, weights=weights
        )


def read_utterance(utterance: "Utterance", *, sample_rate: int) -> np.ndarray:
    """The `(N,)` waveform of an utterance: its stretch and channel of its file. Raises as `read_audio`."""
    return read_audio(
        utterance.audio,
        sample_rate=sample_rate,
        start=utterance.start,
        duration=utterance.duration,
        channel=utterance.channel,
    )


def audio_blocks(path: str | Path, *, sample_rate: int) -> Iterator[np.ndarray]:
    """The waveform of a file of any length in `(N,)` pieces of some seconds: opened once, read once.

    Raises:
        AudioError: as `read_audio`; an error in the middle of a file comes when that is reached.
    """
    with open_audio(path) as file:
        yield from file.blocks(sample_rate=sample_rate)


def _mono(samples: np.ndarray, channel: int | None, weights: np.ndarray | None) -> np.ndarray:
    """`(N, channels)` samples -> `(N,)` float32: their weighted sum, one channel, or the mean of all."""
    samples = _scaled(samples)
    if weights is not None:
        return samples @ weights.astype(np.float32)
    if channel is not None:
        return samples[:, channel]
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)


def _scaled(samples: np.ndarray) -> np.ndarray:
    """Samples of 16 bits -> float32 in [-1, 1]; others as they are."""
    if samples.dtype != np.int16:
        return samples
    scaled = samples.astype(np.float32)
    scaled *= np.float32(1 / 32768)
    return scaled


def resample(waveform: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Change the rate of a `(N,)` waveform (soxr, high quality: passband to 0.91 of Nyquist)."""
    return soxr.resample(waveform, from_rate, to_rate, quality="HQ")


def _shorten_info(head: bytes, path: Path) -> AudioInfo:
    """What the header of a shorten-compressed SPHERE file says."""
    fields = {
        words[0]: words[2]
        for line in head.decode("latin-1").splitlines()
        if len(words := line.split(maxsplit=2)) == 3
    }
    try:
        rate, channels, samples = (
            int(fields[name]) for name in ("sample_rate", "channel_count", "sample_count")
        )
    except (KeyError, ValueError):
        raise AudioError(
            f"{path}: broken SPHERE header; expected sample_rate, channel_count and sample_count"
        ) from None
    return AudioInfo(rate, channels, samples, "NIST")
