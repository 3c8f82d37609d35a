import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.data.audio import read_audio, resample
from asr.errors import AudioError

Tone = Callable[..., Path]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Our log, also when the command line has taken it for itself."""
    ours = logging.getLogger("asr")
    propagate, ours.propagate = ours.propagate, True
    with caplog.at_level(logging.INFO, logger="asr"):
        yield caplog
    ours.propagate = propagate


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"),
        ("a.wav", "FLOAT"),
        ("a.flac", "PCM_16"),
        ("a.ogg", "VORBIS"),
        ("a.opus", "OPUS"),
        ("a.mp3", "MPEG_LAYER_III"),
        ("a.aiff", "PCM_16"),
        ("a.sph", "PCM_16"),
        ("a.sph", "ULAW"),
    ],
)
def test_every_format_gives_the_same_tone(tmp_path: Path, name: str, subtype: str) -> None:
    time = np.arange(16000) / 16000
    samples = 0.3 * np.sin(2 * np.pi * 440 * time)
    container = {"sph": "NIST", "opus": "OGG"}.get(name.split(".")[1])
    soundfile.write(tmp_path / name, samples, 16000, subtype=subtype, format=container)
    waveform = read_audio(tmp_path / name, sample_rate=16000)
    assert waveform.dtype == np.float32
    assert abs(len(waveform) - 16000) <= 2400  # lossy codecs pad
    spectrum = np.abs(np.fft.rfft(waveform[4000:12000]))
    assert abs(np.argmax(spectrum) * 16000 / 8000 - 440) <= 2
    assert np.abs(waveform[4000:12000]).max() == pytest.approx(0.3, rel=0.1)


def test_a_stretch_is_read_without_the_rest(tmp_path: Path) -> None:
    samples = np.linspace(-0.5, 0.5, 16000).astype(np.float32)
    soundfile.write(tmp_path / "ramp.wav", samples, 16000, subtype="FLOAT")
    stretch = read_audio(tmp_path / "ramp.wav", sample_rate=16000, start=0.25, duration=0.5)
    np.testing.assert_array_equal(stretch, samples[4000:12000])


def test_stereo_is_averaged_with_a_notice(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    left, right = np.full(1600, 0.5, np.float32), np.full(1600, -0.1, np.float32)
    soundfile.write(tmp_path / "s.wav", np.stack([left, right], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "s.wav", sample_rate=16000), 0.2, atol=1e-7)
    assert "2 channels mixed down" in log.text


def test_upsampling_warns_and_downsampling_informs(tone: Tone, log: pytest.LogCaptureFixture) -> None:
    assert len(read_audio(tone("low.wav", rate=8000), sample_rate=16000)) == 16000
    assert [record.levelname for record in log.records] == ["WARNING"]
    assert "nothing above 4000 Hz" in log.text
    log.clear()
    assert len(read_audio(tone("high.wav", rate=44100), sample_rate=16000)) == 16000
    assert [record.levelname for record in log.records] == ["INFO"]


def test_resampling_removes_what_would_alias() -> None:
    time = np.arange(48000) / 48000
    above = np.sin(2 * np.pi * 15000 * time).astype(np.float32)
    assert np.abs(resample(above, 48000, 16000)[100:-100]).max() < 1e-3


def test_nothing_is_read_from(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is no audio\n" * 50)
    (tmp_path / "folder.wav").mkdir()
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    broken = np.zeros(1600, np.float32)
    broken[7] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, 16000, subtype="FLOAT")
    for name, message in [
        ("missing.wav", "no such audio file"),
        ("empty.wav", "0 bytes"),
        ("text.wav", "not audio that libsndfile reads"),
        ("folder.wav", "is a folder"),
        ("none.wav", "no samples in the file"),
        ("nan.wav", "sample 7 is NaN or infinite"),
    ]:
        with pytest.raises(AudioError, match=message):
            read_audio(tmp_path / name, sample_rate=16000)


@pytest.mark.parametrize("name", ["cut.flac", "cut.wav", "cut.sph", "cut.aiff", "cut.au"])
def test_a_cut_file_is_an_error_and_not_a_shorter_utterance(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16000)
    soundfile.write(path, noise, 16000, "PCM_16", format="NIST" if name.endswith("sph") else None)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match=r"cut short|broken"):
        read_audio(path, sample_rate=16000)


def test_a_wav_written_to_a_pipe_is_read_whole(tone: Tone) -> None:
    path = tone("pipe.wav")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert len(read_audio(path, sample_rate=16000)) == 16000


def test_reading_past_the_end_names_the_end(tone: Tone) -> None:
    with pytest.raises(AudioError, match=r"lasts 1.000 s; expected to read up to 1.500 s"):
        read_audio(tone(), sample_rate=16000, start=0.5, duration=1.0)


@pytest.mark.parametrize(
    "stretch",
    [
        {"duration": -1.0},
        {"duration": 0.0},
        {"duration": float("inf")},
        {"start": float("nan")},
        {"start": -0.5},
        {"start": 1e308},
    ],
)
def test_a_stretch_that_is_none_is_refused(tone: Tone, stretch: dict[str, float]) -> None:
    with pytest.raises(AudioError, match=r"a start of 0 s or more, and a duration above 0"):
        read_audio(tone(), sample_rate=16000, **stretch)


@pytest.mark.parametrize("name", ["a\0.wav", "\ud800.wav"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(AudioError, match="no file can be called that"):
        read_audio(name, sample_rate=16000)
