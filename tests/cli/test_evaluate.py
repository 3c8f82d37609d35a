"""`asr evaluate` with a small untrained model: the report holds pictures, speed and noise."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asr.cli import main
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.transcription.loading import load


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a checkpoint and a manifest of three utterances."""
    torch.manual_seed(0)
    config = AcousticModelConfig(encoder=EncoderConfig(layers=1, hidden_size=16, channels=4))
    tokenizer = CharacterTokenizer([BLANK_SYMBOL, " ", *"ABC"])
    model = AcousticModel(config, vocabulary_size=len(tokenizer)).eval()
    # Untrained networks say blank; this one shall say something.
    with torch.no_grad():
        model.head.bias[0] -= 1.0
    save_checkpoint(tmp_path / "model.pt", Checkpoint(model, tokenizer))
    generator = np.random.default_rng(0)
    lines = []
    for number, text in enumerate(["A B", "CAB A", ""]):
        envelope = np.repeat(generator.random(20) > 0.4, 800)
        soundfile.write(tmp_path / f"{number}.wav", generator.normal(0, 0.01 + 0.2 * envelope), 16000)
        lines.append(
            {"id": f"u{number}", "audio": f"{number}.wav", "duration": 1.0, "text": text, "speaker": f"s{number}",
             "accent": ["north", "south", "south"][number]}
        )  # fmt: skip
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_report_holds_pictures_speed_noise_and_the_manifests_fields(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(place / "test.jsonl"), "--model", str(place / "model.pt"), "--device", "cpu"]
    assert main([*arguments, "--out", str(place / "out"), "--audio", "embed"]) == 0
    assert capsys.readouterr().out.startswith("measure (normaliser)")
    assert {path.name for path in (place / "out").iterdir()} == {
        "hypotheses.jsonl", "report.html", "report.json", "report.md", "utterances.tsv", "ref.trn", "hyp.trn",
    }  # fmt: skip
    values = json.loads((place / "out" / "report.json").read_text("utf-8"))
    names = {breakdown["name"] for breakdown in values["breakdowns"]}
    assert {"speaker", "accent", "signal-to-noise ratio, dB"} <= names
    assert "times real time" in values["settings"]["real-time factor"]
    assert "greedy" in values["settings"]["decoding"]
    page = (place / "out" / "report.html").read_text("utf-8")
    assert page.count('"data:image/png;base64,') == len(values["worst"]) > 0
    assert page.count('"data:audio/flac;base64,') == 3


def test_a_long_recording_has_one_text_whatever_transcribes_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beyond a window, it is cut at pauses by every verb and in Python alike."""
    generator = np.random.default_rng(1)
    envelope = np.repeat(generator.random(50) > 0.4, 16000)
    soundfile.write(place / "long.wav", generator.normal(0, 0.001 + 0.2 * envelope), 16000)
    line = {"id": "long", "audio": "long.wav", "duration": 50.0, "text": "A B"}
    (place / "long.jsonl").write_text(json.dumps(line) + "\n")
    words = ["--model", str(place / "model.pt"), "--device", "cpu", "--precision", "float32"]
    assert main(["transcribe", str(place / "long.wav"), *words]) == 0
    transcribed = capsys.readouterr().out.strip()
    assert main(["evaluate", str(place / "long.jsonl"), *words, "--out", str(place / "out")]) == 0
    evaluated = json.loads((place / "out" / "hypotheses.jsonl").read_text())
    recogniser = load(place / "model.pt", device="cpu", precision="float32")
    samples, _ = soundfile.read(place / "long.wav", dtype="float32")
    hypothesis = recogniser.transcribe(place / "long.wav")
    assert transcribed
    assert transcribed == evaluated["text"] == hypothesis.text == recogniser.transcribe(samples).text
    assert recogniser.tokenizer.decode(hypothesis.tokens).split() == transcribed.split()
    assert evaluated["score"] == pytest.approx(hypothesis.score)
    assert transcribed != recogniser.recognise([samples])[0].text


def test_hypotheses_score_to_the_same_numbers(place: Path) -> None:
    arguments = ["evaluate", str(place / "test.jsonl"), "--model", str(place / "model.pt"), "--device", "cpu"]
    assert main([*arguments, "--out", str(place / "one")]) == 0
    hypotheses = str(place / "one" / "hypotheses.jsonl")
    assert main(["score", str(place / "test.jsonl"), hypotheses, "--out", str(place / "two")]) == 0
    one, two = (json.loads((place / name / "report.json").read_text("utf-8")) for name in ("one", "two"))
    assert one["result"] == two["result"]
    assert one["calibration"] == two["calibration"]


def test_an_unreadable_file_is_named_left_out_and_makes_the_exit_1(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "1.wav").write_bytes(b"no audio")
    arguments = ["evaluate", str(place / "test.jsonl"), "--model", str(place / "model.pt"), "--device", "cpu"]
    assert main([*arguments, "--out", str(place / "out")]) == 1
    printed = capsys.readouterr()
    assert "utt u1" in printed.err
    assert "1 of 3 utterances failed" in printed.err
    values = json.loads((place / "out" / "report.json").read_text("utf-8"))
    assert values["utterances"] == 2
    assert values["settings"]["failed utterances"] == "u1"


def test_fail_above_and_empty_transcripts_exit_1(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(place / "model.pt"), "--device", "cpu", "--out", str(place / "out")]
    assert main(["evaluate", str(place / "test.jsonl"), *arguments, "--fail-above", "0"]) == 1
    assert "is above 0 %" in capsys.readouterr().err
    lines = (place / "test.jsonl").read_text().splitlines()
    (place / "empty.jsonl").write_text(lines[2] + "\n")
    assert main(["evaluate", str(place / "empty.jsonl"), *arguments]) == 1
    assert "all transcripts are empty" in capsys.readouterr().err


def test_corrupted_sound_is_what_is_evaluated_and_kept(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(place / "test.jsonl"), "--model", str(place / "model.pt"), "--device", "cpu"]
    assert main([*arguments, "--out", str(place / "out"), "--corrupt", "noise=babble,snr=0"]) == 0
    assert len(list((place / "out" / "corrupted").glob("*.flac"))) == 3
    values = json.loads((place / "out" / "report.json").read_text("utf-8"))
    assert values["settings"]["corrupted"] == "noise=babble,snr=0"
    assert values["title"] == "test noise=babble,snr=0: word error rate"
    assert main([*arguments, "--out", str(place / "none"), "--corrupt", "noise=loud"]) == 2
    assert "--corrupt noise=loud" in capsys.readouterr().err
    assert not (place / "none").exists()


def test_channels_are_scored_by_themselves(place: Path) -> None:
    one, two = (soundfile.read(place / f"{number}.wav")[0] for number in (0, 1))
    soundfile.write(place / "call.wav", np.stack([one, two], axis=1), 16000)
    for name, facts in {
        "alone": [{"audio": "0.wav"}, {"audio": "1.wav"}],
        "call": [{"audio": "call.wav", "channel": 0}, {"audio": "call.wav", "channel": 1}],
    }.items():
        lines = [
            {"id": f"u{number}", "duration": 1.0, "text": "A B", **fact} for number, fact in enumerate(facts)
        ]
        (place / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        arguments = ["evaluate", place / f"{name}.jsonl", "--model", place / "model.pt", "--device", "cpu"]
        assert main([*map(str, arguments), "--channels", "mix", "--out", str(place / name)]) == 0
    assert (place / "alone" / "hypotheses.jsonl").read_text() == (
        place / "call" / "hypotheses.jsonl"
    ).read_text()
    breakdowns = json.loads((place / "call" / "report.json").read_text())["breakdowns"]
    [channels] = [one["groups"] for one in breakdowns if one["name"] == "channel"]
    assert [(group["name"], group["utterances"]) for group in channels] == [("1", 1), ("2", 1)]
    assert all(
        one["name"] != "channel"
        for one in json.loads((place / "alone" / "report.json").read_text())["breakdowns"]
    )
