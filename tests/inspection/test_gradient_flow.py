"""How far an error reaches back: against the product of Jacobians, and seen to vanish."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from asr.inspection.gradient_flow import Curve, gradient_flow, write_flows
from asr.inspection.pictures import draw_flows
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.encoder import EncoderConfig
from asr.model.features import FeaturesConfig
from asr.model.recurrent import CELLS, FusedLayer

WAVEFORM = np.random.default_rng(0).uniform(-0.3, 0.3, 9000).astype(np.float32)
TOKENS = [1, 2, 3]


def build(**changes: object) -> AcousticModel:
    torch.manual_seed(0)
    encoder = EncoderConfig(channels=2, dropout=0.0, **{"layers": 2, "hidden_size": 12, **changes})  # type: ignore[arg-type]
    features = FeaturesConfig(n_mels=8)
    return AcousticModel(AcousticModelConfig(features, encoder=encoder), vocabulary_size=5).eval()


def test_it_is_the_product_of_the_jacobians() -> None:
    """A plain RNN of one layer: d h_t / d h_{t-1} = diag(1 - h_t^2) W_hh (Pascanu et al. 2013, equation 5)."""
    model = build(layers=1, bidirectional=False, cell="rnn_tanh", normalisation="none")
    layer = model.encoder.layers[0]
    assert isinstance(layer, FusedLayer)
    flow = gradient_flow(model, [(WAVEFORM, TOKENS)], distances=5, frames=1)[0]
    with torch.no_grad():
        hidden = model.encoder(
            *model.features(torch.from_numpy(WAVEFORM)[None], torch.tensor([9000]))
        ).hidden[0]
        logits = model.head(hidden)
    leaf = logits.clone().requires_grad_()
    torch.nn.functional.ctc_loss(
        torch.log_softmax(leaf, 1)[:, None],
        torch.tensor([TOKENS]),
        torch.tensor([len(leaf)]),
        torch.tensor([3]),
        reduction="sum",
    ).backward()
    assert leaf.grad is not None
    gradient = leaf.grad[5] @ model.head.weight.detach()
    expected = [float(gradient.norm())]
    for frame in range(5, 0, -1):
        gradient = (gradient * (1 - hidden[frame].square())) @ layer.module.weight_hh_l0.detach()
        expected.append(float(gradient.norm()))
    np.testing.assert_allclose(flow.hidden, np.array(expected) / expected[0], rtol=1e-3)
    assert flow.memory is None


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("changes", [{}, {"bidirectional": False, "look_ahead": 2}, {"pyramid": 1}], ids=str)
def test_every_cell_and_layout_has_a_flow(cell: str, changes: dict[str, object]) -> None:
    flows = gradient_flow(build(cell=cell, subsampling=1, **changes), [(WAVEFORM, TOKENS)], distances=10)
    assert [flow.layer for flow in flows] == [1, 2]
    for flow in flows:
        assert flow.hidden[0] == pytest.approx(1.0)
        assert np.isfinite(flow.hidden).all()
        assert (flow.memory is not None) == cell.startswith("lstm")


def test_the_gradient_of_the_plain_network_vanishes_and_that_of_the_lstm_far_less() -> None:
    plain, lstm = (
        gradient_flow(build(cell=cell, hidden_size=32), [(WAVEFORM, TOKENS)], distances=10)
        for cell in ("rnn_tanh", "lstm")
    )
    for vanishing, kept in zip(plain, lstm, strict=True):
        assert kept.memory is not None
        assert vanishing.hidden[10] < 0.1
        assert kept.memory[10] > 3 * vanishing.hidden[10]


def test_too_short_utterances_are_said_to_be() -> None:
    with pytest.raises(ValueError, match="no utterance has more than 500 frames"):
        gradient_flow(build(), [(WAVEFORM, TOKENS)], distances=500)


def test_numbers_and_picture_are_written(tmp_path: Path) -> None:
    curves = [
        Curve(cell, "before training", gradient_flow(build(cell=cell), [(WAVEFORM, TOKENS)], distances=4))
        for cell in ("gru", "lstm")
    ]
    write_flows(tmp_path / "g.csv", curves)
    rows = list(csv.DictReader((tmp_path / "g.csv").open()))
    assert len(rows) == 2 * 2 * 5
    assert {row["memory"] == "" for row in rows if row["network"] == "gru"} == {True}
    draw_flows(tmp_path / "g.png", curves, seconds_per_frame=0.04)
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
