"""`asr transcribe`: what it finds, what it writes, and that a run that was killed ends as if it had not been."""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.cli import main
from asr.data.manifest import Utterance, read_manifest, write_manifest
from asr.transcription.formats import FORMATS
from asr.writing.tagger import read_tagger, write_tagger


@pytest.fixture
def noises(tmp_path: Path) -> Path:
    """A folder of forty short recordings of unlike length."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "noises"
    for number in range(40):
        path = folder / ("deep/er" if number % 4 == 0 else "") / f"n{number:02d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = 0.1 * generator.standard_normal(int(generator.uniform(0.1, 0.6) * 16000))
        soundfile.write(path, samples, 16000)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def transcribe(*words: object) -> int:
    return main(["transcribe", *map(str, words)])


def test_a_folder_is_walked_and_every_format_written(
    noises: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    (noises / "notes.md").write_text("no audio")
    out = tmp_path / "out"
    assert transcribe(noises, "--model", tiny_checkpoint, "--output-dir", out, "--format", "all") == 0
    written = set(tree(out))
    assert len(written) == 40 * len(FORMATS) + 1
    assert {f"deep/er/n00{ending}" for ending in FORMATS.values()} <= written
    listed = read_manifest(out / "transcripts.jsonl")
    assert [utterance.id for utterance in listed][:2] == ["deep/er/n00", "deep/er/n04"]
    record = json.loads((out / "n01.json").read_text())
    assert record["text"] == next(utterance.text for utterance in listed if utterance.id == "n01")


def test_globs_and_manifests_name_recordings_too(
    noises: Path, tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert transcribe(noises / "**" / "n0[0-3].wav", "--model", tiny_checkpoint) == 0
    names = [Path(line.split("\t")[0]).name for line in capsys.readouterr().out.splitlines()]
    assert names == ["n00.wav", "n01.wav", "n02.wav", "n03.wav"]
    manifest = tmp_path / "some.jsonl"
    write_manifest(
        manifest, [Utterance("../x/u1", noises / "n01.wav", 0.1), Utterance("u2", noises / "n02.wav", 0.1)]
    )
    assert transcribe(manifest, "--model", tiny_checkpoint, "--output-dir", tmp_path / "out") == 0
    assert set(tree(tmp_path / "out")) == {"x/u1.txt", "u2.txt", "transcripts.jsonl"}


def test_files_of_one_name_do_not_overwrite_each_other(
    tone: Callable[..., Path], tiny_checkpoint: Path, tmp_path: Path
) -> None:
    files = [tone("talk.wav"), tone("talk.flac"), tone("a/same.wav"), tone("b/same.wav"), tone("talk.wav")]
    assert transcribe(*files, "--model", tiny_checkpoint, "--output-dir", tmp_path / "out") == 0
    names = {"talk.wav.txt", "talk.flac.txt", "same.wav.txt", "same.wav-2.txt", "transcripts.jsonl"}
    assert set(tree(tmp_path / "out")) == names


def test_stdin_is_a_recording(
    tone: Callable[..., Path],
    tiny_checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(tone().read_bytes()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stream)
    assert transcribe("-", "--model", tiny_checkpoint, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["file"], record["duration"]) == ("stdin", 1.0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--resume"], "--resume needs an output folder"),
        (["--format", "txt,srt"], "2 formats cannot share stdout"),
        (["--format", "srt"], "40 recordings in the format srt cannot share stdout"),
        (["--format", "srtt"], "no format 'srtt'; did you mean 'srt'?"),
        (["--json", "--output-dir", "out"], "--json is for stdout"),
        (["--lines", "0"], "expected at least 1"),
        (["--window", "4", "--context", "3"], "context of at most half a window"),
        (["--threads", "0"], "expected at least 1"),
        (["--n-best", "0"], "n-best 0; expected at least 1"),
        (["--n-best", "2", "--decoding", "beam"], "--n-best goes into JSON alone"),
        (["--n-best", "2", "--json"], "--n-best needs --decoding beam"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    noises: Path, tiny_checkpoint: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert transcribe(noises, "--model", tiny_checkpoint, *words) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.out == ""


def test_the_n_best_texts_are_in_json_and_one_changes_nothing(
    tone: Callable[..., Path], tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [tone(), "--model", tiny_checkpoint, "--decoding", "beam"]
    assert transcribe(*words, "--json") == 0
    plain = json.loads(capsys.readouterr().out)
    assert transcribe(*words, "--json", "--n-best", 1) == 0
    assert json.loads(capsys.readouterr().out) == plain
    assert transcribe(*words, "--json", "--n-best", 3) == 0
    record = json.loads(capsys.readouterr().out)
    (stretch,) = record["alternatives"]
    assert record == plain | {"alternatives": [stretch]}
    assert stretch["texts"][0]["text"] == plain["text"]
    assert len({one["text"] for one in stretch["texts"]}) == 3
    out = tmp_path / "out"
    assert transcribe(*words, "--n-best", 3, "--output-dir", out, "--format", "txt,json") == 0
    assert json.loads((out / "tone.json").read_text())["alternatives"] == [stretch]
    assert (out / "tone.txt").read_text().split() == plain["text"].split()


@pytest.mark.parametrize("name", ["empty", "nothing*.wav"])
def test_inputs_without_audio_are_refused(
    tmp_path: Path, tiny_checkpoint: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert transcribe(tmp_path / name, "--model", tiny_checkpoint) == 2
    assert name in capsys.readouterr().err


def test_without_a_model_the_error_says_what_to_name(
    tone: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from asr.cli import model_options
    from asr.transcription import loading

    for module in (model_options, loading):
        monkeypatch.setattr(module, "default_model", lambda: None)
    assert transcribe(tone()) == 2
    assert "this build has no model of its own; name one: --model CKPT" in capsys.readouterr().err


def test_a_failing_file_is_listed_and_the_rest_is_written(
    noises: Path, tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (noises / "n05.wav").write_bytes(b"RIFF nonsense")
    nan = np.full(8000, np.nan, np.float32)
    soundfile.write(noises / "n06.wav", nan, 16000, subtype="FLOAT")
    out = tmp_path / "out"
    assert transcribe(noises, "--model", tiny_checkpoint, "--output-dir", out) == 1
    summary = capsys.readouterr().err.split("2 of 40 files failed:")[1]
    assert "n05.wav: not audio" in summary
    assert "n06.wav: sample 0 is NaN" in summary
    assert len(tree(out)) == 38 + 1
    # Mended, it is all that the next run does.
    for name in ("n05.wav", "n06.wav"):
        soundfile.write(noises / name, np.zeros(8000), 16000)
    assert transcribe(noises, "--model", tiny_checkpoint, "--output-dir", out, "--resume") == 0
    assert "38 of 40 recordings are finished already" in capsys.readouterr().err
    assert len(tree(out)) == 40 + 1


def test_other_settings_do_not_resume(
    noises: Path, tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [noises, "--model", tiny_checkpoint, "--output-dir", tmp_path / "out", "--resume"]
    assert transcribe(*words) == 0
    assert transcribe(*words) == 0
    assert "40 of 40 recordings are finished already" in capsys.readouterr().err
    assert transcribe(*words, "--decoding", "beam") == 0
    assert "finished already" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        ("--hot-word", "AB=3"),
        ("--token-threshold", "-5"),
        ("--score-threshold", "9"),
        ("--unknown-penalty", "-1"),
        ("--no-look-ahead",),
        ("--line-length", "10"),
        ("--cue-pause", "0.5"),
        ("--seconds-per-batch", "7"),
        ("--n-best", "2", "--format", "json"),
        ("--channels", "separate"),
    ],
)
def test_whatever_changes_the_outputs_does_not_resume(
    option: tuple[str, ...],
    tone: Callable[..., Path],
    tiny_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [tone(), "--model", tiny_checkpoint, "--output-dir", tmp_path / "out", "--resume"]
    words += ["--decoding", "beam"]
    assert transcribe(*words) == 0
    assert transcribe(*words, *option) == 0
    assert "finished already" not in capsys.readouterr().err
    assert transcribe(*words, *option) == 0
    assert "1 of 1 recordings are finished already" in capsys.readouterr().err


def test_a_tagger_makes_texts_readable_and_keeps_what_was_recognised(
    noises: Path, tiny_checkpoint: Path, tiny_tagger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--model", tiny_checkpoint, "--format", "txt,json,ctm", "--output-dir")
    assert transcribe(noises, *given, tmp_path / "bare") == 0
    shutil.copy(tiny_tagger, tiny_checkpoint.with_suffix(".tagger"))
    assert transcribe(noises, *given, tmp_path / "bare", "--resume", "--text", "verbatim") == 0
    assert "40 of 40 recordings are finished already" in capsys.readouterr().err
    for folder, options in (("beside", ()), ("named", ("--tagger", tiny_tagger, "--text", "readable"))):
        assert transcribe(noises, *given, tmp_path / folder, "--resume", *options) == 0
    bare, beside = tree(tmp_path / "bare"), tree(tmp_path / "beside")
    assert beside == tree(tmp_path / "named")
    assert {name for name in bare if name.endswith(".ctm") and bare[name] != beside[name]} == set()
    assert b"".join(text for name, text in beside.items() if name.endswith(".txt")).swapcase() != b"".join(
        text for name, text in bare.items() if name.endswith(".txt")
    )
    rows = [json.loads(line) for line in (tmp_path / "beside" / "transcripts.jsonl").read_text().splitlines()]
    for row, utterance in zip(rows, read_manifest(tmp_path / "bare" / "transcripts.jsonl"), strict=True):
        assert row["text"] == utterance.text
        if row["text"]:
            record = json.loads((tmp_path / "beside" / f"{row['id']}.json").read_text())
            assert (record["text"], record["verbatim"]) == (row["written"], row["text"])
    # Another tagger, another text: nothing is finished.
    read = read_tagger(tiny_tagger)
    write_tagger(
        tiny_checkpoint.with_suffix(".tagger"), replace(read, lexicon=replace(read.lexicon, signs={".": "!"}))
    )
    assert transcribe(noises, *given, tmp_path / "beside", "--resume") == 0
    assert "finished already" not in capsys.readouterr().err


def test_a_readable_text_needs_a_tagger(
    tone: Callable[..., Path], tiny_checkpoint: Path, tiny_tagger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (tone(), "--model", tiny_checkpoint)
    assert transcribe(*words, "--text", "readable") == 2
    assert f"no tagger beside {tiny_checkpoint}; name one with --tagger FILE" in capsys.readouterr().err
    assert transcribe(*words, "--text", "verbatim", "--tagger", tiny_tagger) == 2
    assert "--tagger is of a readable text" in capsys.readouterr().err
    assert transcribe(*words, "--tagger", tiny_checkpoint) == 1
    assert "asr punctuation train" in capsys.readouterr().err


def test_a_language_model_of_the_same_name_and_other_content_does_not_resume(
    tone: Callable[..., Path], tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, lm = tmp_path / "text.txt", tmp_path / "m.arpa"
    words = [tone(), "--model", tiny_checkpoint, "--output-dir", tmp_path / "out", "--resume", "--lm", lm]
    for content in ("A B\nB C\n" * 5, "C C C\nA\n" * 5):
        text.write_text(content)
        assert main(["lm", "train", str(text), str(lm), "--order", "1"]) == 0
        assert transcribe(*words) == 0
        assert "finished already" not in capsys.readouterr().err


def test_a_killed_run_resumed_is_byte_identical_to_one_that_was_not(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    generator = np.random.default_rng(1)
    folder = tmp_path / "noises"
    folder.mkdir()
    for number in range(200):
        samples = 0.1 * generator.standard_normal(int(generator.uniform(0.1, 0.5) * 16000))
        soundfile.write(folder / f"{number:03d}.wav", samples, 16000)
    long = 0.1 * generator.standard_normal(16000 * 8) * np.repeat([1, 0, 1, 0], 32000)
    soundfile.write(folder / "long.wav", long, 16000)
    options = [
        "--model",
        tiny_checkpoint,
        "--format",
        "json,srt,vtt",
        "--seconds-per-batch",
        "2",
        "--window",
        "4",
    ]
    options += ["--context", "1", "--precision", "float32"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    command = [sys.executable, "-m", "asr", "transcribe", folder, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([*map(str, command), "--output-dir", str(whole)], check=True, env=environment)
    # At a moment of chance, different in every run of the test.
    enough = random.SystemRandom().randrange(1, 150)
    process = subprocess.Popen([*map(str, command), "--output-dir", str(broken)], env=environment)
    deadline = time.monotonic() + 120
    while len(list(broken.rglob("*.json"))) < enough and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (broken / "transcripts.jsonl").exists()
    assert len(list((broken / ".unfinished").rglob("*.json"))) < 201
    # Whatever half-written files the kill left are no outputs.
    for path in broken.rglob(".*.part"):
        path.unlink()
    subprocess.run([*map(str, command), "--output-dir", str(broken), "--resume"], check=True, env=environment)
    assert tree(broken) == tree(whole)
    assert len(tree(whole)) == 201 * 3 + 1


def test_a_line_a_turn_goes_to_stdout_and_the_manifest_has_each_channel(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    path = tmp_path / "call.wav"
    soundfile.write(path, 0.1 * generator.standard_normal((32000, 2)), 16000)
    words = [path, "--model", tiny_checkpoint, "--channels", "separate"]
    assert transcribe(*words) == 0
    alone = capsys.readouterr().out
    assert {line.split(": ")[0] for line in alone.splitlines()} == {"Channel 1", "Channel 2"}
    assert transcribe(shutil.copy(path, tmp_path / "again.wav"), *words[1:]) == 0
    assert capsys.readouterr().out == alone
    assert transcribe(path, tmp_path / "again.wav", *words[1:]) == 0
    both = capsys.readouterr().out
    assert both == "".join(
        f"{tmp_path / name}\t{line}\n" for name in ("call.wav", "again.wav") for line in alone.splitlines()
    )
    assert transcribe(*words, "--output-dir", tmp_path / "out", "--resume") == 0
    written = tree(tmp_path / "out")
    assert written["call.txt"].decode() == alone
    assert transcribe(*words, "--output-dir", tmp_path / "out", "--resume") == 0
    assert "1 of 1 recordings are finished already" in capsys.readouterr().err
    assert tree(tmp_path / "out") == written
    [line] = written["transcripts.jsonl"].decode().splitlines()
    texts = json.loads(line)["channels"]
    assert set(texts) == {"0", "1"}
    assert sorted(" ".join(texts.values()).split()) == sorted(json.loads(line)["text"].split())
