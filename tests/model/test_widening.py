"""A wider network says what the narrow one says, and every one of its cells learns something of its own."""

import dataclasses
from pathlib import Path

import pytest
import torch

from asr.cli import main
from asr.data.tokenizer import TokenizerConfig, build_tokenizer
from asr.errors import ConfigError, TrainingError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.objectives import ObjectiveConfig
from asr.model.widening import widen

SMALL = EncoderConfig(layers=3, hidden_size=6, channels=2)
CHANGES: dict[str, dict[str, object]] = {
    "lstm": {},
    "gru": {"cell": "gru"},
    "rnn": {"cell": "rnn_tanh", "normalisation": "none"},
    "one-direction": {"bidirectional": False},
    "sum": {"join": "sum", "residual": True},
    "residual": {"residual": True, "normalisation": "batch"},
    "pyramid": {"pyramid": 1, "subsampling": 1},
    "stack": {"front_end": "stack", "subsampling": 3},
}
TOKENIZER = build_tokenizer(TokenizerConfig(), ["AB C"])


def trained(**changes: object) -> Checkpoint:
    torch.manual_seed(3)
    config = AcousticModelConfig(
        FeaturesConfig(n_mels=8), encoder=dataclasses.replace(SMALL, **changes), phones=("a", "b")
    )
    model = AcousticModel(config, vocabulary_size=len(TOKENIZER)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return Checkpoint(model, TOKENIZER, {"epoch": 3, "dev_wer": 0.5, "corpus": "one"})


def heads(model: AcousticModel) -> list[torch.Tensor]:
    waveforms = 0.1 * torch.randn(2, 9000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        features, lengths = model.features(waveforms, torch.tensor([9000, 5000]))
        said = model.heads(features, lengths)
    assert said.phones is not None
    return [head[row, : int(said.lengths[row])] for head in (said.letters, said.phones) for row in range(2)]


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("times", [1, 2, 3])
def test_as_many_copies_of_every_cell_change_nothing(changes: dict[str, object], times: int) -> None:
    checkpoint = trained(**changes)
    wider = widen(checkpoint, 6 * times)
    assert wider.model.config.encoder.hidden_size == 6 * times
    for expected, got in zip(heads(checkpoint.model), heads(wider.model), strict=True):
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("changes", [CHANGES["rnn"], {"normalisation": "none"}])
def test_any_number_of_cells_changes_nothing_without_normalisation(changes: dict[str, object]) -> None:
    checkpoint = trained(**changes)
    for expected, got in zip(heads(checkpoint.model), heads(widen(checkpoint, 10).model), strict=True):
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


def test_copies_learn_different_things() -> None:
    wider = widen(trained(), 12).model.train()
    wider(0.1 * torch.randn(2, 9000), torch.tensor([9000, 7000])).log_probs.square().mean().backward()
    for layer in wider.encoder.layers:
        gradient = layer.module.weight_hh_l0.grad[:12]
        directions = torch.nn.functional.normalize(gradient, dim=1)
        alike = (directions @ directions.T).abs().fill_diagonal_(0)
        assert alike.max() < 0.9999


def test_notes_say_it_and_measure_nothing() -> None:
    notes = widen(trained(), 10, seed=4).notes
    assert notes == {"corpus": "one", "widened": {"hidden_size": [6, 10], "seed": 4}}


def test_what_cannot_be_widened() -> None:
    with pytest.raises(ConfigError, match="5 cells; expected 6"):
        widen(trained(), 5)
    with pytest.raises(TrainingError, match=r"projection 4 .*; look_ahead 2"):
        widen(trained(projection=4, bidirectional=False, look_ahead=2), 8)
    with pytest.raises(TrainingError, match="cell lstm_peephole"):
        widen(trained(cell="lstm_peephole"), 8)
    config = AcousticModelConfig(encoder=SMALL, objective=ObjectiveConfig(kind="transducer"))
    with pytest.raises(TrainingError, match="a transducer"):
        widen(Checkpoint(AcousticModel(config, vocabulary_size=len(TOKENIZER)), TOKENIZER), 8)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrow, wide = tmp_path / "narrow.pt", tmp_path / "wide.pt"
    checkpoint = trained()
    save_checkpoint(narrow, checkpoint)
    assert main(["model", "widen", str(narrow), str(wide), "--hidden-size", "12"]) == 0
    assert capsys.readouterr().out == f"{wide}\n"
    for expected, got in zip(heads(checkpoint.model), heads(load_checkpoint(wide).model), strict=True):
        torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)
    assert main(["model", "widen", str(narrow), str(wide), "--hidden-size", "12"]) == 2
    assert "is there already" in capsys.readouterr().err
