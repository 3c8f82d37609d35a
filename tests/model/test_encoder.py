"""Every layout of the network: batch invariance, lengths, training, and what does not fit together."""

import dataclasses

import pytest
import torch

from asr.errors import ConfigError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.encoder import Encoder, EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.recurrent import CELLS
from asr.model.regularisation import FrameBatchNorm

SMALL = EncoderConfig(layers=3, hidden_size=8, channels=2, dropout=0.1)
CHANGES: dict[str, dict[str, object]] = {
    **{cell: {"cell": cell} for cell in CELLS},
    "one-direction": {"bidirectional": False, "look_ahead": 3, "truncation": 5},
    "sum": {"join": "sum", "residual": True},
    "residual": {"residual": True},
    "projection": {"projection": 5, "residual": True},
    "pyramid": {"pyramid": 2, "subsampling": 1},
    "stack": {"front_end": "stack", "subsampling": 3},
    "batch": {"normalisation": "batch"},
    "plain": {"front_end": "stack", "subsampling": 1, "normalisation": "none", "initial_range": 0.1},
}
FEATURES = FeaturesConfig(n_mels=8, deltas=2, energy=True)
LENGTHS = [9000, 7777, 4000, 1111, 400]


@pytest.fixture(params=CHANGES.values(), ids=CHANGES.keys())
def config(request: pytest.FixtureRequest) -> AcousticModelConfig:
    return AcousticModelConfig(FEATURES, encoder=dataclasses.replace(SMALL, **request.param))


def test_padding_does_not_change_log_probs(config: AcousticModelConfig) -> None:
    model = AcousticModel(config, vocabulary_size=5).eval()
    waveforms, lengths = 0.1 * torch.randn(len(LENGTHS), max(LENGTHS) + 777), torch.tensor(LENGTHS)
    with torch.no_grad():
        together = model(waveforms, lengths)
        assert torch.equal(together.lengths, model.emission_lengths(lengths))
        for row, length in enumerate(LENGTHS):
            alone = model(waveforms[row : row + 1, :length], lengths[row : row + 1])
            assert alone.log_probs.shape[1] == int(alone.lengths) == int(together.lengths[row])
            torch.testing.assert_close(
                together.log_probs[row, : int(alone.lengths)], alone.log_probs[0], atol=1e-4, rtol=0
            )


def test_every_weight_learns(config: AcousticModelConfig) -> None:
    model = AcousticModel(config, vocabulary_size=5).train()
    model(0.1 * torch.randn(2, 9000), torch.tensor([9000, 7000])).log_probs.square().mean().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().sum() > 0, name


def test_what_padding_holds_does_not_reach_the_gradient(config: AcousticModelConfig) -> None:
    """The statistics of batch normalisation, too, are those of valid frames."""
    config = dataclasses.replace(config, encoder=dataclasses.replace(config.encoder, dropout=0.0))
    encoder = Encoder(config.encoder, features=6).train().double()
    features, lengths = torch.randn(2, 20, 6, dtype=torch.float64), torch.tensor([20, 11])
    features[1, 11:] = 0
    gradients = []
    for padding in (0, 9):
        encoding = encoder(torch.nn.functional.pad(features, (0, 0, 0, padding)), lengths)
        valid = [row[:length] for row, length in zip(encoding.hidden, encoding.lengths, strict=True)]
        loss = torch.cat(valid).pow(3).sum()
        gradients.append(torch.autograd.grad(loss, list(encoder.parameters())))
    for short, long in zip(*gradients, strict=True):
        torch.testing.assert_close(short, long, atol=1e-8, rtol=1e-6)


def test_a_pyramid_halves_the_frame_rate_layer_by_layer() -> None:
    config = dataclasses.replace(SMALL, pyramid=2, subsampling=1)
    encoding = Encoder(config, features=6)(torch.randn(1, 21, 6), torch.tensor([21]))
    assert [layer.shape[1] for layer in encoding.layers] == [21, 11, 6]
    model = AcousticModel(AcousticModelConfig(encoder=config), vocabulary_size=3)
    assert model.seconds_per_frame == pytest.approx(0.04)


def test_batch_normalisation_is_over_valid_frames_and_remembers() -> None:
    norm = FrameBatchNorm(3)
    hidden, lengths = 5 + 2 * torch.randn(4, 30, 3), torch.tensor([30, 20, 10, 1])
    for _ in range(200):
        outputs = norm(hidden, lengths)
    valid = torch.cat([row[:length] for row, length in zip(outputs, lengths, strict=True)])
    torch.testing.assert_close(valid.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(valid.var(dim=0, unbiased=False), torch.ones(3), atol=1e-3, rtol=0)
    norm.eval()
    torch.testing.assert_close(norm(hidden), outputs, atol=1e-4, rtol=1e-4)


def test_an_initial_range_holds_for_every_weight() -> None:
    config = AcousticModelConfig(encoder=dataclasses.replace(SMALL, initial_range=0.1, normalisation="none"))
    weights = torch.cat(
        [weight.flatten() for weight in AcousticModel(config, vocabulary_size=9).parameters()]
    )
    assert weights.abs().max() <= 0.1
    assert weights.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pyramid": 3}, "model.pyramid 3; expected 0 to 2"),
        ({"look_ahead": 2}, "model.look_ahead 2; expected frames for a one-directional"),
        ({"truncation": 2}, "model.truncation 2; expected frames for a one-directional"),
        ({"layers": 0}, "expected at least 1"),
        ({"projection": -1}, "expected 0 or more"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Encoder(dataclasses.replace(SMALL, **changes), features=6)  # type: ignore[arg-type]
