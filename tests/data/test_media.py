"""Video and m4a, by a fake ffmpeg, by the real one where it is installed, and without any."""

import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asr.cli import main
from asr.data.audio import audio_info
from asr.data.media import needs_decoder, readable
from asr.errors import AudioError


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file that begins as MP4 does."""
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    return path


@pytest.fixture
def only_fake_ffmpeg(tmp_path: Path, tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but an ffmpeg that writes a tone of two seconds, and its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(
        f"#!{sys.executable}\nimport shutil, sys\n"
        f"open({str(tmp_path / 'arguments')!r}, 'w').write(' '.join(sys.argv[1:]))\n"
        f"shutil.copy({str(tone('sound.wav', seconds=2.0))!r}, sys.argv[-1])\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))
    return tmp_path / "arguments"


def test_a_video_is_decoded_once_to_a_file_that_goes_away(only_fake_ffmpeg: Path, video: Path) -> None:
    with readable(video, sample_rate=16000) as decoded:
        assert audio_info(decoded).duration == 2.0
    assert not decoded.exists()
    assert f"-i file:{video} -vn -ac 1 -ar 16000" in only_fake_ffmpeg.read_text()


def test_transcribe_takes_a_video(
    only_fake_ffmpeg: Path, video: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["transcribe", str(video), "--model", str(tiny_checkpoint), "--json"]) == 0
    assert '"duration": 2.0' in capsys.readouterr().out


def test_a_decoder_that_fails_is_an_error(only_fake_ffmpeg: Path, video: Path) -> None:
    shutil.which("ffmpeg")
    program = Path(shutil.which("ffmpeg") or "")
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no such stream')\n")
    with (
        pytest.raises(AudioError, match=r"talk.mp4: ffmpeg found no sound in it .*no such stream"),
        readable(video, sample_rate=16000),
    ):
        pass


def test_without_a_decoder_the_error_says_what_to_install(
    video: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    assert main(["transcribe", str(video), "--model", str(tiny_checkpoint)]) == 1
    assert "need ffmpeg: install it (`apt install ffmpeg`" in capsys.readouterr().err


def test_audio_is_read_as_it_is(tone: Callable[..., Path]) -> None:
    path = tone()
    assert not needs_decoder(path)
    with readable(path, sample_rate=16000) as same:
        assert same == path


@pytest.mark.parametrize("ending", [".m4a", ".mp4", ".mkv"])
def test_the_real_ffmpeg(ending: str, tone: Callable[..., Path], tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / f"talk{ending}"
    subprocess.run([ffmpeg, "-v", "error", "-i", str(tone(seconds=2.0)), str(path)], check=True)
    with readable(path, sample_rate=8000) as decoded:
        info = audio_info(decoded)
        assert info.sample_rate == 8000
        assert abs(info.duration - 2.0) < 0.2
