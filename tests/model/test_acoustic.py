"""An utterance has the same log-probabilities alone, in any batch, and from a reloaded file."""

import itertools
from pathlib import Path

import pytest
import torch

from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer, UnitTokenizer
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig

VARIANTS = [
    AcousticModelConfig(
        features=FeaturesConfig(kind=kind, normalisation=normalisation),  # type: ignore[arg-type]
        encoder=EncoderConfig(layers=2, hidden_size=24, channels=4, subsampling=subsampling),  # type: ignore[arg-type]
    )
    for kind, normalisation, subsampling in itertools.product(
        ("log_mel", "mfcc"), ("utterance", "none"), (1, 2, 3, 4)
    )
]


def name_of(config: AcousticModelConfig) -> str:
    return f"{config.features.kind}-{config.features.normalisation}-{config.encoder.subsampling}"


def model_of(config: AcousticModelConfig) -> AcousticModel:
    return AcousticModel(config, vocabulary_size=7).eval()


LENGTHS = [16000, 12345, 4000, 1111, 400]


@pytest.mark.parametrize("config", VARIANTS, ids=name_of)
def test_padding_does_not_change_log_probs(config: AcousticModelConfig) -> None:
    model = model_of(config)
    waveforms = 0.1 * torch.randn(len(LENGTHS), max(LENGTHS) + 777)
    lengths = torch.tensor(LENGTHS)
    # What stands in the padding must not matter at all.
    with torch.no_grad():
        together = model(waveforms, lengths)
        for row, length in enumerate(LENGTHS):
            alone = model(waveforms[row : row + 1, :length], torch.tensor([length]))
            assert alone.lengths[0] == together.lengths[row]
            torch.testing.assert_close(
                together.log_probs[row, : alone.lengths[0]], alone.log_probs[0], atol=1e-4, rtol=0
            )


@pytest.mark.parametrize("config", VARIANTS, ids=name_of)
def test_one_function_tells_the_frames_that_come_out(config: AcousticModelConfig) -> None:
    model = model_of(config)
    for samples in (400, 401, 1039, 1040, 5555):
        emission = model(torch.randn(1, samples), torch.tensor([samples]))
        assert emission.log_probs.shape[1] == int(emission.lengths[0])
        assert torch.equal(emission.lengths, model.emission_lengths(torch.tensor([samples])))


def test_every_frame_is_a_distribution_in_float32_also_under_autocast(tiny_model: AcousticModel) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        emission = tiny_model(torch.randn(1, 8000), torch.tensor([8000]))
    assert emission.log_probs.dtype == torch.float32
    torch.testing.assert_close(
        emission.log_probs.exp().sum(dim=2), torch.ones(1, emission.log_probs.shape[1])
    )


def test_a_reloaded_checkpoint_gives_the_same_log_probs(tiny_model: AcousticModel, tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer([BLANK_SYMBOL, *" ABC"], case="upper")
    save_checkpoint(tmp_path / "m.pt", Checkpoint(tiny_model, tokenizer, {"epoch": 3}))
    assert set(torch.load(tmp_path / "m.pt", weights_only=True)) == {
        "format",
        "version",
        "config",
        "tokens",
        "vocabulary",
        "case",
        "weights",
        "notes",
    }
    loaded = load_checkpoint(tmp_path / "m.pt")
    assert loaded.model.config == tiny_model.config
    assert (loaded.tokenizer.vocabulary, loaded.tokenizer.case) == (tokenizer.vocabulary, "upper")
    assert loaded.notes == {"epoch": 3}
    waveform = torch.randn(1, 8000)
    with torch.no_grad():
        before = tiny_model(waveform, torch.tensor([8000])).log_probs
        assert torch.equal(loaded.model(waveform, torch.tensor([8000])).log_probs, before)


def test_transcription_sees_what_evaluation_in_training_sees(tiny_checkpoint: Path) -> None:
    from asr.transcription.loading import load

    transcriber = load(tiny_checkpoint, device="cpu", precision="float32")
    waveforms = [0.1 * torch.randn(length) for length in LENGTHS]
    model = load_checkpoint(tiny_checkpoint).model
    batched = transcriber.emit([waveform.numpy() for waveform in waveforms])
    for waveform, emitted in zip(waveforms, batched, strict=True):
        with torch.no_grad():
            expected = model(waveform[None], torch.tensor([len(waveform)])).log_probs[0]
        torch.testing.assert_close(torch.from_numpy(emitted.letters), expected, atol=1e-4, rtol=0)


def test_spec_augment_hides_in_training_only(tiny_model: AcousticModel) -> None:
    waveform = torch.randn(1, 16000)
    lengths = torch.tensor([16000])
    features, frames = tiny_model.features(waveform, lengths)
    assert torch.equal(tiny_model.spec_augment(features, frames), features)
    tiny_model.train()
    hidden = tiny_model.spec_augment(features, frames)
    share = float((hidden == 0).float().mean())
    assert 0.02 < share < 0.9
    assert torch.equal(hidden[hidden != 0], features[hidden != 0])


def test_a_checkpoint_of_units_and_one_from_before_units_both_load(
    tiny_model: AcousticModel, tmp_path: Path
) -> None:
    units = UnitTokenizer([BLANK_SYMBOL, "h#", "sh", "iy", "ax-h"])
    save_checkpoint(tmp_path / "units.pt", Checkpoint(tiny_model, units))
    loaded = load_checkpoint(tmp_path / "units.pt").tokenizer
    assert isinstance(loaded, UnitTokenizer)
    assert loaded.vocabulary == units.vocabulary

    save_checkpoint(tmp_path / "old.pt", Checkpoint(tiny_model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"])))
    record = torch.load(tmp_path / "old.pt", weights_only=True)
    record["version"] = 1
    del record["tokens"]
    for key in ("cell", "bidirectional", "join", "front_end", "normalisation", "residual", "projection"):
        del record["config"]["encoder"][key]
    for key in ("energy", "deltas"):
        del record["config"]["features"][key]
    torch.save(record, tmp_path / "old.pt")
    old = load_checkpoint(tmp_path / "old.pt")
    assert isinstance(old.tokenizer, CharacterTokenizer)
    assert old.model.config == tiny_model.config


def test_a_checkpoint_in_half_precision_is_half_the_size_and_loads_in_float32(
    tiny_model: AcousticModel, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tiny_model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"]))
    save_checkpoint(tmp_path / "whole.pt", checkpoint)
    save_checkpoint(tmp_path / "half.pt", checkpoint, half=True)
    assert (tmp_path / "half.pt").stat().st_size < 0.75 * (tmp_path / "whole.pt").stat().st_size
    loaded = load_checkpoint(tmp_path / "half.pt").model
    for name, weight in loaded.state_dict().items():
        assert weight.dtype == torch.float32, name
        torch.testing.assert_close(weight, tiny_model.state_dict()[name], rtol=1e-3, atol=1e-4)
