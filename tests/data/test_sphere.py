"""SPHERE files that libsndfile cannot read alone, channels, and stretches of long files."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.data.audio import audio_info, read_audio
from asr.errors import AudioError

HEADER = (
    b"NIST_1A\n   1024\nsample_count -i 4000\nsample_n_bytes -i 2\nchannel_count -i 1\nsample_rate -i 8000\n"
    b"sample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
)


@pytest.fixture
def shorten(tmp_path: Path) -> Path:
    """A file with the header of a shorten-compressed one."""
    path = tmp_path / "a.wv1"
    path.write_bytes(HEADER.ljust(1024) + b"ajkg" + b"\0" * 100)
    return path


@pytest.fixture
def sph2pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A program of that name, called as sph2pipe is, which writes this known waveform as WAV to its output."""
    waveform = np.sin(np.arange(4000) / 7).astype(np.float32) / 2
    folder = tmp_path / "bin"
    folder.mkdir()
    soundfile.write(folder / "known.wav", waveform, 8000)
    program = folder / "sph2pipe"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nassert sys.argv[1:3] == ['-f', 'wav'], sys.argv\n"
        "assert open(sys.argv[3], 'rb').read(7) == b'NIST_1A'\n"
        f"sys.stdout.buffer.write(open({str(folder / 'known.wav')!r}, 'rb').read())\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return waveform


def test_the_header_of_a_shorten_file_is_read_without_any_program(
    shorten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    info = audio_info(shorten)
    assert (info.sample_rate, info.channels, info.duration) == (8000, 1, 0.5)


def test_a_shorten_file_is_read_through_sph2pipe(shorten: Path, sph2pipe: np.ndarray) -> None:
    assert read_audio(shorten, sample_rate=8000) == pytest.approx(sph2pipe, abs=1e-4)
    stretch = read_audio(shorten, sample_rate=8000, start=0.1, duration=0.2)
    assert stretch == pytest.approx(sph2pipe[800:2400], abs=1e-4)


def test_a_shorten_file_without_a_program_says_what_to_install(
    shorten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AudioError, match=r"a\.wv1: this SPHERE file is shorten-compressed: install sph2pipe"):
        read_audio(shorten, sample_rate=8000)


def test_a_program_that_fails_is_named(
    shorten: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "sph2pipe"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('bad shorten data')\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match=r"sph2pipe cannot expand .* \(bad shorten data\); fetch it again"):
        read_audio(shorten, sample_rate=8000)


def test_a_shorten_header_without_counts_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.sph").write_bytes(HEADER.replace(b"sample_rate", b"sample_what").ljust(1024))
    with pytest.raises(AudioError, match=r"a\.sph: broken SPHERE header; expected sample_rate"):
        audio_info(tmp_path / "a.sph")


@pytest.mark.parametrize(("subtype", "step"), [("PCM_16", 1 / 32768), ("ULAW", 0.04), ("ALAW", 0.04)])
def test_one_channel_of_a_sphere_file_is_read_alone(subtype: str, step: float, tmp_path: Path) -> None:
    both = np.stack([np.sin(np.arange(8000) / 5), np.cos(np.arange(8000) / 11)], axis=1) / 2
    soundfile.write(tmp_path / "a.sph", both, 8000, format="NIST", subtype=subtype)
    for channel in (0, 1):
        waveform = read_audio(tmp_path / "a.sph", sample_rate=8000, channel=channel)
        assert waveform == pytest.approx(both[:, channel], abs=step)
    mixed = read_audio(tmp_path / "a.sph", sample_rate=8000)
    assert mixed == pytest.approx(both.mean(axis=1), abs=step)


def test_a_channel_that_is_not_there_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((800, 2)), 8000)
    with pytest.raises(AudioError, match=r"a\.wav: 2 channels; expected to read channel 2, counted from 0"):
        read_audio(tmp_path / "a.wav", sample_rate=8000, channel=2)


@pytest.mark.parametrize(
    ("suffix", "rate"), [("wav", 44100), ("flac", 8000), ("ogg", 44100), ("mp3", 44100), ("sph", 16000)]
)
def test_a_stretch_of_a_long_file_is_the_same_as_of_the_whole(suffix: str, rate: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, rate * 20)
    path = tmp_path / f"long.{suffix}"
    soundfile.write(path, noise, rate, **({"format": "NIST", "subtype": "ULAW"} if suffix == "sph" else {}))
    whole = read_audio(path, sample_rate=rate)
    stretch = read_audio(path, sample_rate=rate, start=12.5, duration=1.25)
    assert stretch == pytest.approx(whole[round(12.5 * rate) : round(13.75 * rate)], abs=1e-3)


def test_a_stretch_is_read_without_reading_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(16000 * 60), 16000)
    asked = []
    read = soundfile.SoundFile.read

    def counted(self: soundfile.SoundFile, frames: int = -1, *args: object, **kwargs: object) -> np.ndarray:
        asked.append(frames)
        return read(self, frames, *args, **kwargs)

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    read_audio(tmp_path / "long.wav", sample_rate=16000, start=50.0, duration=0.5)
    assert asked == [8000]
