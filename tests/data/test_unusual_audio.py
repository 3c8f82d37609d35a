"""Pipes, WAV files as they are streamed, recordings that were cut short, and names that promise what is not there."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.cli import main
from asr.data.audio import audio_info, copies, open_audio, read_audio
from asr.errors import AudioError
from asr.transcription.loading import load

Tone = Callable[..., Path]


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Callable[[bytes], Path]]:
    """Make a named pipe, and write something into it once somebody reads."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    threads = []

    def make(content: bytes) -> Path:
        path = tmp_path / f"pipe{len(threads)}"
        os.mkfifo(path)
        threads.append(threading.Thread(target=lambda: path.write_bytes(content), daemon=True))
        threads[-1].start()
        return path

    yield make
    for thread in threads:
        thread.join(10)


def test_a_named_pipe_is_read_as_the_file(tone: Tone, fifo: Callable[[bytes], Path]) -> None:
    path = tone()
    with open_audio(fifo(path.read_bytes())) as sound:
        assert sound.info == audio_info(path)
        waveform = sound.read(sample_rate=16000)
        copy = sound.path
    np.testing.assert_array_equal(waveform, read_audio(path, sample_rate=16000))
    assert not copy.exists()


def test_what_is_in_no_pipe_and_what_is_too_much(
    fifo: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AudioError, match="0 bytes"):
        open_audio(fifo(b""))
    monkeypatch.setattr(copies, "LARGEST", 100)
    with pytest.raises(AudioError, match="more than 100 bytes came through the pipe"):
        open_audio(fifo(bytes(101)))


def test_every_verb_takes_a_pipe(
    tone: Tone, fifo: Callable[[bytes], Path], tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tone()
    content = path.read_bytes()
    model = ["--model", str(tiny_checkpoint)]
    assert main(["transcribe", str(path), *model, "--json"]) == 0
    wanted = capsys.readouterr().out
    pipe = fifo(content)
    assert main(["transcribe", str(pipe), *model, "--json"]) == 0
    assert capsys.readouterr().out == wanted.replace(str(path), str(pipe))
    assert load(tiny_checkpoint).transcribe(fifo(content)) == load(tiny_checkpoint).transcribe(path)
    (path.parent / "said.txt").write_text("A")
    assert main(["align", str(fifo(content)), str(path.parent / "said.txt"), *model]) == 0
    assert main(["listen", "--file", str(fifo(content)), "--fast", *model]) == 0


def test_stdin_by_its_three_names(tone: Tone, tiny_checkpoint: Path) -> None:
    content = tone().read_bytes()
    answers = []
    for name in ("-", "/dev/stdin", "/dev/fd/0"):
        if name != "-" and not Path(name).exists():
            continue
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "asr",
                "transcribe",
                name,
                "--model",
                str(tiny_checkpoint),
                "--json",
            ],
            input=content,
            capture_output=True,
            check=True,
            timeout=300,
        )
        answers.append({key: value for key, value in json.loads(done.stdout).items() if key != "file"})
    assert answers[0]["text"]
    assert all(answer == answers[0] for answer in answers)


def test_a_pipe_and_stdin_in_python(
    tone: Tone, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stdin:
        buffer = io.BytesIO(tone().read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    recogniser = load(tiny_checkpoint)
    assert recogniser.transcribe("-") == recogniser.transcribe(tone())


def header(path: Path, *, riff: int, data: int) -> None:
    """Write other sizes into the header of a WAV file."""
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[4:8], content[at : at + 4] = riff.to_bytes(4, "little"), data.to_bytes(4, "little")
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("riff", "data"),
    [(0, 0), (36, 0), (0xFFFFFFFF, 0), (0, 0xFFFFFFFF), (36, 0xFFFFFFFF), (0xFFFFFFFF, 0x7FFFFFFF)],
)
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "ULAW"])
def test_a_wav_whose_header_was_never_completed_is_read_whole(
    riff: int, data: int, subtype: str, tmp_path: Path
) -> None:
    path = tmp_path / "streamed.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16001)
    soundfile.write(path, noise, 16000, subtype)
    # An odd number of odd-sized samples is padded; a recorder that dies leaves no padding.
    path.write_bytes(
        path.read_bytes()[: path.read_bytes().index(b"data") + 8 + 16000 * {"PCM_16": 2}.get(subtype, 3)]
    )
    if subtype == "ULAW":
        path.write_bytes(path.read_bytes()[: path.read_bytes().index(b"data") + 8 + 16000])
    header(path, riff=riff, data=data)
    waveform = read_audio(path, sample_rate=16000)
    assert len(waveform) == 16000
    assert waveform == pytest.approx(noise[:16000], abs=0.02)
    assert read_audio(path, sample_rate=16000, start=0.5, duration=0.25) == pytest.approx(
        waveform[8000:12000]
    )


def test_an_rf64_whose_header_was_never_completed_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.rf64"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16000)
    soundfile.write(path, noise, 16000, "PCM_16", format="RF64")
    content = bytearray(path.read_bytes())
    at = content.index(b"ds64") + 8
    content[at : at + 24] = bytes(24)
    path.write_bytes(content)
    assert read_audio(path, sample_rate=16000) == pytest.approx(noise, abs=1e-4)


@pytest.mark.parametrize("name", ["streamed.flac", "streamed.caf"])
def test_what_was_streamed_without_a_length_is_read_whole(name: str, tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / name
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 20000)
    soundfile.write(path, noise, 16000, "PCM_16")
    content = bytearray(path.read_bytes())
    if name.endswith("flac"):  # 36 bits of STREAMINFO, RFC 9639
        content[21] &= 0xF0
        content[22:26] = bytes(4)
    else:  # -1 in the data chunk
        at = content.index(b"data") + 4
        content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)
    waveform = read_audio(path, sample_rate=16000)
    assert waveform == pytest.approx(noise, abs=1e-4)
    assert audio_info(path).samples == 20000


def test_an_empty_recording_with_a_finished_header_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), 16000)
    path.write_bytes(path.read_bytes() + b"LIST\x04\0\0\0INFO")
    header(path, riff=path.stat().st_size - 8, data=0)
    with pytest.raises(AudioError, match="no samples"):
        read_audio(path, sample_rate=16000)


@pytest.mark.parametrize("name", ["cut.flac", "cut.wav", "cut.sph", "cut.aiff", "cut.au"])
def test_what_is_there_of_a_cut_file_is_read_on_request(
    name: str, tmp_path: Path, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 64000)
    soundfile.write(path, noise, 16000, "PCM_16", format="NIST" if name.endswith("sph") else None)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    waveform = read_audio(path, sample_rate=16000, allow_truncated=True)
    assert 24000 < len(waveform) < 32100
    assert waveform == pytest.approx(noise[: len(waveform)], abs=1e-4)
    words = ["transcribe", str(path), "--model", str(tiny_checkpoint), "--json"]
    assert main(words) == 1
    assert "asr transcribe --allow-truncated" in capsys.readouterr().err
    assert main([*words, "--allow-truncated"]) == 0
    captured = capsys.readouterr()
    assert "warning: " in captured.err
    assert "cut short" in captured.err
    assert f'"duration": {len(waveform) / 16000:.3f}'.rstrip("0") in captured.out


@pytest.mark.parametrize("name", ["text.au", "text.gsm", "text.wav", "text.m4a"])
def test_a_text_is_not_heard_as_sound_whatever_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("what is this, ünless it is a text?\n" * 100, encoding="utf-8")
    with pytest.raises(AudioError, match=r"text\.\w+: (is text; expected audio|not audio)"):
        read_audio(tmp_path / name, sample_rate=16000)
