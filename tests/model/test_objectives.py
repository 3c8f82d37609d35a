"""Transducer and attention decoder: losses and searches against brute force over every sequence."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.errors import ConfigError, DecodingError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.model.objectives import AttentionDecoder, Objective, ObjectiveConfig, Transducer, build_objective
from asr.model.objectives.objective import fits

FRAMES, SIZE, VOCABULARY = 3, 4, 3


def build(kind: str) -> Objective:
    torch.manual_seed(2)
    config = ObjectiveConfig(kind=kind, embedding_size=3, hidden_size=5, joint_size=4, dropout=0.0)  # type: ignore[arg-type]
    objective = build_objective(config, encoding_size=SIZE, vocabulary_size=VOCABULARY)
    assert objective is not None
    with torch.no_grad():  # decisions that differ
        for weight in objective.parameters():
            weight.mul_(3)
    return objective.eval()


def sequences(longest: int) -> list[tuple[int, ...]]:
    return [tokens for length in range(longest + 1) for tokens in itertools.product((1, 2), repeat=length)]


def score(objective: Objective, hidden: Tensor, tokens: tuple[int, ...]) -> float:
    padded = torch.tensor([tokens or (0,)])
    with torch.no_grad():
        return -float(
            objective.loss(hidden[None], torch.tensor([len(hidden)]), padded, torch.tensor([len(tokens)]))
        )


def all_paths(transducer: Transducer, hidden: Tensor, tokens: tuple[int, ...]) -> float:
    """ln of the summed probability of every alignment, walked one by one."""
    started = torch.tensor([[0, *tokens]])
    with torch.no_grad():
        predicted, _ = transducer.prediction(transducer.embedding(started))
        log_probs = torch.log_softmax(
            transducer.joint(hidden[None].unsqueeze(2), predicted.unsqueeze(1))[0], dim=2
        )
    frames, total = len(hidden), 0.0
    # An alignment says in which frame each token is written; each frame ends with a blank.
    for places in itertools.combinations_with_replacement(range(frames), len(tokens)):
        path = 0.0
        for frame in range(frames):
            written = [number for number, place in enumerate(places) if place == frame]
            path += sum(float(log_probs[frame, number, tokens[number]]) for number in written)
            done = sum(place <= frame for place in places)
            path += float(log_probs[frame, done, 0])
        total += math.exp(path)
    return math.log(total)


@pytest.mark.parametrize("tokens", [(), (1,), (2, 1), (1, 1), (2, 1, 2)])
def test_the_transducer_loss_is_the_sum_over_all_alignments(tokens: tuple[int, ...]) -> None:
    transducer = build("transducer")
    assert isinstance(transducer, Transducer)
    hidden = torch.randn(FRAMES, SIZE)
    assert score(transducer, hidden, tokens) == pytest.approx(all_paths(transducer, hidden, tokens), abs=1e-4)


def test_the_attention_loss_is_a_distribution_over_sequences() -> None:
    """Over sequences of up to n tokens, and all longer ones by what is left of each prefix, it sums to one."""
    attention = build("attention")
    hidden = torch.randn(FRAMES, SIZE)
    total = sum(math.exp(score(attention, hidden, tokens)) for tokens in sequences(8))
    assert 0.5 < total < 1.0 + 1e-5
    longer = sum(math.exp(score(attention, hidden, tokens)) for tokens in sequences(9))
    assert total < longer < 1.0 + 1e-5


@pytest.mark.parametrize("kind", ["transducer", "attention"])
def test_a_wide_search_finds_the_most_probable_sequences_and_their_probability(kind: str) -> None:
    objective = build(kind)
    for seed in range(4):
        hidden = torch.randn(FRAMES, SIZE, generator=torch.Generator().manual_seed(seed))
        possible = [tokens for tokens in sequences(FRAMES) if fits(tokens, FRAMES)]
        expected = sorted(possible, key=lambda tokens: -score(objective, hidden, tokens))
        with torch.no_grad():
            found = objective.search(hidden, beam_width=1000, n_best=4)
        assert [tuple(item.tokens) for item in found] == expected[:4]
        for item in found:
            assert item.score == pytest.approx(score(objective, hidden, tuple(item.tokens)), abs=1e-4)


@pytest.mark.parametrize("kind", ["transducer", "attention"])
def test_a_wider_beam_finds_no_less_probable_a_sequence(kind: str) -> None:
    objective = build(kind)
    hidden = torch.randn(12, SIZE)
    with torch.no_grad():
        scores = [
            score(objective, hidden, tuple(objective.search(hidden, beam_width=width)[0].tokens))
            for width in (1, 50)
        ]
    assert scores[1] >= scores[0] - 1e-6


@pytest.mark.parametrize("kind", ["transducer", "attention"])
def test_padding_counts_for_nothing_and_every_weight_learns(kind: str) -> None:
    objective = build(kind)
    hidden, lengths = torch.randn(2, 9, SIZE), torch.tensor([9, 5])
    tokens, token_lengths = torch.tensor([[1, 2, 1], [2, 7, 7]]) % 3, torch.tensor([3, 1])
    together = objective.loss(hidden, lengths, tokens, token_lengths)
    alone = objective.loss(hidden[1:, :5], lengths[1:], tokens[1:, :1], token_lengths[1:])
    torch.testing.assert_close(together[1:], alone)
    together.sum().backward()
    for name, weight in objective.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", ["transducer", "attention"])
def test_it_travels_in_the_checkpoint_and_transcribes(kind: str, tmp_path: Path) -> None:
    from asr.decoding.options import DecodingOptions
    from asr.transcription.loading import load

    config = AcousticModelConfig(
        encoder=EncoderConfig(layers=1, hidden_size=8, channels=2),
        objective=ObjectiveConfig(kind=kind, embedding_size=4, hidden_size=6, joint_size=5),  # type: ignore[arg-type]
    )
    model = AcousticModel(config, vocabulary_size=5).eval()
    save_checkpoint(tmp_path / "m.pt", Checkpoint(model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"])))
    loaded = load_checkpoint(tmp_path / "m.pt").model
    assert loaded.config == config
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, loaded.state_dict()[name])
    waveforms = [0.1 * torch.randn(length).numpy() for length in (16000, 9000)]
    for decoding in (DecodingOptions(), DecodingOptions("beam", beam_width=3)):
        transcriber = load(tmp_path / "m.pt", decoding=decoding, device="cpu", precision="float32")
        together = transcriber.recognise(waveforms)
        for waveform, hypothesis in zip(waveforms, together, strict=True):
            assert transcriber.transcribe(waveform).tokens == hypothesis.tokens
    with pytest.raises(DecodingError, match=f"decodes with its {kind} network"):
        load(tmp_path / "m.pt", decoding=DecodingOptions("beam", hot_words={"A": 1.0}), device="cpu")


def test_the_ctc_head_is_always_trained() -> None:
    with pytest.raises(ConfigError, match="expected above 0 and below 1"):
        AttentionDecoder(ObjectiveConfig("attention", ctc_weight=0.0), encoding_size=4, vocabulary_size=3)
