"""Live emission: whatever the pieces, it says what the model says of the whole file."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.decoding.emission import join
from asr.errors import AudioError, CheckpointError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.streaming import StreamingEmitter

LIVE = FeaturesConfig(n_mels=8, normalisation="none")
SMALL = EncoderConfig(layers=2, hidden_size=6, channels=2, bidirectional=False)
VARIANTS = {
    "default": (LIVE, SMALL),
    "global": (dataclasses.replace(LIVE, normalisation="global"), SMALL),
    "deltas-energy": (
        dataclasses.replace(LIVE, deltas=2, energy=True),
        dataclasses.replace(SMALL, look_ahead=3),
    ),
    "subsampling-1": (LIVE, dataclasses.replace(SMALL, subsampling=1, look_ahead=1)),
    "subsampling-2": (LIVE, dataclasses.replace(SMALL, subsampling=2, cell="gru")),
    "subsampling-3": (LIVE, dataclasses.replace(SMALL, subsampling=3, cell="lstm_peephole", residual=True)),
    "stacked": (LIVE, dataclasses.replace(SMALL, subsampling=3, front_end="stack", normalisation="none")),
    "pyramid": (LIVE, dataclasses.replace(SMALL, layers=3, pyramid=2, subsampling=2, look_ahead=2)),
    "projected": (
        LIVE,
        dataclasses.replace(SMALL, projection=5, cell="rnn_tanh", normalisation="batch", residual=True),
    ),
    "relu": (LIVE, dataclasses.replace(SMALL, cell="rnn_relu", look_ahead=5)),
}


def build(name: str) -> AcousticModel:
    torch.manual_seed(0)
    features, encoder = VARIANTS[name]
    model = AcousticModel(AcousticModelConfig(features, encoder=encoder), vocabulary_size=5)
    if features.normalisation == "global":
        model.features.mean.copy_(torch.linspace(-3, -1, model.features.size))
        model.features.deviation.copy_(torch.linspace(1, 2, model.features.size))
    return model.eval()


MODELS = {name: build(name) for name in VARIANTS}


def whole(model: AcousticModel, waveform: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(torch.from_numpy(waveform)[None], torch.tensor([len(waveform)])).log_probs[0].numpy()


def fed(emitter: StreamingEmitter, waveform: np.ndarray, cuts: Sequence[int]) -> list[np.ndarray]:
    emissions = [emitter.feed(piece) for piece in np.split(waveform, sorted(cuts))] + [emitter.finish()]
    return [emission.letters for emission in emissions]


@pytest.mark.parametrize("name", VARIANTS)
@settings(max_examples=12)
@given(data=st.data())
def test_pieces_of_any_size_give_what_the_whole_file_gives(name: str, data: st.DataObject) -> None:
    samples = data.draw(st.integers(400, 9000))
    cuts = data.draw(st.lists(st.integers(0, samples), max_size=8))
    waveform = np.random.default_rng(samples).uniform(-0.5, 0.5, samples).astype(np.float32)
    pieces = fed(StreamingEmitter(MODELS[name]), waveform, cuts)
    expected = whole(MODELS[name], waveform)
    found = np.concatenate(pieces)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_many_tiny_pieces_are_settled_as_they_come() -> None:
    model = MODELS["deltas-energy"]
    waveform = np.random.default_rng(0).uniform(-0.5, 0.5, 8000).astype(np.float32)
    emitter = StreamingEmitter(model)
    step = model.seconds_per_frame
    said = 0
    for number, piece in enumerate(np.split(waveform, range(100, 8000, 100)), 1):
        said += len(emitter.feed(piece))
        heard = 100 * number / model.sample_rate
        # Every frame that lies `latency` back has been said.
        assert said >= int((heard - emitter.latency) / step + 1e-9)
    assert said + len(emitter.finish()) == len(whole(model, waveform))


def test_peeking_shows_the_end_and_changes_nothing() -> None:
    model = MODELS["deltas-energy"]
    waveform = np.random.default_rng(1).uniform(-0.5, 0.5, 9000).astype(np.float32)
    emitter = StreamingEmitter(model)
    first = emitter.feed(waveform[:5000])
    seen = join([first, emitter.peek()]).letters
    np.testing.assert_allclose(seen, whole(model, waveform[:5000]), atol=1e-4)
    rest = join([first, emitter.feed(waveform[5000:]), emitter.finish()]).letters
    np.testing.assert_allclose(rest, whole(model, waveform), atol=1e-4)


def test_a_peek_is_the_same_object_until_something_changes() -> None:
    emitter = StreamingEmitter(MODELS["default"])
    emitter.feed(np.zeros(1000, dtype=np.float32))
    seen = emitter.peek()
    emitter.feed(np.zeros(10, dtype=np.float32))
    assert emitter.peek() is seen
    emitter.feed(np.zeros(1000, dtype=np.float32))
    assert len(emitter.peek()) >= len(seen)
    assert emitter.peek() is not seen


def test_too_little_sound_gives_no_frames() -> None:
    emitter = StreamingEmitter(MODELS["default"])
    assert emitter.feed(np.zeros(399, dtype=np.float32)).letters.shape == (0, 5)
    assert emitter.finish().letters.shape == (0, 5)
    assert emitter.finish().letters.shape == (0, 5)
    with pytest.raises(AudioError, match="is finished"):
        emitter.feed(np.zeros(1, dtype=np.float32))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 10), dtype=np.float32), "expected floats of shape"),
        (np.zeros(10, dtype=np.int16), "expected floats of shape"),
        (np.array([np.nan], dtype=np.float32), "NaN"),
    ],
)
def test_what_is_no_sound_is_refused(samples: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        StreamingEmitter(MODELS["default"]).feed(samples)


@pytest.mark.parametrize(
    ("features", "encoder", "message"),
    [
        (LIVE, dataclasses.replace(SMALL, bidirectional=True), "from both ends"),
        (dataclasses.replace(LIVE, normalisation="utterance"), SMALL, "over the whole utterance"),
    ],
)
def test_a_model_that_needs_the_end_is_refused(
    features: FeaturesConfig, encoder: EncoderConfig, message: str
) -> None:
    model = AcousticModel(AcousticModelConfig(features, encoder=encoder), vocabulary_size=5)
    with pytest.raises(CheckpointError, match=message):
        StreamingEmitter(model)
