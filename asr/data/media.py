"""Video, m4a and whatever else libsndfile does not read: decoded once to a temporary WAV file."""

import logging
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile

from asr.errors import AudioError

log = logging.getLogger(__name__)

# Endings of files that only a media decoder reads.
MEDIA_ENDINGS = frozenset(
    [
        ".3gp",
        ".aac",
        ".amr",
        ".avi",
        ".flv",
        ".m4a",
        ".m4b",
        ".m4v",
        ".mka",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ts",
        ".webm",
        ".wma",
        ".wmv",
    ]
)

# Endings of files that libsndfile reads, under their usual names.
AUDIO_ENDINGS = frozenset(
    [
        ".aif",
        ".aifc",
        ".aiff",
        ".au",
        ".caf",
        ".flac",
        ".mp2",
        ".mp3",
        ".nist",
        ".oga",
        ".ogg",
        ".opus",
        ".rf64",
        ".snd",
        ".sph",
        ".w64",
        ".wav",
        ".wv1",
        ".wv2",
    ]
)


def needs_decoder(path: str | Path) -> bool:
    """Whether a file is one for a media decoder: by its first bytes, or by its ending."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError:
        return False
    if head[4:8] == b"ftyp" or head[:4] in (b"\x1aE\xdf\xa3", b"FLV\x01") or head[8:12] == b"AVI ":
        return True
    return Path(path).suffix.lower() in MEDIA_ENDINGS


@contextmanager
def readable(path: str | Path, *, sample_rate: int, longest: float | None = None) -> Iterator[Path]:
    """A path that `asr.data.audio` reads: the file itself, or its sound in a temporary WAV file.

    Args:
        path: audio, or anything with a sound track.
        sample_rate: of the temporary file, in Hz; it has one channel.
        longest: seconds that are decoded at most; None decodes all.

    Raises:
        AudioError: neither ffmpeg nor torchcodec is there, or the file holds no sound that they read.
    """
    path = Path(path)
    if not needs_decoder(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="asr-") as folder:
        decoded = Path(folder) / "sound.wav"
        ffmpeg = shutil.which("ffmpeg")
        if ffmpeg is not None:
            _decode_with_ffmpeg(ffmpeg, path, decoded, sample_rate=sample_rate, longest=longest)
        else:
            _decode_with_torchcodec(path, decoded, sample_rate=sample_rate, longest=longest)
        yield decoded


def _decode_with_ffmpeg(
    program: str, path: Path, decoded: Path, *, sample_rate: int, longest: float | None
) -> None:
    # The file: protocol keeps a name such as "concat:a" or "-i" from being taken for something else.
    options = ["-nostdin", "-v", "error", "-i", f"file:{path}", "-vn", "-ac", "1", "-ar", str(sample_rate)]
    options += [] if longest is None else ["-t", f"{longest:g}"]
    options += ["-c:a", "pcm_s16le", "-rf64", "auto", "-y", str(decoded)]
    done = subprocess.run([program, *options], capture_output=True, check=False)
    if done.returncode != 0 or not decoded.exists():
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise AudioError(
            f"{path}: ffmpeg found no sound in it that it reads ({lines[-1].strip()}); expected audio, or a "
            "video with a sound track"
        )
    log.info("%s: sound decoded by ffmpeg", path)


def _decode_with_torchcodec(
    path: Path, decoded: Path, *, sample_rate: int, longest: float | None, piece: float = 60.0
) -> None:
    try:
        from torchcodec.decoders import AudioDecoder
    except (ImportError, RuntimeError, OSError):
        # torchcodec raises RuntimeError where it finds no FFmpeg libraries.
        raise AudioError(
            f"{path}: video, m4a and the like need ffmpeg: install it (`apt install ffmpeg`, `brew install "
            "ffmpeg`) or torchcodec (`pip install torchcodec`), or convert the file to WAV"
        ) from None
    try:
        decoder = AudioDecoder(path, sample_rate=sample_rate, num_channels=1)
        end = float(decoder.metadata.end_stream_seconds_from_header or decoder.metadata.duration_seconds or 0)
        end = end if longest is None else min(end, longest)
        with soundfile.SoundFile(decoded, "w", sample_rate, 1, "PCM_16", format="RF64") as file:
            at = 0.0
            while at < end:
                samples = decoder.get_samples_played_in_range(at, min(at + piece, end))
                file.write(samples.data[0].numpy())
                at += piece
    except (RuntimeError, ValueError, IndexError) as error:
        raise AudioError(
            f"{path}: torchcodec found no sound in it that it reads ({str(error).splitlines()[0]}); expected "
            "audio, or a video with a sound track"
        ) from None
    log.info("%s: sound decoded by torchcodec", path)
