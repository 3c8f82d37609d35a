"""What users get wrong: one clear line on stderr, exit 1 or 2, no traceback, nothing half-written."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.cli import main


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command line, expect the exit code, return its one line of complaint."""

    def run(code: int, *words: object) -> str:
        capsys.readouterr()
        assert main([str(word) for word in words]) == code
        captured = capsys.readouterr()
        lines = captured.err.strip().splitlines()
        assert "Traceback" not in captured.err
        assert len(lines) == 1, captured.err
        assert lines[0].startswith("asr: ")
        return lines[0]

    return run


Fails = Callable[..., str]


def test_audio_that_is_none(fails: Fails, tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not audio\n" * 100)
    (tmp_path / "zero.wav").touch()
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "one.wav", np.zeros(1), 16000)
    nan = np.full(1600, np.nan, np.float32)
    soundfile.write(tmp_path / "nan.wav", nan, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "cut.flac", np.random.default_rng(0).uniform(-1, 1, 16000), 16000)
    cut = (tmp_path / "cut.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(cut[: len(cut) // 2])
    for name, complaint in [
        ("missing.wav", "no such audio file"),
        ("text.wav", "not audio that libsndfile reads"),
        ("zero.wav", "0 bytes"),
        ("none.wav", "no samples"),
        ("one.wav", "1 samples at 16000 Hz; expected at least 400"),
        ("nan.wav", "sample 0 is NaN"),
        ("cut.flac", "broken FLAC"),
    ]:
        line = fails(1, "transcribe", tmp_path / name, "--model", tiny_checkpoint)
        assert complaint in line
        assert name in line


def test_one_bad_file_does_not_stop_the_others(
    tiny_checkpoint: Path, tone: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        tone("a.wav"),
        tone().parent / "missing.wav",
        tone("b.wav"),
        "--model",
        tiny_checkpoint,
        "--json",
    ]
    assert main(["transcribe", *map(str, words)]) == 1
    captured = capsys.readouterr()
    assert [Path(json.loads(line)["file"]).name for line in captured.out.splitlines()] == ["a.wav", "b.wav"]
    assert "missing.wav: no such audio file" in captured.err
    assert "1 of 3 files failed" in captured.err


def test_checkpoints_that_are_none(fails: Fails, tone: Callable[..., Path], tmp_path: Path) -> None:
    import pickle

    import torch

    from asr.model.checkpoint import TRAINING_STATE

    (tmp_path / "text.pt").write_text("not a checkpoint")
    (tmp_path / "empty.pt").touch()
    (tmp_path / "config.yaml").write_text("model:\n  hidden_size: 8\n")
    (tmp_path / "page.pt").write_text("<!DOCTYPE html>\n<html></html>\n")
    (tmp_path / "pointer.pt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (tmp_path / "noise.pt").write_bytes(np.random.default_rng(0).bytes(4000).replace(b"PK", b"xx"))
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"a": [1, 2]}))
    (tmp_path / "graph.pt").write_bytes(b"\x08\x09\x12\x07pytorch" + bytes(100))
    torch.save({"weights": {}}, tmp_path / "other.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    torch.save({"a": 1}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.save({"x": torch.zeros(1000)}, tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[:3000])
    (tmp_path / "changed.pt").write_bytes(whole.replace(bytes(1000), bytes(999) + b"x", 1))
    with zipfile.ZipFile(tmp_path / "zip.pt", "w") as archive:
        archive.writestr("readme.txt", "x")
    torch.save({"format": "asr-model", "version": 99}, tmp_path / "newer.pt")
    torch.save({"format": "asr-model", "version": 1}, tmp_path / "part.pt")
    torch.save({"pytorch-lightning_version": "2", TRAINING_STATE: {}}, tmp_path / "state.ckpt")
    torch.save({"pytorch-lightning_version": "2", "state_dict": {}}, tmp_path / "foreign.ckpt")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints" / "best.pt").touch()
    (tmp_path / "none").mkdir()
    torch.save(
        {"format": "asr-model", "version": 1, "config": {"encoder": {"hiden_size": 3}}}, tmp_path / "odd.pt"
    )
    for name, complaint in [
        ("none/missing.pt", "no such checkpoint; `asr train` writes"),
        ("missing.pt", "no such checkpoint; there is "),
        ("text.pt", "a text file that begins with 'not a checkpoint'; expected a checkpoint of `asr train`"),
        ("empty.pt", "an empty file (0 bytes); expected a checkpoint"),
        ("config.yaml", "config.yaml: a YAML file; expected a checkpoint"),
        ("page.pt", "an HTML or XML page, perhaps of a download that failed"),
        ("pointer.pt", "git lfs pull"),
        ("noise.pt", "binary data of no kind known here (4,000 bytes)"),
        ("other.pkl", "a pickle of another program"),
        ("graph.pt", "an ONNX file, which is taken for one only by a name that ends in .onnx"),
        ("other.pt", "a PyTorch file of another program (its keys: 'weights'); expected a checkpoint"),
        (
            "module.pt",
            "a PyTorch file that holds objects of another program (torch.nn.modules.linear.Linear)",
        ),
        ("tensor.pt", "a PyTorch file that holds a Tensor of another program"),
        ("old.pt", "a file of PyTorch before 1.6"),
        ("cut.pt", "a zip file that is cut short or damaged (3,000 bytes)"),
        ("changed.pt", "a damaged zip file"),
        ("zip.pt", "a zip archive of other files (readme.txt)"),
        ("part.pt", "does not fit together: it lacks 'config'"),
        ("foreign.ckpt", "a Lightning checkpoint of another program"),
        ("run", f"{tmp_path / 'run' / 'checkpoints' / 'best.pt'}: an empty file (0 bytes)"),
        ("run/best.pt", "there is " + str(tmp_path / "run" / "checkpoints" / "best.pt")),
        ("none", "is a folder without checkpoints/best.pt"),
        ("newer.pt", "reads up to 3; install a newer asr"),
        ("state.ckpt", "take best.pt or last.pt beside it"),
        ("odd.pt", "unknown key 'encoder.hiden_size'; did you mean 'encoder.hidden_size'?"),
        (".", "is a folder"),
    ]:
        line = fails(1, "transcribe", tone(), "--model", tmp_path / name)
        assert complaint in line, name
        assert "weights_only" not in line


def test_a_checkpoint_cannot_run_code(fails: Fails, tone: Callable[..., Path], tmp_path: Path) -> None:
    import pickle

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'pwned')!r}, 'w')",))

    (tmp_path / "bomb.pt").write_bytes(pickle.dumps(Bomb()))
    fails(1, "transcribe", tone(), "--model", tmp_path / "bomb.pt")
    assert not (tmp_path / "pwned").exists()


CONFIG = """
data:
  train: {folder}/train.jsonl
  dev: {folder}/dev.jsonl
model:
  hidden_size: 8
"""


@pytest.fixture
def config(tone_experiment: object, tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


def test_unknown_keys_name_the_nearest(fails: Fails, config: Path, tmp_path: Path) -> None:
    config.write_text(
        config.read_text(encoding="utf-8").replace("hidden_size", "hiden_size"), encoding="utf-8"
    )
    line = fails(2, "train", "--config", config, "--run-dir", tmp_path / "run")
    assert "config.yaml: unknown key 'model.hiden_size'; did you mean 'model.hidden_size'?" in line
    assert not (tmp_path / "run").exists()


def test_unknown_options_name_the_nearest(fails: Fails, config: Path, tmp_path: Path) -> None:
    words = ["train", "--config", config, "--run-dir", tmp_path / "run"]
    line = fails(2, *words, "--model.hiden_size", 9)
    assert "unknown option '--model.hiden_size'; did you mean 'model.hidden_size'?" in line
    assert fails(2, *words, "--zzz", 9).endswith(
        "known groups are data, tokenizer, features, "
        "spec_augment, model, heads, objective, optimizer, training, dev_decoding"
    )
    assert "Expected a <class 'int'>. Got value: wide" in fails(2, *words, "--model.hidden_size", "wide")
    assert "did you mean 'train'?" in fails(2, "trian")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[1, 2]", "expected keys and values"),
        ("data: [", "not YAML"),
        ("model: 5", "model: got 5; expected keys and values"),
        ("model: {}", "data.train"),
    ],
)
def test_configs_that_are_none(fails: Fails, tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "c.yaml").write_text(content)
    assert complaint in fails(2, "train", "--config", tmp_path / "c.yaml")
    assert "No such file" in fails(2, "train", "--config", tmp_path / "none.yaml")
    assert "give --config" in fails(2, "train")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("oops", "train.jsonl:1: not JSON"),
        ("", "empty manifest"),
        ('{"id": "u", "audio": "tones/u0.wav", "duration": 0.5, "text": ""}', "utt u: empty transcript"),
        ('{"id": "u", "audio": "tones/u0.wav", "duration": 0.5}', "utt u: no transcript"),
    ],
)
def test_manifests_that_cannot_be_trained_on(
    fails: Fails, config: Path, tmp_path: Path, line: str, complaint: str
) -> None:
    (tmp_path / "train.jsonl").write_text(line + "\n")
    got = fails(1, "train", "--config", config, "--run-dir", tmp_path / "run", "--tokenizer.alphabet", "AB")
    assert complaint in got
    assert not (tmp_path / "run").exists()


def test_a_character_outside_the_alphabet_is_named(fails: Fails, config: Path, tmp_path: Path) -> None:
    line = fails(1, "train", "--config", config, "--run-dir", tmp_path / "run", "--tokenizer.alphabet", "A")
    assert (
        "train.jsonl: utt u1: character 'B' (U+0042) at position 1 of 'B' is not in the alphabet 'A'" in line
    )


def test_a_full_disk_during_training_is_one_line(
    fails: Fails, config: Path, tmp_path: Path, run_asr: Callable[..., object]
) -> None:
    """A real limit of the operating system: no file may grow past 100 kB."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = run_asr(
        "train",
        "--config",
        config,
        "--run-dir",
        tmp_path / "run",
        "--model.hidden_size",
        64,
        "--training.epochs",
        1,
        "--data.workers",
        0,
        preexec_fn=limit,
    )
    assert done.returncode == 1  # type: ignore[attr-defined]
    complaints = [line for line in done.stderr.splitlines() if line.startswith("asr: ")]  # type: ignore[attr-defined]
    assert len(complaints) == 1
    assert "last.pt: cannot write: File too large; free space or choose another place" in complaints[0]
    assert "Traceback" not in done.stderr  # type: ignore[attr-defined]
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


def test_evaluating_what_has_no_transcripts(
    fails: Fails, tiny_checkpoint: Path, tone: Callable[..., Path], tmp_path: Path
) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(json.dumps({"id": "u", "audio": str(tone()), "duration": 1.0}) + "\n")
    line = fails(1, "evaluate", manifest, "--model", tiny_checkpoint, "--out", tmp_path / "out")
    assert "m.jsonl (utt u): no transcript" in line
    assert not (tmp_path / "out").exists()


def test_preparing_from_nothing(fails: Fails, tmp_path: Path) -> None:
    assert "no corpus 'an5'; did you mean 'an4'?" in fails(2, "prepare", "an5", tmp_path, tmp_path / "out")
    assert "no such folder or archive" in fails(1, "prepare", "an4", tmp_path / "none", tmp_path / "out")
    (tmp_path / "bad.tar.gz").write_bytes(b"\x1f\x8b broken")
    assert "not an archive, or a broken one" in fails(
        1, "prepare", "an4", tmp_path / "bad.tar.gz", tmp_path / "out"
    )
    assert "expected the corpus as its publisher" in fails(1, "prepare", "an4", tmp_path, tmp_path / "out")
    assert "expected asr prepare an4 SOURCE OUT" in fails(2, "prepare", "an4", tmp_path)
    assert not list((tmp_path / "out").glob("*.jsonl"))


def test_a_device_that_is_not_there(fails: Fails, tiny_checkpoint: Path, tone: Callable[..., Path]) -> None:
    for device in ("tpu-of-dreams", "cuda:99"):
        line = fails(2, "transcribe", tone(), "--model", tiny_checkpoint, "--device", device)
        assert f"device '{device}' cannot be used here" in line


def test_usage_is_exit_2(run_asr: Callable[..., object]) -> None:
    for words in (["transcribe"], ["transcribe", "a.wav", "--model", "m.pt", "--no-such-option"], []):
        done = run_asr(*words)
        assert done.returncode == 2  # type: ignore[attr-defined]
        assert "Traceback" not in done.stderr  # type: ignore[attr-defined]
