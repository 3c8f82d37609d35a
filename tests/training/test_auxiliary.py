"""The auxiliary CTC loss."""

import dataclasses
from pathlib import Path

import pytest
import torch

from asr.config import AuxiliaryConfig, ExperimentConfig
from asr.data.batching import Batch
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.errors import ConfigError, TranscriptError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import load_checkpoint
from asr.model.encoder import EncoderConfig, Encoding
from asr.training.auxiliary import AuxiliaryLoss, read_spoken_words
from asr.training.module import SpeechModule
from asr.training.starting_point import copy_weights
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


def make_model(*phones: str) -> AcousticModel:
    shape = AcousticModelConfig(encoder=EncoderConfig(layers=2, hidden_size=3), phones=phones)
    return AcousticModel(shape, vocabulary_size=len(TOKENIZER))


def make_loss(config: AuxiliaryConfig, *transcripts: str) -> AuxiliaryLoss:
    spoken = read_spoken_words(config, TOKENIZER, transcripts)
    return AuxiliaryLoss(config, TOKENIZER, model=make_model(), spoken=spoken)


def losses_of(loss: AuxiliaryLoss, encoding: Encoding, batch: Batch) -> torch.Tensor:
    return loss(loss.emission(make_model(), encoding), batch)


def make_encoding(lengths: list[int]) -> Encoding:
    layers = tuple(torch.randn(len(lengths), max(lengths), 6, requires_grad=True) for _ in range(2))
    return Encoding(layers[1], torch.tensor(lengths), layers)


def test_targets_are_the_phones_of_the_words(dictionary: Path) -> None:
    loss = make_loss(AuxiliaryConfig(1.0, 1, str(dictionary)), "A B", "AB")
    targets, lengths = loss.targets(make_batch("AB A", "B"))
    # Phones in use, sorted from 1: AE, B, EY, IY.
    assert targets.tolist() == [[1, 2, 3], [2, 4, 0]]
    assert lengths.tolist() == [3, 2]
    assert loss.head is not None
    assert loss.head.out_features == 5


def test_without_pronunciations_targets_are_the_characters() -> None:
    batch = make_batch("AB A", "B")
    targets, lengths = make_loss(AuxiliaryConfig(1.0, 1), "AB").targets(batch)
    assert targets is batch.tokens
    assert lengths is batch.token_lengths


def test_it_looks_at_its_own_layer_only() -> None:
    encoding = make_encoding([9, 7])
    losses_of(make_loss(AuxiliaryConfig(1.0, 1), "AB"), encoding, make_batch("AB", "B")).sum().backward()
    first, second = encoding.layers
    assert first.grad is not None
    assert second.grad is None


def test_two_views_give_two_losses_each() -> None:
    encoding = make_encoding([9, 7, 9, 7])
    losses = losses_of(make_loss(AuxiliaryConfig(1.0, 2), "AB"), encoding, make_batch("AB", "B"))
    assert losses.shape == (4,)
    assert (losses > 0).all()


def test_more_phones_than_frames_count_nothing_and_break_nothing(dictionary: Path) -> None:
    encoding = make_encoding([3, 9])
    loss = make_loss(AuxiliaryConfig(1.0, 1, str(dictionary)), "A B")
    losses = losses_of(loss, encoding, make_batch("B B B", "B"))
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
    deep = dataclasses.replace(tone_experiment, model=dataclasses.replace(tone_experiment.model, layers=2))
    config = dataclasses.replace(deep, auxiliary=AuxiliaryConfig(0.5, 1, str(dictionary)))
    best = train(config, tmp_path / "run")
    weights = torch.load(best, weights_only=True)["weights"]
    plain = SpeechModule(deep, CharacterTokenizer([BLANK_SYMBOL, *"AB"])).model
    assert set(weights) == set(plain.state_dict())


def test_its_head_is_trained_too(tone_experiment: ExperimentConfig) -> None:
    config = dataclasses.replace(tone_experiment, auxiliary=AuxiliaryConfig(0.5, 1))
    module = SpeechModule(config, CharacterTokenizer([BLANK_SYMBOL, *"AB"]), transcripts=["A", "B"])
    assert module.auxiliary is not None
    assert module.auxiliary.head is not None
    assert any(parameter is module.auxiliary.head.weight for parameter in module.trained)


def test_phones_on_the_last_layer_stay_with_the_model(
    tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path
) -> None:
    """They are saved as a head of its own, averaged as the rest is, and a later training begins with them."""
    layers = tone_experiment.model.layers
    config = dataclasses.replace(
        tone_experiment,
        auxiliary=AuxiliaryConfig(1.0, layers, str(dictionary)),
        training=dataclasses.replace(tone_experiment.training, consistency=0.2, epochs=1),
    )
    best = train(config, tmp_path / "run")
    model = load_checkpoint(best).model
    assert model.config.phones == ("B", "EY", "IY")
    waveforms, lengths = torch.randn(2, 8000), torch.tensor([8000, 6000])
    letters, phones, _ = model.heads(*model.features(waveforms, lengths))
    assert phones is not None
    assert phones.exp().sum(dim=2).allclose(torch.ones(phones.shape[:2]))
    assert torch.equal(letters, model(waveforms, lengths).log_probs)
    again = dataclasses.replace(config, training=dataclasses.replace(config.training, start_from=str(best)))
    module = SpeechModule(again, load_checkpoint(best).tokenizer, transcripts=["A", "B"])
    assert module.auxiliary is not None
    assert module.auxiliary.head is None
    copy_weights(module.model, module.tokenizer, str(best))
    assert module.model.phone_head is not None
    assert model.phone_head is not None
    assert torch.equal(module.model.phone_head.weight, model.phone_head.weight)


def test_weights_without_phones_begin_a_training_with_them(
    tone_experiment: ExperimentConfig, dictionary: Path, tmp_path: Path
) -> None:
    best = train(
        dataclasses.replace(
            tone_experiment, training=dataclasses.replace(tone_experiment.training, epochs=1)
        ),
        tmp_path / "run",
    )
    config = dataclasses.replace(
        tone_experiment, auxiliary=AuxiliaryConfig(1.0, tone_experiment.model.layers, str(dictionary))
    )
    module = SpeechModule(config, load_checkpoint(best).tokenizer, transcripts=["A", "B"])
    copy_weights(module.model, module.tokenizer, str(best))
    assert torch.equal(module.model.head.weight, load_checkpoint(best).model.head.weight)
