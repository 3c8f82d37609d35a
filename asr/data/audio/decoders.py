"""Programs that decode what libsndfile does not know: ffmpeg, torchcodec, and sph2pipe for shorten."""

import logging
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import soundfile

from asr.data.audio.copies import LARGEST
from asr.errors import AudioError

log = logging.getLogger(__name__)

# What ffmpeg may take a file for: formats that hold their sound themselves. A playlist, which names other files
# and addresses, is none of them.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,avi,flv,mpegts,mpeg,aac,loas,amr,amrnb,amrwb,gsm,mp3,mp2,wav,w64,ogg,"
    "flac,caf,aiff,au,wv,ape,ac3,eac3,dts,tta,mpc,mpc8,voc,rm,dsf,nistsphere"
)

# ffmpeg's words for a container that promises more than the file has.
_PIECE_SECONDS = 60.0  # that torchcodec decodes at once
_CUT_SHORT = re.compile(r"partial file|ended prematurely", re.IGNORECASE)

# What to do about a file that was cut short.
FETCH_AGAIN = "fetch it again, or take what is there with `asr transcribe --allow-truncated`"


def decode(path: Path, target: Path, *, longest: float | None, allow_truncated: bool) -> None:
    """The first sound track of a media file as 16-bit WAV at its own rate, with one channel or two.

    What has more than two channels (5.1, as films have) is mixed down to two by the decoder.

    Args:
        path: audio or video.
        target: the file to write.
        longest: seconds that are decoded at most; None decodes all.
        allow_truncated: take what there is of a file that was cut short.

    Raises:
        AudioError: neither ffmpeg nor torchcodec is there, they find no sound that they read, it was cut short, or it
            takes more than `LARGEST` bytes.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is not None:
        _decode_with_ffmpeg(ffmpeg, path, target, longest=longest, allow_truncated=allow_truncated)
    else:
        _decode_with_torchcodec(path, target, longest=longest)
    if target.stat().st_size >= LARGEST - (1 << 20):
        raise AudioError(
            f"{path}: more than {LARGEST} bytes when decoded, which is the most taken; cut it into parts, as with "
            "`ffmpeg -i IN -f segment -segment_time 3600 OUT%03d.flac`"
        )


def _decode_with_ffmpeg(
    program: str, path: Path, target: Path, *, longest: float | None, allow_truncated: bool
) -> None:
    # The file: protocol keeps a name such as "concat:a" or "-i" from being taken for something else.
    source = ["-protocol_whitelist", "file", "-format_whitelist", _FORMATS, "-i", f"file:{path}"]
    options = ["-map", "0:a:0", "-af", "aformat=channel_layouts=mono|stereo", "-c:a", "pcm_s16le"]
    options += [] if longest is None else ["-t", f"{longest:g}"]
    options += ["-f", "wav", "-rf64", "auto", "-fs", str(LARGEST), "-y", f"file:{target}"]
    complaints, failed = _run([program, "-nostdin", "-v", "error", *source, *options], target)
    if failed:
        raise AudioError(
            f"{path}: ffmpeg found no sound in it that it reads ({_without(path, complaints[-1])}); expected audio, or a "
            "video with a sound track"
        )
    cut = next((line for line in complaints if _CUT_SHORT.search(line)), None)
    if cut is not None and not allow_truncated:
        raise AudioError(f"{path}: cut short (ffmpeg: {cut}); {FETCH_AGAIN}")
    if complaints:
        log.warning("%s: ffmpeg decoded it with complaints, the last: %s", path, complaints[-1])
    log.info("%s: sound decoded by ffmpeg", path)


def _without(path: Path, complaint: str) -> str:
    return complaint.removeprefix(f"file:{path}: ")


def expand_shorten(path: Path, target: Path) -> None:
    """A shorten-compressed SPHERE file as WAV. Raises AudioError without sph2pipe and ffmpeg, or where they fail."""
    commands = {
        "sph2pipe": ["-f", "wav", str(path)],
        "ffmpeg": ["-nostdin", "-v", "error", "-i", f"file:{path}", "-f", "wav", "-"],
    }
    for name, options in commands.items():
        program = shutil.which(name)
        if program is None:
            continue
        with target.open("wb") as output:
            complaints, failed = _run([program, *options], target, output)
        if not failed:
            return
        raise AudioError(
            f"{path}: {name} cannot expand this shorten-compressed file ({complaints[-1]}); fetch it again"
        )
    raise AudioError(
        f"{path}: this SPHERE file is shorten-compressed: install sph2pipe (or ffmpeg), or convert it with "
        "`sph2pipe -f wav` first"
    )


def _run(command: Sequence[str], target: Path, output: IO[bytes] | None = None) -> tuple[list[str], bool]:
    """What a program complained of, and whether it failed to write the file (then at least one line says why)."""
    done = subprocess.run(
        command,
        stdout=output or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    failed = done.returncode != 0 or not target.exists() or target.stat().st_size == 0
    return (lines or [f"exit code {done.returncode}"]) if failed else lines, failed


def _decode_with_torchcodec(path: Path, target: Path, *, longest: float | None) -> None:
    try:
        from torchcodec.decoders import AudioDecoder
    except (ImportError, RuntimeError, OSError):
        # torchcodec raises RuntimeError where it finds no FFmpeg libraries.
        raise AudioError(
            f"{path}: not audio that libsndfile reads; video, m4a and the like need ffmpeg: install it (`apt install "
            "ffmpeg`, `brew install ffmpeg`) or torchcodec (`pip install torchcodec`), or convert the file to WAV"
        ) from None
    try:
        decoder = AudioDecoder(path)
        channels = decoder.metadata.num_channels or 1
        if channels > 2:
            channels = 2
            decoder = AudioDecoder(path, num_channels=channels)
        rate = decoder.metadata.sample_rate
        end = float(decoder.metadata.end_stream_seconds_from_header or decoder.metadata.duration_seconds or 0)
        end = end if longest is None else min(end, longest)
        with soundfile.SoundFile(target, "w", rate, channels, "PCM_16", format="RF64") as file:
            at = 0.0
            while at < end and file.tell() * channels * 2 < LARGEST:
                samples = decoder.get_samples_played_in_range(at, min(at + _PIECE_SECONDS, end))
                file.write(samples.data.numpy().T)  # (channels, N) -> (N, channels)
                at += _PIECE_SECONDS
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise AudioError(
            f"{path}: torchcodec found no sound in it that it reads ({str(error).splitlines()[0]}); expected "
            "audio, or a video with a sound track"
        ) from None
    log.info("%s: sound decoded by torchcodec", path)
