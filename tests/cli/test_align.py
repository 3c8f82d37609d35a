"""`asr align`: formats, long recordings, mistakes."""

import json

import numpy as np
import pytest
import soundfile

from asr.cli import main
from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.alignment_formats import as_ctm, as_json, as_textgrid
from asr.decoding.hypothesis import AlignedWord, Character
from asr.transcription.transcriber import load
from asr.transcription.windows import Windowing, emit_file

WORDS = [
    AlignedWord("AB", 0.04, 0.2, 0.9, (Character("A", 0.04, 0.08), Character("B", 0.12, 0.2))),
    AlignedWord('C"', 0.2, 0.36, 0.5, (Character("C", 0.2, 0.28), Character('"', 0.28, 0.36))),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small model with random weights."""
    import torch

    from asr.model.acoustic import AcousticModel, AcousticModelConfig
    from asr.model.checkpoint import Checkpoint, save_checkpoint
    from asr.model.encoder import EncoderConfig
    from asr.model.features import FeaturesConfig
    from asr.model.spec_augment import SpecAugmentConfig

    torch.manual_seed(0)
    tokenizer = CharacterTokenizer(["<blank>", *" ABC"])
    config = AcousticModelConfig(
        FeaturesConfig(), SpecAugmentConfig(), EncoderConfig(layers=1, hidden_size=8)
    )
    path = tmp_path_factory.mktemp("model") / "best.pt"
    save_checkpoint(path, Checkpoint(AcousticModel(config, vocabulary_size=len(tokenizer)).eval(), tokenizer))
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Noise of ten seconds, and what is said in it."""
    waveform = np.random.default_rng(0).normal(size=160_000).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "speech.wav", waveform, 16_000)
    (tmp_path / "speech.txt").write_text("AB C\nABBA\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_ctm_has_a_line_a_word():
    assert as_ctm(WORDS, name="my file", duration=0.5) == (
        'my_file 1 0.040 0.160 AB 0.9000\nmy_file 1 0.200 0.160 C" 0.5000\n'
    )


def test_json_holds_words_and_characters():
    record = json.loads(as_json(WORDS, name="f", duration=0.5))
    assert (record["file"], record["duration"]) == ("f", 0.5)
    assert record["words"][0]["characters"][1] == {"text": "B", "start": 0.12, "end": 0.2}
    assert [word["text"] for word in record["words"]] == ["AB", 'C"']


@pytest.mark.parametrize(("duration", "end"), [(0.5, 0.5), (0.35, 0.36)])
def test_textgrid_intervals_touch_and_cover_the_file(duration, end):
    lines = as_textgrid(WORDS, name="f", duration=duration).splitlines()
    assert lines[0] == 'File type = "ooTextFile"'
    words, characters = "\n".join(lines).split("class = ")[2:]
    assert 'text = "C"""' in words
    for tier in (words, characters):
        starts = [
            float(line.split("=")[1]) for line in tier.splitlines() if line.startswith(" " * 12 + "xmin")
        ]
        ends = [float(line.split("=")[1]) for line in tier.splitlines() if line.startswith(" " * 12 + "xmax")]
        assert starts == [0.0, *ends[:-1]]
        assert ends[-1] == end
        assert f"intervals: size = {len(starts)}" in tier


def test_align_prints_every_word_of_the_transcript_in_order(folder, checkpoint, capsys):
    assert main(["align", "speech.wav", "speech.txt", "--model", str(checkpoint)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [word["text"] for word in record["words"]] == ["AB", "C", "ABBA"]
    times = [time for word in record["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert record["duration"] == 10.0
    arguments = ["--format", "ctm", "--out", "a/speech.ctm"]
    assert main(["align", "speech.wav", "speech.txt", "--model", str(checkpoint), *arguments]) == 0
    assert capsys.readouterr().out == ""
    assert len((folder / "a" / "speech.ctm").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AXB", "speech.txt: character 'X'"),
        ("  \n", "speech.txt: no text in it"),
        ("A" * 500, r"speech.wav: 500 tokens need 999 frames; got"),
    ],
)
def test_transcripts_that_cannot_be_aligned_are_named(folder, checkpoint, capsys, text, message):
    (folder / "speech.txt").write_text(text)
    assert main(["align", "speech.wav", "speech.txt", "--model", str(checkpoint)]) == 1
    assert message in capsys.readouterr().err


def test_a_recording_shorter_than_a_frame_is_refused(folder, checkpoint, capsys):
    soundfile.write(folder / "click.wav", np.zeros(100, np.float32), 16_000)
    assert main(["align", "click.wav", "speech.txt", "--model", str(checkpoint)]) == 1
    assert "click.wav: 0.006 s; expected at least" in capsys.readouterr().err


@pytest.mark.parametrize("window", [1.0, 2.5, 3.0])
def test_windows_give_the_frames_of_the_whole(folder, checkpoint, window):
    transcriber = load(checkpoint, device="cpu", precision="float32")
    whole, _ = emit_file(transcriber, folder / "speech.wav")
    pieces, _ = emit_file(transcriber, folder / "speech.wav", windowing=Windowing(window, 0.5))
    assert pieces.shape == whole.shape
    # The features' mean is each window's own, so the values are near, not the same.
    assert np.abs(np.exp(pieces) - np.exp(whole)).max() < 0.1
