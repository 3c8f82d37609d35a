"""Cepstra: against the features of a model, and the same however the blocks are cut."""

import numpy as np
import pytest
import torch

from asr.alignment.cepstra import Cepstra
from asr.model.features import Features, FeaturesConfig

WAVEFORM = (np.random.default_rng(0).normal(size=170_037) * 0.1).astype(np.float32)


def cepstra(blocks):
    features = Cepstra(16_000)
    for block in blocks:
        features.feed(block)
    return features.finish()


def test_they_are_the_features_of_models_centred_on_their_frames():
    config = FeaturesConfig("mfcc", n_mels=40, n_mfcc=13, deltas=2)
    padded = torch.from_numpy(np.pad(WAVEFORM, (120, 163)))[None]
    expected, _ = Features(config)(padded, torch.tensor([padded.shape[1]]))
    found = cepstra([WAVEFORM])
    assert found.shape == (1063, 39)
    assert np.abs(found - expected[0].numpy()).max() < 0.01  # half precision


@pytest.mark.parametrize("size", [10, 777, 160_000])
def test_blocks_change_nothing(size):
    short = WAVEFORM[:5000] if size == 10 else WAVEFORM
    blocks = [short[at : at + size] for at in range(0, len(short), size)]
    assert np.abs(cepstra(blocks) - cepstra([short])).max() < 0.01  # half precision
