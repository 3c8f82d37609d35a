"""`asr segment`: pieces of the same files, and what cannot be aligned."""

import numpy as np
import pytest
import soundfile
import torch

from asr.cli import main
from asr.data.audio import read_utterance
from asr.data.manifest import Utterance, read_manifest, write_manifest
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.model.checkpoint import Checkpoint, save_checkpoint


@pytest.fixture
def checkpoint(tiny_model, tiny_checkpoint):
    """A model that hears blanks nearly everywhere, so that there are gaps between the words."""
    with torch.no_grad():
        tiny_model.head.bias[0] += 5.0
    save_checkpoint(tiny_checkpoint, Checkpoint(tiny_model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"])))
    return tiny_checkpoint


@pytest.fixture
def manifest(tmp_path):
    """Noise: 12 s of words, one that starts within its file; 2 s; and 10 s of words the model cannot spell."""
    noise = np.random.default_rng(0).normal(size=16 * 16_000) * 0.1
    soundfile.write(tmp_path / "long.wav", noise, 16_000)
    path = tmp_path / "all.jsonl"
    write_manifest(
        path,
        [
            Utterance("a", tmp_path / "long.wav", 12.0, 3.0, "AB C BA CAB A BB " * 4, "s", extras={"x": 1}),
            Utterance("b", tmp_path / "long.wav", 2.0, text="AB C"),
            Utterance("c", tmp_path / "long.wav", 10.0, text="AB XYZ"),
        ],
    )
    return path


def test_pieces_are_the_utterance_cut_up(manifest, checkpoint, tmp_path, capsys):
    out = tmp_path / "short.jsonl"
    assert main(["segment", str(manifest), str(out), "--model", str(checkpoint)]) == 0
    utterances = read_manifest(out)
    pieces = [utterance for utterance in utterances if utterance.extras.get("piece_of") == "a"]
    assert [utterance.id for utterance in utterances] == [*(f"a-{n}" for n in range(len(pieces))), "b", "c"]
    assert 2 <= len(pieces) <= 8
    assert " ".join(piece.text for piece in pieces).split() == ("AB C BA CAB A BB " * 4).split()
    assert {(piece.speaker, piece.extras["x"]) for piece in pieces} == {("s", 1)}
    whole = read_utterance(read_manifest(manifest)[0], sample_rate=16_000)
    joined = np.concatenate([read_utterance(piece, sample_rate=16_000) for piece in pieces])
    assert np.array_equal(joined, whole)
    output = capsys.readouterr()
    assert "c: stays whole" in output.err
    assert f"3 utterances -> {len(utterances)}" in output.out


def test_lengths_that_cannot_be_are_named(manifest, checkpoint, tmp_path, capsys):
    out = tmp_path / "short.jsonl"
    words = ["segment", str(manifest), str(out), "--model", str(checkpoint), "--seconds", "20"]
    assert main(words) != 0
    assert "longer than" in capsys.readouterr().err
    assert not out.exists()
