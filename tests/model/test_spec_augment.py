"""What training does to the features."""

import numpy as np
import pytest
import torch

from asr.errors import ConfigError
from asr.model.features import Features, FeaturesConfig
from asr.model.spec_augment import SpecAugment, SpecAugmentConfig
from asr.model.vocal_tract import VocalTractPerturbation

NO_MASKS = SpecAugmentConfig(frequency_masks=0, time_masks=0, frequency_warp=0.15)


def tone(hertz: float) -> torch.Tensor:
    return 0.5 * torch.sin(2 * np.pi * hertz * torch.arange(8000) / 16000)


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
def test_a_tone_moves_by_the_factor(factor: float) -> None:
    config = FeaturesConfig(normalisation="none")
    features = Features(config)
    tones = torch.stack([tone(900), tone(2000)])
    there = torch.stack([tone(900 / factor), tone(2000 / factor)])
    lengths = torch.tensor([8000, 8000])
    spread = VocalTractPerturbation(0.2, config)
    stretched = spread.stretched(features(tones, lengths)[0], torch.full((2,), factor))
    wanted = features(there, lengths)[0]
    moved = (stretched.mean(dim=1).argmax(dim=1) - wanted.mean(dim=1).argmax(dim=1)).abs()
    assert int(moved.max()) <= 1


def test_stretching_is_interpolation_along_a_bent_frequency_axis() -> None:
    config = FeaturesConfig(n_mels=40)
    perturbation = VocalTractPerturbation(0.2, config)
    values = torch.randn(3, 7, 40)
    factors = torch.tensor([0.81, 1.0, 1.19])
    mel_edges = np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 8000 / 700), 42)
    centres = 700 * (10 ** (mel_edges[1:-1] / 2595) - 1)
    stretched = perturbation.stretched(values, factors).numpy()
    for row, factor in enumerate(factors.tolist()):
        bend = 4800 * min(factor, 1) / factor
        source = np.interp(centres, [0, bend, 8000], [0, factor * bend, 8000])
        mels = 2595 * np.log10(1 + source / 700)
        for frame in range(7):
            wanted = np.interp(mels, mel_edges[1:-1], values[row, frame].numpy())
            np.testing.assert_allclose(stretched[row, frame], wanted, atol=1e-4)
    np.testing.assert_allclose(stretched[1], values[1].numpy(), atol=1e-4)


def test_deltas_are_stretched_as_the_bins_they_are_of() -> None:
    plain = VocalTractPerturbation(0.2, FeaturesConfig(n_mels=40))
    with_deltas = VocalTractPerturbation(0.2, FeaturesConfig(n_mels=40, deltas=1))
    values, factors = torch.randn(2, 5, 80), torch.tensor([0.9, 1.1])
    halves = [plain.stretched(half, factors) for half in values.chunk(2, dim=2)]
    torch.testing.assert_close(with_deltas.stretched(values, factors), torch.cat(halves, dim=2))


def test_each_utterance_and_each_view_has_its_own_vocal_tract_in_training_only() -> None:
    augment = SpecAugment(NO_MASKS, features=FeaturesConfig())
    values, lengths = torch.randn(1, 9, 80).repeat(4, 1, 1), torch.full((4,), 9)
    torch.manual_seed(1)
    first = augment.train()(values, lengths)
    torch.manual_seed(1)
    again = augment(values, lengths)
    assert torch.equal(first, again)
    assert all(not torch.equal(first[row], first[other]) for row in range(4) for other in range(row))
    assert augment.eval()(values, lengths) is values


@pytest.mark.parametrize(
    ("spread", "features"),
    [
        (0.5, FeaturesConfig()),
        (-0.1, FeaturesConfig()),
        (0.1, FeaturesConfig(kind="mfcc")),
        (0.1, FeaturesConfig(energy=True)),
    ],
)
def test_features_without_a_frequency_axis_and_senseless_spreads_are_refused(
    spread: float, features: FeaturesConfig
) -> None:
    with pytest.raises(ConfigError, match=r"spec_augment\.frequency_warp"):
        VocalTractPerturbation(spread, features)
