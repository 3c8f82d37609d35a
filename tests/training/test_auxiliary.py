"""The auxiliary CTC loss."""

import dataclasses
from pathlib import Path

import pytest
import torch

from asr.config import AuxiliaryConfig, ExperimentConfig
from asr.data.batching import Batch
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.errors import ConfigError, TranscriptError
from asr.model.encoder import Encoding
from asr.training.auxiliary import AuxiliaryLoss
from asr.training.module import SpeechModule
from asr.training.train import train

TOKENIZER = CharacterTokenizer([BLANK_SYMBOL, *" ABC"])


@pytest.fixture
def dictionary(tmp_path: Path) -> Path:
    path = tmp_path / "phones.dict"
    path.write_text("A  EY\nB  B IY\nAB  AE B\nUNUSED  ZZ\n")
    return path


def make_batch(*texts: str) -> Batch:
    rows = [torch.tensor(TOKENIZER.encode(text)) for text in texts]
    lengths = torch.tensor([len(row) for row in rows])
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return Batch(
        torch.zeros(len(texts), 1), torch.ones(len(texts), dtype=torch.int64), tokens, lengths, list(texts)
    )


def make_loss(config: AuxiliaryConfig, *transcripts: str) -> AuxiliaryLoss:
    return AuxiliaryLoss(config, TOKENIZER, size=6, layers=2, transcripts=transcripts)


def make_encoding(lengths: list[int]) -> Encoding:
    layers = tuple(torch.randn(len(lengths), max(lengths), 6, requires_grad=True) for _ in range(2))
    return Encoding(layers[1], torch.tensor(lengths), layers)


def test_targets_are_the_phones_of_the_words(dictionary: Path) -> None:
    loss = make_loss(AuxiliaryConfig(1.0, 1, str(dictionary)), "A B", "AB")
    targets, lengths = loss.targets(make_batch("AB A", "B"))
    # Phones in use, sorted from 1: AE, B, EY, IY.
    assert targets.tolist() == [[1, 2, 3], [2, 4, 0]]
    assert lengths.tolist() == [3, 2]
    assert loss.head.out_features == 5


def test_without_pronunciations_targets_are_the_characters() -> None:
    batch = make_batch("AB A", "B")
    targets, lengths = make_loss(AuxiliaryConfig(1.0, 1), "AB").targets(batch)
    assert targets is batch.tokens
    assert lengths is batch.token_lengths


def test_it_looks_at_its_own_layer_only() -> None:
    encoding = make_encoding([9, 7])
    make_loss(AuxiliaryConfig(1.0, 1), "AB")(encoding, make_batch("AB", "B")).sum().backward()
    first, second = encoding.layers
    assert first.grad is not None
    assert second.grad is None


def test_two_views_give_two_losses_each() -> None:
    encoding = make_encoding([9, 7, 9, 7])
    losses = make_loss(AuxiliaryConfig(1.0, 2), "AB")(encoding, make_batch("AB", "B"))
    assert losses.shape == (4,)
    assert (losses > 0).all()


def test_more_phones_than_frames_count_nothing_and_break_nothing(dictionary: Path) -> None:
    encoding = make_encoding([3, 9])
    loss = make_loss(AuxiliaryConfig(1.0, 1, str(dictionary)), "A B")
    losses = loss(encoding, make_batch("B B B", "B"))
    assert losses[0] == 0
    losses.sum().backward()
    gradient = encoding.layers[0].grad
    assert gradient is not None
    assert torch.isfinite(gradient).all()
    assert (gradient[0] == 0).all()


def test_a_layer_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"auxiliary\.layer 3.*1 to 2"):
        make_loss(AuxiliaryConfig(1.0, 3), "AB")


def test_a_word_without_pronunciation_is_an_error_before_training(dictionary: Path) -> None:
    with pytest.raises(TranscriptError, match=r"phones\.dict.*no pronunciation of C"):
        make_loss(AuxiliaryConfig(1.0, 1, str(dictionary)), "A C")


def test_a_training_with_it_learns_and_saves_the_plain_model(
    tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path
) -> None:
    config = dataclasses.replace(tone_experiment, auxiliary=AuxiliaryConfig(0.5, 1, str(dictionary)))
    best = train(config, tmp_path / "run")
    weights = torch.load(best, weights_only=True)["weights"]
    plain = SpeechModule(tone_experiment, CharacterTokenizer([BLANK_SYMBOL, *"AB"])).model
    assert set(weights) == set(plain.state_dict())


def test_its_head_is_trained_too(tone_experiment: ExperimentConfig) -> None:
    config = dataclasses.replace(tone_experiment, auxiliary=AuxiliaryConfig(0.5, 1))
    module = SpeechModule(config, CharacterTokenizer([BLANK_SYMBOL, *"AB"]), transcripts=["A", "B"])
    assert module.auxiliary is not None
    assert any(parameter is module.auxiliary.head.weight for parameter in module.trained)
