"""Any audio file that libsndfile reads -> a mono float32 waveform at the rate the model wants.

WAV, FLAC, MP3, OGG, Opus, NIST SPHERE (PCM, mu-law, A-law; shorten too, where `sph2pipe` or `ffmpeg` is
installed), AIFF, CAF, ... Several channels are averaged, unless one is asked for; other rates are
resampled with soxr. What was done to the sound is logged; what makes it useless (empty, truncated, NaN)
is an error.
"""

import io
import logging
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from asr.errors import AudioError

if TYPE_CHECKING:
    from asr.data.manifest import Utterance

log = logging.getLogger(__name__)

# libsndfile's answer for a stream whose header does not say how long it is.
_UNKNOWN_FRAMES = 2**62

# From here on, the size in a WAV header means that its writer did not know.
_UNKNOWN_BYTES = 0x7FFFF000

_SIZE_UNIT = {"NIST": "samples"}

# Formats whose header counts samples exactly, so that fewer decoded samples mean a cut file.
_EXACT_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF", "AU", "NIST", "CAF"}


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


def audio_info(path: str | Path) -> AudioInfo:
    """Read the header of an audio file.

    Raises:
        AudioError: missing, or not audio that libsndfile knows.
    """
    shorten = _shorten_header(_head(path), path)
    if shorten is not None:
        return shorten
    with _open(path) as file:
        return AudioInfo(file.samplerate, file.channels, _frames(file, path), file.format)


def read_audio(
    path: str | Path,
    *,
    sample_rate: int,
    start: float = 0.0,
    duration: float | None = None,
    channel: int | None = None,
) -> np.ndarray:
    """Read a file, or a stretch of it, as a mono waveform.

    Only the wanted stretch is decoded (of a shorten file: all of it). Several channels are averaged
    (logged once a file at INFO) unless one is chosen, other rates are resampled (at WARNING when that means upsampling, since the upper band stays empty).

    Args:
        path: the file.
        sample_rate: rate of the returned waveform in Hz.
        start: seconds from the beginning of the file.
        duration: seconds to read; None reads to the end.
        channel: the only channel to read, counted from 0; None averages all.

    Returns:
        `(N,)` float32 in [-1, 1].

    Raises:
        AudioError: missing, unreadable, empty, cut short, holding NaN or infinity, too short for the
            stretch asked for, or without the channel.
    """
    with _open(path) as file:
        first, count = _stretch(file, path, start=start, duration=duration, channel=channel)
        samples = _read(file, path, first=first, count=count)
        rate = file.samplerate
        if len(samples) == 0:
            raise AudioError(f"{path}: no samples in the file; expected speech")
    _log_changes(path, channels=samples.shape[1], channel=channel, rate=rate, sample_rate=sample_rate)
    waveform = _mono(samples, channel)
    if rate != sample_rate:
        waveform = resample(waveform, rate, sample_rate)
    return np.ascontiguousarray(waveform, dtype=np.float32)


def read_utterance(utterance: "Utterance", *, sample_rate: int) -> np.ndarray:
    """The `(N,)` waveform of an utterance: its stretch and channel of its file. Raises as `read_audio`."""
    return read_audio(
        utterance.audio,
        sample_rate=sample_rate,
        start=utterance.start,
        duration=utterance.duration,
        channel=utterance.channel,
    )


def audio_blocks(
    path: str | Path,
    *,
    sample_rate: int,
    start: float = 0.0,
    duration: float | None = None,
    channel: int | None = None,
    seconds: float = 10.0,
) -> Iterator[np.ndarray]:
    """What `read_audio` reads, in `(N,)` pieces of about `seconds`, however long the file: opened once, read once.

    Arguments and errors as `read_audio`; an error in the middle of a file comes when that is reached.
    """
    with _open(path) as file:
        rate = file.samplerate
        first, count = _stretch(file, path, start=start, duration=duration, channel=channel)
        _log_changes(path, channels=file.channels, channel=channel, rate=rate, sample_rate=sample_rate)
        resampler = None
        if rate != sample_rate:
            resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
        at, end = first, first + count
        while at < end:
            size = min(max(1, round(seconds * rate)), end - at)
            samples = _read(file, path, first=at, count=size)
            if len(samples) < size:  # a compressed file that is shorter than its header says
                end = at + len(samples)
            at += len(samples)
            waveform = np.ascontiguousarray(_mono(samples, channel), dtype=np.float32)
            if resampler is not None:
                waveform = resampler.resample_chunk(waveform, last=at >= end)
            if len(waveform):
                yield waveform
        if at == first:
            raise AudioError(f"{path}: no samples in the file; expected speech")


def _stretch(
    file: soundfile.SoundFile,
    path: str | Path,
    *,
    start: float,
    duration: float | None,
    channel: int | None,
) -> tuple[int, int]:
    """First sample and number of samples to read; raises AudioError where the file does not have them."""
    total, rate = _frames(file, path), file.samplerate
    if channel is not None and not 0 <= channel < file.channels:
        raise AudioError(
            f"{path}: {file.channels} channels; expected to read channel {channel}, counted from 0: check "
            "the manifest"
        )
    first = round(start * rate)
    count = total - first if duration is None else round(duration * rate)
    if total == 0:
        raise AudioError(f"{path}: no samples in the file; expected speech")
    # Durations in manifests are rounded: allow a millisecond past the end.
    if first >= total or first + count > total + max(1, rate // 1000):
        raise AudioError(
            f"{path}: the file lasts {total / rate:.3f} s; expected to read up to "
            f"{(first + count) / rate:.3f} s; check start and duration in the manifest"
        )
    return first, min(count, total - first)


def _read(file: soundfile.SoundFile, path: str | Path, *, first: int, count: int) -> np.ndarray:
    """`(count, channels)` samples from sample `first` on, int16 or checked float32; fewer at a cut end."""
    try:
        if file.tell() != first:
            file.seek(first)
        # 16-bit samples are scaled later: twice as fast as libsndfile's own conversion, and the same.
        kind = "int16" if file.subtype == "PCM_16" else "float32"
        samples = file.read(count, dtype=kind, always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: broken {file.format} file ({_reason(error)}); fetch it again") from None
    if len(samples) < count and file.format in _EXACT_FORMATS:
        raise AudioError(
            f"{path}: cut short: the header says {_frames(file, path)} samples, only {first + len(samples)} "
            "could be read; fetch it again"
        )
    if samples.dtype != np.int16 and not np.isfinite(samples).all():
        bad = int(np.flatnonzero(~np.isfinite(samples).all(axis=1))[0])
        raise AudioError(f"{path}: sample {first + bad} is NaN or infinite; expected values in [-1, 1]")
    return samples


def _mono(samples: np.ndarray, channel: int | None) -> np.ndarray:
    """`(N, channels)` samples -> `(N,)` float32, one channel or the mean of all."""
    if samples.dtype == np.int16:
        samples = samples.astype(np.float32)
        samples *= np.float32(1 / 32768)
    if channel is not None:
        return samples[:, channel]
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)


def _log_changes(
    path: str | Path, *, channels: int, channel: int | None, rate: int, sample_rate: int
) -> None:
    """Say once a file what is done to the sound."""
    if channel is None and channels > 1:
        log.info("%s: %d channels mixed down to one", path, channels)
    if rate != sample_rate:
        message = "%s: resampled from %d Hz to %d Hz"
        if rate < sample_rate:
            log.warning(message + "; nothing above %d Hz is in it", path, rate, sample_rate, rate // 2)
        else:
            log.info(message, path, rate, sample_rate)


def resample(waveform: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Change the rate of a `(N,)` waveform (soxr, high quality: passband to 0.91 of Nyquist)."""
    return soxr.resample(waveform, from_rate, to_rate, quality="HQ")


def _open(path: str | Path) -> soundfile.SoundFile:
    """Open a file for reading; raises AudioError for what is no audio, and for what is cut short."""
    head = _head(path)
    if _shorten_header(head, path) is not None:
        return soundfile.SoundFile(io.BytesIO(_expand_shorten(path)))
    try:
        file = soundfile.SoundFile(str(path))
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise AudioError(
            f"{path}: not audio that libsndfile reads ({_reason(error)}); expected WAV, FLAC, MP3, OGG, "
            f"Opus, AIFF or NIST SPHERE{_hint(head)}"
        ) from None
    promised, present = _sizes(file, head)
    if promised > present:
        file.close()
        raise AudioError(
            f"{path}: cut short: the header promises {promised} {_SIZE_UNIT.get(file.format, 'bytes')} of sound, "
            f"the file has {present}; fetch it again"
        )
    return file


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


def _head(path: str | Path) -> bytes:
    """The first kilobyte of a file. Raises AudioError when there is no file, or nothing in it."""
    try:
        with open(path, "rb") as file:
            head = file.read(1024)
    except FileNotFoundError:
        raise AudioError(f"{path}: no such audio file") from None
    except IsADirectoryError:
        raise AudioError(f"{path}: is a folder; expected an audio file") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot read: {error.strerror}; check its permissions") from None
    if not head:
        raise AudioError(f"{path}: the file has 0 bytes; expected audio")
    return head


def _shorten_header(head: bytes, path: str | Path) -> AudioInfo | None:
    """What the header of a shorten-compressed SPHERE file says; None for every other file."""
    if not head.startswith(b"NIST_1A") or b"shorten" not in head:
        return None
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


def _expand_shorten(path: str | Path) -> bytes:
    """A shorten-compressed SPHERE file as WAV, by whichever program is installed."""
    commands = {
        "sph2pipe": ["-f", "wav", str(path)],
        "ffmpeg": ["-v", "error", "-i", str(path), "-f", "wav", "-"],
    }
    for name, options in commands.items():
        program = shutil.which(name)
        if program is None:
            continue
        done = subprocess.run([program, *options], capture_output=True, check=False)
        if done.returncode == 0 and done.stdout:
            return done.stdout
        reason = " ".join(done.stderr.decode(errors="replace").split()) or f"exit code {done.returncode}"
        raise AudioError(
            f"{path}: {name} cannot expand this shorten-compressed file ({reason}); fetch it again"
        )
    raise AudioError(
        f"{path}: this SPHERE file is shorten-compressed: install sph2pipe (or ffmpeg), or convert it with "
        "`sph2pipe -f wav` first"
    )


def _frames(file: soundfile.SoundFile, path: str | Path) -> int:
    if file.frames < _UNKNOWN_FRAMES:
        return int(file.frames)
    # The header does not say: decode once, in blocks, and count.
    count = sum(len(block) for block in file.blocks(blocksize=1 << 16))
    file.seek(0)
    log.info("%s: header without a length; decoded to count %d samples", path, count)
    return count


def _reason(error: Exception) -> str:
    text = str(getattr(error, "error_string", "") or error)
    return text.strip().rstrip(".")


def _hint(head: bytes) -> str:
    if b"ftyp" in head[:12] or head[:4] == b"\x1aE\xdf\xa3":
        return "; convert video and m4a first: `ffmpeg -i IN -ac 1 -ar 16000 OUT.wav`"
    return ""
