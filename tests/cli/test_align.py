"""`asr align`: one recording, a corpus, mistakes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.alignment.corpus import read_stretches
from asr.cli import main
from asr.data.manifest import Utterance, write_manifest
from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.emission import join
from asr.errors import TranscriptError
from asr.transcription.formats.tiers import Tier, short_textgrid, textgrid
from asr.transcription.loading import load
from asr.transcription.windows import Windowing, emit_blocks


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


def words_of(record):
    return [word for segment in record["segments"] for word in segment["words"]]


def test_align_prints_every_word_of_the_text_in_order(folder, checkpoint, capsys):
    command = ["align", "speech.wav", "speech.txt", "--believe-text", "--model", str(checkpoint)]
    assert main(command) == 0
    record = json.loads(capsys.readouterr().out)
    words = words_of(record)
    assert [word["text"] for word in words] == ["AB", "C", "ABBA"]
    assert "".join(unit["text"] for word in words for unit in word["characters"]) == "ABCABBA"
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert record["duration"] == 10.0
    assert main([*command, "--format", "ctm", "--out", "a/speech.ctm"]) == 0
    assert capsys.readouterr().out == ""
    assert len((folder / "a" / "speech.ctm").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AXB", "speech.txt: words that the model cannot spell"),
        ("  \n", "speech.txt: no words in the text"),
        ("A" * 500, r"speech.wav: 1 words do not fit into"),
    ],
)
def test_texts_that_cannot_be_aligned_are_named(folder, checkpoint, capsys, text, message):
    (folder / "speech.txt").write_text(text)
    assert main(["align", "speech.wav", "speech.txt", "--believe-text", "--model", str(checkpoint)]) == 1
    assert message in capsys.readouterr().err


def test_a_recording_shorter_than_a_frame_is_refused(folder, checkpoint, capsys):
    soundfile.write(folder / "click.wav", np.zeros(100, np.float32), 16_000)
    assert main(["align", "click.wav", "speech.txt", "--model", str(checkpoint)]) == 1
    assert "click.wav: 0.006 s; expected at least" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["speech.wav"], "give the TEXT of a recording, or --output-dir"),
        (["speech.wav", "speech.txt", "--output-dir", "out"], "take --out"),
        (["speech.wav", "speech.txt", "--format", "ctm,json"], "2 formats of one recording"),
        ([".", "--output-dir", "out", "--out", "x"], "--out is for one recording"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(folder, checkpoint, capsys, options, message):
    assert main(["align", *options, "--model", str(checkpoint)]) == 2
    assert message in capsys.readouterr().err


def test_figures_in_another_language_are_another_run(folder, checkpoint, capsys):
    pytest.importorskip("num2words")
    transcriber = load(checkpoint, device="cpu")
    assert transcriber.aligner(language="de").fingerprint() != transcriber.aligner().fingerprint()
    options = ["speech.wav", "speech.txt", "--language", "xx", "--model", str(checkpoint)]
    assert main(["align", *options]) == 2
    assert "figures of language 'xx' are not known" in capsys.readouterr().err


@pytest.mark.parametrize("window", [1.0, 2.5, 3.0])
def test_windows_give_the_frames_of_the_whole(folder, checkpoint, window):
    emitter = load(checkpoint, device="cpu", precision="float32").emitter
    waveform, _ = soundfile.read(folder / "speech.wav", dtype="float32")
    whole = join(list(emit_blocks(emitter, [waveform]))).letters
    pieces = join(list(emit_blocks(emitter, [waveform], windowing=Windowing(window, 0.5)))).letters
    assert pieces.shape == whole.shape
    # The features' mean is each window's own, so the values are near, not the same.
    assert np.abs(np.exp(pieces) - np.exp(whole)).max() < 0.1


@pytest.fixture
def corpus(folder):
    """Three recordings: two with texts of different kinds, one without."""
    (folder / "corpus" / "deep").mkdir(parents=True)
    for name in ("one", "deep/two", "three"):
        (folder / "corpus" / f"{name}.wav").write_bytes((folder / "speech.wav").read_bytes())
    (folder / "corpus" / "one.lab").write_text("AB C")
    tiers = [Tier("anna", [(1.0, 3.0, "AB")]), Tier("ben", [(4.0, 6.5, "C C"), (7.0, 8.0, "BA")])]
    (folder / "corpus" / "deep" / "two.TextGrid").write_text(textgrid(tiers, duration=10.0))
    return folder / "corpus"


def run_corpus(corpus, checkpoint, *options):
    return main(
        ["align", str(corpus), "--output-dir", "out", "--believe-text", "--model", str(checkpoint), *options]
    )


def test_a_folder_is_aligned_and_what_lacks_a_text_is_named(corpus, folder, checkpoint, capsys):
    assert run_corpus(corpus, checkpoint, "--format", "ctm,csv") == 1
    assert "three.wav: no text beside it" in capsys.readouterr().err
    written = {str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file()}
    assert written == {
        "one.ctm", "one.csv", "deep/two.ctm", "deep/two.csv", "transcripts.jsonl", "report.md",
    }  # fmt: skip
    rows = [line.split() for line in Path("out/deep/two.ctm").read_text(encoding="utf-8").splitlines()]
    assert [row[4] for row in rows] == ["AB", "C", "C", "BA"]
    begins = [float(row[2]) for row in rows]
    assert 1.0 <= begins[0] < 3.0
    assert all(4.0 <= begin < 6.5 for begin in begins[1:3])
    assert 7.0 <= begins[3] < 8.0
    report = Path("out/report.md").read_text(encoding="utf-8")
    assert "2 recordings aligned, 1 failed; 6 words" in report
    assert "[deep/two](<deep/two.ctm>)" in report


def test_a_corpus_equals_its_recordings_one_by_one_and_a_run_goes_on(corpus, folder, checkpoint, capsys):
    (corpus / "three.wav").unlink()
    assert run_corpus(corpus, checkpoint, "--format", "ctm") == 0
    one = [str(corpus / "one.wav"), str(corpus / "one.lab")]
    assert main(["align", *one, "--believe-text", "--format", "ctm", "--model", str(checkpoint)]) == 0
    assert capsys.readouterr().out == Path("out/one.ctm").read_text(encoding="utf-8")
    whole = {path: path.read_text() for path in Path("out").rglob("*") if path.is_file()}
    Path("out/deep/two.ctm").unlink()
    Path("out/deep/.two.ctm.ab12cd34.part").write_text(
        "what a killed run had begun to write", encoding="utf-8"
    )
    before = Path("out/one.ctm").stat().st_mtime_ns
    assert run_corpus(corpus, checkpoint, "--format", "ctm", "--resume") == 0
    assert "1 of 2 recordings are finished already" in capsys.readouterr().err
    assert Path("out/one.ctm").stat().st_mtime_ns == before
    assert {path: path.read_text() for path in Path("out").rglob("*") if path.is_file()} == whole


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_files(folder, checkpoint):
    utterances = [
        Utterance(f"u{at}", folder / "speech.wav", 10.0 - at / 100, text="AB C") for at in range(60)
    ]
    write_manifest(folder / "many.jsonl", utterances)
    command = ["align", "many.jsonl", "--format", "json,textgrid", "--model", str(checkpoint), "--output-dir"]
    process = subprocess.Popen([sys.executable, "-m", "asr", *command, "out"], stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(Path("out").glob("*.json"))) < 3:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 3 <= len(list(Path("out").glob("*.json"))) < 60
    assert main([*command, "out", "--resume"]) == main([*command, "whole"]) == 0
    done = {path.name: path.read_text() for path in Path("out").iterdir()}
    assert done == {path.name: path.read_text() for path in Path("whole").iterdir()}
    assert len(done) == 122


def test_a_manifests_utterances_are_aligned_by_their_texts(folder, checkpoint, capsys):
    utterances = [
        Utterance("a", folder / "speech.wav", 4.0, start=5.0, text="AB C"),
        Utterance("b", folder / "speech.wav", 3.0),
    ]
    write_manifest(folder / "some.jsonl", utterances)
    command = ["align", "some.jsonl", "--output-dir", "out", "--believe-text", "--model", str(checkpoint)]
    assert main(command) == 1
    assert "utt b: no transcript" in capsys.readouterr().err
    record = json.loads(Path("out/a.json").read_text(encoding="utf-8"))
    assert record["duration"] == 4.0
    assert all(0 <= word["start"] < word["end"] <= 4.0 for word in words_of(record))


@pytest.mark.parametrize("write", [textgrid, short_textgrid])
def test_textgrids_are_read_as_they_are_written(tmp_path, write):
    tiers = [Tier("name = 3", [(0.5, 1.25, 'say "hi" 7')]), Tier("b", [(0.0, 0.5, "x [1]"), (1.5, 2.0, "y")])]
    path = tmp_path / "a.TextGrid"
    path.write_text(write(tiers, duration=2.0))
    assert read_stretches(path) == [(0.0, 0.5, "x [1]"), (0.5, 1.25, 'say "hi" 7'), (1.5, 2.0, "y")]


def test_what_is_no_textgrid_is_named(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text("hello")
    with pytest.raises(TranscriptError, match="not a TextGrid"):
        read_stretches(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ('0 9 <exists> 1e999 "IntervalTier" "a" 0 9 1', "not a TextGrid"),
        ('0 9 <exists> 1 "IntervalTier" "a" 0 9 1e999', "not a TextGrid"),
        ('0 9 <exists> 1 "TextTier" "a" 0 9 1e18', "no interval with text"),
        ('0 9 <exists> 1 "IntervalTier" "a" 0 9 1 -5 2 "x"', "from -5.0 s to 2.0 s; expected 0 s or more"),
        ('0 9 <exists> 1 "IntervalTier" "a" 0 9 1 2 1 "x"', "from 2.0 s to 1.0 s; .* start before end"),
    ],
)
def test_textgrids_with_impossible_numbers_are_named(tmp_path, values, message):
    path = tmp_path / "a.TextGrid"
    path.write_text(f'File type = "ooTextFile"\nObject class = "TextGrid"\n{values}\n')
    with pytest.raises(TranscriptError, match=message):
        read_stretches(path)
