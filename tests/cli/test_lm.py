"""`asr lm`: what it prints, writes and answers."""

import json

import numpy as np
import pytest
import soundfile

from asr.cli import main
from asr.data.tokenizer import CharacterTokenizer
from asr.decoding.decoder import Decoder
from asr.decoding.options import DecodingOptions, read_options, write_options

TEXT = "A B C\nB C\nC A\n" * 5


@pytest.fixture
def text(tmp_path):
    (tmp_path / "t.txt").write_text(TEXT)
    return tmp_path / "t.txt"


@pytest.fixture
def in_folder(tmp_path, text, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_train_score_and_convert_agree(tmp_path, text, capsys):
    assert main(["lm", "train", str(text), str(tmp_path / "m.arpa"), "--order", "2"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'm.arpa'}: 6 1-grams, 8 2-grams\n"
    assert main(["lm", "convert", str(tmp_path / "m.arpa"), str(tmp_path / "m.lm")]) == 0
    capsys.readouterr()
    assert main(["lm", "score", str(tmp_path / "m.arpa"), str(text)]) == 0
    first = capsys.readouterr().out
    assert main(["lm", "score", str(tmp_path / "m.lm"), str(text)]) == 0
    assert capsys.readouterr().out == first
    assert first.startswith("15 sentences, 35 words, 0 unknown (0.00%)\n")


def test_vocabulary_pruning_and_characters_are_heeded(tmp_path, text, capsys):
    (tmp_path / "vocab.txt").write_text("A\nB\n")
    out = str(tmp_path / "m.arpa")
    assert main(["lm", "train", str(text), out, "--order", "2", "--vocab", str(tmp_path / "vocab.txt")]) == 0
    assert "5 1-grams" in capsys.readouterr().out
    assert main(["lm", "train", str(text), out, "--order", "2", "--prune", "0", "9"]) == 0
    assert "2 2-grams" in capsys.readouterr().out
    assert main(["lm", "train", str(text), out, "--characters"]) == 0
    assert "7 1-grams" in capsys.readouterr().out
    assert main(["lm", "score", out, str(text)]) == 0
    assert "55 characters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "t.txt", "m.bin"], 1, "expected a name that ends in .arpa"),
        (["train", "none.txt", "m.arpa"], 1, "none.txt: cannot read"),
        (["train", "t.txt", "m.arpa", "--order", "0"], 2, "--order 0"),
        (["train", "t.txt", "m.arpa", "--prune", "1"], 1, "prune [1]"),
        (["score", "t.txt", "t.txt"], 1, "no \\data\\ in the file"),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_mistakes_are_named(capsys, arguments, code, message):
    assert main(["lm", *arguments]) == code
    assert message in capsys.readouterr().err


@pytest.fixture
def experiment(tmp_path, text, monkeypatch):
    """A model with random weights, a development set of noise, a language model."""
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
    model = AcousticModel(config, vocabulary_size=len(tokenizer)).eval()
    save_checkpoint(tmp_path / "best.pt", Checkpoint(model, tokenizer))
    lines = []
    for number in range(3):
        waveform = np.random.default_rng(number).normal(size=8000).astype(np.float32) * 0.1
        soundfile.write(tmp_path / f"{number}.wav", waveform, 16_000)
        lines.append(
            json.dumps({"id": f"u{number}", "audio": f"{number}.wav", "duration": 0.5, "text": "A B"})
        )
    (tmp_path / "dev.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    assert main(["lm", "train", str(text), "m.arpa", "--order", "2"]) == 0
    return tmp_path


def test_tune_writes_the_best_pair_where_transcribe_finds_it(experiment, capsys):
    grid = [
        "--lm-weights",
        "0",
        "1",
        "2",
        "--word-bonuses",
        "0",
        "30",
        "3",
        "--blank-penalties",
        "0",
        "1",
        "2",
    ]
    command = ["lm", "tune", "--model", "best.pt", "--manifest", "dev.jsonl", "--lm", "m.arpa", *grid]
    capsys.readouterr()
    assert main(command) == 0
    record = json.loads((experiment / "best.decoding.json").read_text())
    found = record["options"]
    assert found["lm"] == "m.arpa"
    assert found["lm_weight"] in (0, 1)
    assert found["blank_penalty"] in (0, 1)
    assert record["measured"]["utterances"] == 3
    penalty = f", blank penalty {found['blank_penalty']:g}" if found["blank_penalty"] else ""
    assert (
        f"lm weight {found['lm_weight']:g}, word bonus {found['word_bonus']:g}{penalty}: WER"
        in capsys.readouterr().out
    )
    assert (experiment / "best.decoding.png").read_bytes().startswith(b"\x89PNG")
    assert main(["transcribe", "0.wav", "--model", "best.pt"]) == 0
    assert "decoding as tuned in best.decoding.json" in capsys.readouterr().err
    assert main(["evaluate", "dev.jsonl", "--model", "best.pt", "--out", "report"]) == 0
    decoding = json.loads((experiment / "report" / "report.json").read_text())["settings"]["decoding"]
    assert decoding.startswith("beam, beam width 50, lm m.arpa, ")


@pytest.mark.parametrize(("width", "loses"), [("2", True), ("10", False)])
def test_a_beam_that_loses_good_texts_is_said(experiment, capsys, monkeypatch, width, loses):
    def found(decoder, emissions, **_):
        return ["A B" if decoder.options.beam_width > 5 else "A C"] * len(emissions)

    monkeypatch.setattr(Decoder, "transcripts", found)
    grid = ["--lm-weights", "0", "0", "1", "--word-bonuses", "0", "0", "1"]
    command = ["lm", "tune", "--model", "best.pt", "--manifest", "dev.jsonl", "--lm", "m.arpa", *grid]
    assert main([*command, "--beam-width", width]) == 0
    assert ("of 6 hypotheses it has WER 0.00%" in capsys.readouterr().err) == loses


@pytest.mark.parametrize("earlier", ["readable", "broken", "none"])
def test_how_unsure_is_too_unsure_stays_when_a_model_is_tuned_again(experiment, earlier):
    file = experiment / "best.decoding.json"
    if earlier != "none":
        write_options(file, DecodingOptions(certainty_threshold=0.25))
    if earlier == "broken":
        file.write_text(file.read_text()[:-20])
    grid = ["--lm-weights", "0", "0", "1", "--word-bonuses", "0", "0", "1"]
    command = ["lm", "tune", "--model", "best.pt", "--manifest", "dev.jsonl", "--lm", "m.arpa", *grid]
    assert main(command) == 0
    assert read_options(file).certainty_threshold == (0.25 if earlier == "readable" else 0.0)
    assert main([*command, "--certainty-threshold", "0.1"]) == 0
    assert read_options(file).certainty_threshold == 0.1


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--lm-weights", "1", "0", "2"], 2, "--lm-weights 1 0 2; expected LOW <= HIGH"),
        (["--word-bonuses", "0", "1", "1.5"], 2, "--word-bonuses 0 1 1.5"),
        (["--lexicon", "lower.txt"], 1, "lexicon: 1 of 1 words cannot be spelled by the model"),
    ],
)
def test_tuning_mistakes_show_before_the_work(experiment, capsys, options, code, message):
    (experiment / "lower.txt").write_text("abc\n")
    assert (
        main(["lm", "tune", "--model", "best.pt", "--manifest", "dev.jsonl", "--lm", "m.arpa", *options])
        == code
    )
    assert message in capsys.readouterr().err
