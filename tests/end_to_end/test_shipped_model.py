"""The English model in the package: it is there, it is small, it says whose it is, and it hears."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import asr
from asr.cli import main
from asr.cli.model_options import model_file
from asr.data.corpora import find
from asr.data.corpora.preparation import prepare
from asr.data.manifest import read_manifest
from asr.errors import CheckpointError
from asr.evaluation.scoring import score
from asr.model.pretrained import FOLDER, default_model
from synthesis import Synthesizer, Voice

LIMIT = 25e6  # bytes, of the network, and of each file that it is decoded with


def test_its_files_are_complete_and_small() -> None:
    assert default_model() == FOLDER / "english.pt"
    sizes = {
        suffix: (FOLDER / f"english{suffix}").stat().st_size
        for suffix in (".pt", ".cpu.onnx", ".lm", ".rnn", ".phones")
    }
    assert min(sizes.values()) > 1e6
    assert max(sizes.values()) <= LIMIT
    assert sum(sizes.values()) <= 70e6
    assert (FOLDER / "english.tagger").stat().st_size <= 6e6


def test_info_tells_its_name_and_its_licences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "info", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["notes"]["name"] == "asr-english"
    assert record["decoding"]["lexicon"] == "lm"
    assert Path(record["decoding"]["pronunciations"]).samefile(FOLDER / "english.phones")
    assert Path(record["decoding"]["recurrent_lm"]).samefile(FOLDER / "english.rnn")
    for notice in ("Apache-2.0", "CC BY 4.0", "Copyright (c) 1991-2005 Carnegie Mellon University"):
        assert notice in record["model_card"]


def test_it_hears_words(corpora_dir: Path, tmp_path: Path) -> None:
    """Far better than chance on speakers that it never heard, and better than PocketSphinx 5 (44.5 % of all 130), by letters and phones."""
    archive = corpora_dir / "an4_sphere.tar.gz"
    if not archive.exists():
        pytest.skip(f"no {archive}")
    prepare(find("an4"), archive, tmp_path)
    utterances = read_manifest(tmp_path / "test.jsonl")[::8]
    recogniser = asr.load()
    heard = {
        outcome.recording.name: outcome.hypothesis for outcome in recogniser.transcribe_utterances(utterances)
    }
    pairs = []
    for utterance in utterances:
        hypothesis = heard[utterance.id]
        assert hypothesis is not None
        assert utterance.text is not None
        pairs.append((utterance.id, utterance.text, hypothesis.text))
    assert score(pairs).wer < 0.15


@pytest.mark.parametrize(
    "text",
    [
        "Hello, I am calling because my card does not work anymore. What should I do?",
        "Where do you live? I live in London with my mother and my father.",
        "He did not say a word. He took his hat and went out.",
        "I paid $25 for it on Monday, didn't I?",
    ],
)
def test_it_writes_sentences(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = text.replace("$25", "twenty five dollars")
    monkeypatch.setattr(
        "sys.stdin", io.StringIO("".join(letter for letter in bare if letter not in ".,?").upper())
    )
    assert main(["punctuation", "apply", "english"]) == 0
    assert capsys.readouterr().out == text + "\n"


def test_it_is_readable_unless_asked_otherwise(corpora_dir: Path, tmp_path: Path) -> None:
    archive = corpora_dir / "an4_sphere.tar.gz"
    if not archive.exists():
        pytest.skip(f"no {archive}")
    prepare(find("an4"), archive, tmp_path)
    audio = str(read_manifest(tmp_path / "test.jsonl")[0].audio)
    out = {}
    for kind in ("readable", "verbatim"):
        assert (
            main(
                [
                    "transcribe",
                    audio,
                    "--text",
                    kind,
                    "--output-dir",
                    str(tmp_path / kind),
                    "--format",
                    "json",
                ]
            )
            == 0
        )
        [path] = (tmp_path / kind).glob("*.json")
        out[kind] = json.loads(path.read_text())
    words = [word for segment in out["readable"]["segments"] for word in segment["words"]]
    assert [spoken["text"] for word in words for spoken in word["spoken"]] == out["verbatim"]["text"].split()
    assert out["readable"]["verbatim"] == out["verbatim"]["text"]
    assert out["readable"]["text"][-1] in ".?!"
    assert main(["transcribe", audio, "--output-dir", str(tmp_path / "default"), "--format", "json"]) == 0
    [path] = (tmp_path / "default").glob("*.json")
    assert json.loads(path.read_text()) == out["readable"]


def test_out_of_many_voices_far_away_it_makes_no_words() -> None:
    """Eight of them at once in a hall; each by itself is understood."""
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader: pip install -e '.[dev]'")
    synthesizer, recogniser = Synthesizer(), asr.load()
    text = "the old man went down to the river and looked at the water with his brother and the children of the village"
    words = text.split()
    voices = [
        synthesizer.speak(
            " ".join(words[number:] + words[:number]), Voice(f"en-us+{name}", rate=150, pitch=30 + 5 * number)
        )
        for number, name in enumerate(("m1", "f1", "m2", "f2", "m3", "f3", "m4", "f4"))
    ]
    assert all(len(recogniser.transcribe(voice).words) > 5 for voice in voices[:2])
    length = min(map(len, voices))
    decay = 10 ** (-3 * np.arange(12800) / 12800)
    hall = np.random.default_rng(0).standard_normal(12800) * decay
    babble = np.convolve(np.sum([voice[:length] for voice in voices], axis=0), hall)[:length]
    babble = (babble * 10 ** (-35 / 20) / np.abs(babble).max()).astype(np.float32)
    assert not recogniser.transcribe(babble).words
    always = recogniser.with_options(replace(recogniser.options, certainty_threshold=0.0))
    assert always.transcribe(babble).words


def test_it_has_a_name(tmp_path: Path) -> None:
    assert asr.load("english").source == asr.load().source == model_file("english") == default_model()
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    with pytest.raises(CheckpointError, match=r"a folder without checkpoints/best\.pt"):
        model_file(str(tmp_path / "run"))
