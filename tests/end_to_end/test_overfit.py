"""A tiny model learns a few spoken words by heart, through the real command line, to 0 % WER."""

import csv
import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from asr.cli import main

pytest.importorskip("espeakng_loader", reason="espeakng-loader speaks the words of this test")

WORDS = ["YES", "NO", "STOP", "GO BACK", "PLAY MUSIC", "SEVEN NINE", "TURN ON THE LIGHT", "HELP"]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from synthesis import Synthesizer, Voice

    folder = tmp_path_factory.mktemp("spoken")
    synthesizer = Synthesizer()
    for number, words in enumerate(WORDS):
        speech = synthesizer.speak(words.lower(), Voice("en-us+m3", rate=150))
        soundfile.write(folder / f"u{number}.flac", speech, 16000)
        (folder / f"u{number}.txt").write_text(words)
    return folder


def write_config(folder: Path, epochs: int) -> Path:
    config = folder / "tiny.yaml"
    config.write_text(
        f"""
data: {{train: {folder}/all.jsonl, dev: {folder}/all.jsonl, workers: 0, utterances_per_batch: 4,
        augmentation: {{speeds: [1.0]}}}}
features: {{n_mels: 40}}
spec_augment: {{frequency_masks: 0, time_masks: 0}}
model: {{layers: 1, hidden_size: 64, subsampling: 2, channels: 4, dropout: 0.0}}
optimizer: {{kind: muon, learning_rate: 0.02}}
training: {{epochs: {epochs}, ema_decay: 0.9, precision: float32}}
"""
    )
    return config


def test_training_by_heart_reaches_zero_errors(
    spoken: Path,
    tmp_path: Path,
    run_asr: Callable[..., "subprocess.CompletedProcess[str]"],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one process, but for one command and one call of the package, which have theirs as users have."""

    def asr(*words: object) -> str:
        capsys.readouterr()
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    asr("prepare", "folder", spoken, tmp_path)
    config = write_config(tmp_path, epochs=40)
    asr("validate", tmp_path / "all.jsonl", "--config", config)
    best = asr("train", "--config", config, "--run-dir", tmp_path / "run").strip()
    assert best == str(tmp_path / "run" / "checkpoints" / "best.pt")

    printed = asr("evaluate", tmp_path / "all.jsonl", "--model", best, "--out", tmp_path / "report")
    assert "0.00 %" in printed
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["wer"] == 0.0
    assert (tmp_path / "report" / "report.html").stat().st_size > 1000

    assert run_asr("transcribe", spoken / "u6.flac", "--model", best).stdout.strip() == WORDS[6]
    record = json.loads(
        asr("transcribe", spoken / "u6.flac", "--model", best, "--json", "--decoding", "beam")
    )
    assert record["text"] == WORDS[6]
    words = record["words"]
    assert [word["text"] for word in words] == WORDS[6].split()
    assert all(word["start"] < word["end"] for word in words)
    assert all(one["end"] <= other["start"] for one, other in itertools.pairwise(words))
    assert words[-1]["end"] <= soundfile.info(spoken / "u6.flac").duration

    code = f"import asr; print(asr.load({best!r}).transcribe({str(spoken / 'u5.flac')!r}).text)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == WORDS[5]


@pytest.mark.once
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_run_stopped_by_a_signal_goes_on_with_resume(
    sent: signal.Signals,
    spoken: Path,
    tmp_path: Path,
) -> None:
    assert main(["prepare", "folder", str(spoken), str(tmp_path)]) == 0
    config = write_config(tmp_path, epochs=6)
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "asr", "train", "--config", config, "--run-dir", run],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list((run / "checkpoints").glob("state-*.ckpt")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(sent)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode != 0
    if sent != signal.SIGKILL:
        assert f"asr: stopped by a signal; `asr train --resume {run}`" in complaints
        assert "Traceback" not in complaints
    assert main(["train", "--resume", str(run)]) == 0
    rows = list(csv.DictReader((run / "metrics.csv").open()))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 7))
    assert len(json.loads((run / "run.json").read_text())) == 2
