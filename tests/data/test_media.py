"""Video, m4a and the like, by a fake ffmpeg, by the real one where it is installed, and without any."""

import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asr.cli import main
from asr.data.audio import audio_info, header_info, open_audio, read_audio
from asr.errors import AudioError
from asr.transcription.loading import load


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A file that begins as MP4 does."""
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    return path


@pytest.fixture
def only_fake_ffmpeg(tmp_path: Path, tone: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but an ffmpeg that writes a tone of two seconds, and a line with its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(
        f"#!{sys.executable}\nimport shutil, sys\n"
        f"print(*sys.argv[1:], file=open({str(tmp_path / 'arguments')!r}, 'a'))\n"
        f"shutil.copy({str(tone('sound.wav', seconds=2.0))!r}, sys.argv[-1].removeprefix('file:'))\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))
    return tmp_path / "arguments"


def answer(text: str, *, code: int = 1) -> None:
    """Let the fake ffmpeg complain, and end with that code."""
    program = Path(shutil.which("ffmpeg") or "")
    body = program.read_text(encoding="utf-8") if code == 0 else f"#!{sys.executable}\nimport sys\n"
    program.write_text(f"{body}\nprint({text!r}, file=sys.stderr)\nsys.exit({code})\n", encoding="utf-8")


def test_a_video_is_decoded_to_a_copy_that_goes_away(only_fake_ffmpeg: Path, video: Path) -> None:
    assert header_info(video) is None
    with open_audio(video) as sound:
        copy = sound.path
        assert sound.info.duration == 2.0
        assert len(sound.read(sample_rate=8000, start=0.5, duration=1.0)) == 8000
    assert f"-i file:{video} -map 0:a:0" in only_fake_ffmpeg.read_text(encoding="utf-8")
    for number in range(2):  # the cache keeps two
        other = video.with_name(f"{number}.mp4")
        other.write_bytes(video.read_bytes())
        audio_info(other)
    assert not copy.exists()


def test_stretches_of_one_video_decode_it_once(only_fake_ffmpeg: Path, video: Path) -> None:
    whole = read_audio(video, sample_rate=16000)
    stretch = read_audio(video, sample_rate=16000, start=0.5, duration=0.25)
    np.testing.assert_array_equal(stretch, whole[8000:12000])
    assert len(only_fake_ffmpeg.read_text(encoding="utf-8").splitlines()) == 1
    video.write_bytes(video.read_bytes() + b"changed")
    read_audio(video, sample_rate=16000)
    assert len(only_fake_ffmpeg.read_text(encoding="utf-8").splitlines()) == 2


def test_nothing_is_kept_of_an_upload_or_a_pipe(only_fake_ffmpeg: Path, video: Path) -> None:
    with open_audio(video, longest=10) as sound:
        assert sound.path.exists()
        copy = sound.path
    assert not copy.exists()
    assert " -t 10 " in only_fake_ffmpeg.read_text(encoding="utf-8")


def test_a_playlist_is_not_followed(only_fake_ffmpeg: Path, tmp_path: Path) -> None:
    (tmp_path / "list.m4a").write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    with pytest.raises(AudioError, match="not audio that libsndfile reads"):
        audio_info(tmp_path / "list.m4a")
    assert not only_fake_ffmpeg.exists()


def test_the_command_and_python_take_a_video(
    only_fake_ffmpeg: Path, video: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["transcribe", str(video), "--model", str(tiny_checkpoint), "--json"]) == 0
    assert '"duration": 2.0' in capsys.readouterr().out
    text = load(tiny_checkpoint).transcribe(video).text
    assert load(tiny_checkpoint).transcribe(video.with_name("sound.wav")).text == text


def test_align_listen_prepare_and_validate_take_a_video(
    only_fake_ffmpeg: Path, video: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (video.parent / "said.txt").write_text("A B")
    assert main(["align", str(video), str(video.parent / "said.txt"), "--model", str(tiny_checkpoint)]) == 0
    assert '"duration": 2.0' in capsys.readouterr().out
    assert main(["listen", "--file", str(video), "--fast", "--model", str(tiny_checkpoint)]) == 0
    folder = video.parent / "mine"
    folder.mkdir()
    shutil.copy(video, folder / "talk.mp4")
    (folder / "talk.txt").write_text("A B")
    assert main(["prepare", "folder", str(folder), str(video.parent / "out")]) == 0
    assert '"duration": 2.0' in (video.parent / "out" / "all.jsonl").read_text()
    assert main(["validate", str(video.parent / "out" / "all.jsonl")]) == 0


def test_a_decoder_that_fails_is_an_error(only_fake_ffmpeg: Path, video: Path) -> None:
    answer("no such stream")
    with pytest.raises(AudioError, match=r"talk.mp4: ffmpeg found no sound in it .*no such stream"):
        audio_info(video)


def test_a_video_that_was_cut_short_is_an_error_unless_it_is_asked_for(
    only_fake_ffmpeg: Path, video: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer("[matroska] File ended prematurely", code=0)
    words = ["transcribe", str(video), "--model", str(tiny_checkpoint)]
    assert main(words) == 1
    assert "talk.mp4: cut short (ffmpeg: [matroska] File ended prematurely)" in capsys.readouterr().err
    assert main([*words, "--allow-truncated"]) == 0
    assert "ffmpeg decoded it with complaints" in capsys.readouterr().err


def test_without_a_decoder_the_error_says_what_to_install(
    video: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    assert main(["transcribe", str(video), "--model", str(tiny_checkpoint)]) == 1
    assert "need ffmpeg: install it (`apt install ffmpeg`" in capsys.readouterr().err


# What ffmpeg encodes the ending as, where it has no encoder for that by itself.
_ENCODINGS = {".gsm": ["-ar", "8000"], ".webm": ["-c:a", "libopus", "-ar", "48000"], ".3gp": ["-c:a", "aac"]}


@pytest.mark.parametrize("ending", [".m4a", ".mp4", ".mkv", ".wma", ".aac", ".gsm", ".webm", ".3gp", ".ts"])
def test_the_real_ffmpeg(ending: str, tone: Callable[..., Path], tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / f"talk{ending}"
    options = _ENCODINGS.get(ending, ["-c:a", "aac"] if ending == ".ts" else [])
    command = [ffmpeg, "-v", "error", "-i", str(tone(seconds=2.0)), *options, str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip(f"this ffmpeg cannot write {ending}")
    waveform = read_audio(path, sample_rate=16000)
    assert abs(len(waveform) / 16000 - 2.0) < 0.2
    spectrum = np.abs(np.fft.rfft(waveform[8000:24000]))
    assert int(np.argmax(spectrum)) == 440
    assert audio_info(path).duration == pytest.approx(len(waveform) / 16000, abs=1e-3)


def test_the_real_ffmpeg_and_a_file_that_was_cut(tone: Callable[..., Path], tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / "talk.m4a"
    subprocess.run(
        [ffmpeg, "-v", "error", "-i", str(tone(seconds=8.0)), "-movflags", "+faststart", str(path)],
        check=True,
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=r"talk\.m4a: cut short"):
        audio_info(path)
    assert 1.0 < len(read_audio(path, sample_rate=16000, allow_truncated=True)) / 16000 < 7.0


def test_a_playlist_with_a_wrong_beginning_is_not_followed_by_the_real_ffmpeg(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    (tmp_path / "a.m3u8").write_bytes(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n\x00\x01")
    with pytest.raises(AudioError, match="ffmpeg found no sound in it"):
        audio_info(tmp_path / "a.m3u8")
