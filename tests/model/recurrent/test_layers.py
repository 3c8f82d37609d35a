"""Every cell in every layout: against torch's own cells, against the paper, alone and in batches."""

import itertools
import warnings

import pytest
import torch
from torch import Tensor

from asr.model.features import frame_mask
from asr.model.recurrent import CELLS, Cell, FusedLayer, PeepholeLayer, RecurrentLayer, build_layer
from asr.model.recurrent.layer import reverse_within_lengths
from asr.model.recurrent.peephole import PeepholeWeights

LENGTHS = torch.tensor([9, 5, 1])
FUSED = [cell for cell in CELLS if cell != "lstm_peephole"]
LAYOUTS = {
    f"{cell}-{'two' if bidirectional else 'one'}-{join}": (cell, bidirectional, join)
    for cell, (bidirectional, join) in itertools.product(
        CELLS, [(False, "concatenate"), (True, "concatenate"), (True, "sum")]
    )
}


@pytest.fixture(params=LAYOUTS.values(), ids=LAYOUTS.keys())
def layer(request: pytest.FixtureRequest) -> RecurrentLayer:
    cell, bidirectional, join = request.param
    return build_layer(cell, 6, 8, bidirectional=bidirectional, join=join)


def masked(outputs: Tensor, lengths: Tensor) -> Tensor:
    return outputs * frame_mask(lengths, outputs.shape[1]).unsqueeze(2)


def torch_cell(layer: FusedLayer, direction: str) -> torch.nn.Module:
    """torch's cell for one step, with the layer's weights."""
    kinds = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn": torch.nn.RNNCell}
    options = {"nonlinearity": layer.cell.removeprefix("rnn_")} if layer.name == "rnn" else {}
    cell = kinds[layer.name](6, 8, **options)  # type: ignore[arg-type]
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data.copy_(getattr(layer.module, f"{name}_l0{direction}"))
    return cell


@pytest.mark.parametrize("cell", FUSED)
@pytest.mark.parametrize("join", ["concatenate", "sum"])
def test_the_layer_equals_torch_cells_step_by_step(cell: Cell, join: str) -> None:
    layer = FusedLayer(cell, 6, 8, join=join)  # type: ignore[arg-type]
    inputs = torch.randn(1, 7, 6)
    directions = []
    for direction, order in (("", range(7)), ("_reverse", range(6, -1, -1))):
        step = torch_cell(layer, direction)
        state, outputs = None, torch.zeros(7, 8)
        for frame in order:
            state = step(inputs[:, frame], state)
            outputs[frame] = state[0][0] if layer.name == "lstm" else state[0]
        directions.append(outputs)
    expected = sum(directions) if join == "sum" else torch.cat(directions, dim=1)
    found = layer(inputs, torch.tensor([7]))[0]
    assert found.shape[1] == layer.size
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def graves_2013(weights: PeepholeWeights, inputs: Tensor) -> Tensor:
    """Equations 3 to 7 of the paper, a frame and a gate at a time: `(T, I)` -> `(T, H)`."""
    size = weights.weight_hh.shape[1]
    w_xi, w_xf, w_xc, w_xo = weights.weight_ih.split(size)
    w_hi, w_hf, w_hc, w_ho = weights.weight_hh.split(size)
    b_i, b_f, b_c, b_o = weights.bias.split(size)
    w_ci, w_cf, w_co = (torch.diag(row) for row in weights.peephole)
    h = c = torch.zeros(size, dtype=inputs.dtype)
    outputs = []
    for x in inputs:
        i = torch.sigmoid(w_xi @ x + w_hi @ h + w_ci @ c + b_i)
        f = torch.sigmoid(w_xf @ x + w_hf @ h + w_cf @ c + b_f)
        c = f * c + i * torch.tanh(w_xc @ x + w_hc @ h + b_c)
        o = torch.sigmoid(w_xo @ x + w_ho @ h + w_co @ c + b_o)
        h = o * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs)


def test_peepholes_are_the_equations_of_the_paper() -> None:
    layer = PeepholeLayer(6, 8).double()
    inputs = torch.randn(1, 9, 6, dtype=torch.float64)
    assert layer.behind is not None
    ahead = graves_2013(layer.ahead, inputs[0])
    behind = graves_2013(layer.behind, inputs[0].flip(0)).flip(0)
    expected = torch.cat([ahead, behind], dim=1)
    torch.testing.assert_close(layer(inputs, torch.tensor([9]))[0], expected, atol=1e-12, rtol=0)


def test_without_peepholes_it_is_the_lstm() -> None:
    ours, torchs = PeepholeLayer(6, 8, bidirectional=False), FusedLayer("lstm", 6, 8, bidirectional=False)
    with torch.no_grad():
        ours.ahead.peephole.zero_()
        torchs.module.weight_ih_l0.copy_(ours.ahead.weight_ih)
        torchs.module.weight_hh_l0.copy_(ours.ahead.weight_hh)
        torchs.module.bias_ih_l0.copy_(ours.ahead.bias)
        torchs.module.bias_hh_l0.zero_()
    inputs = torch.randn(3, 9, 6)
    torch.testing.assert_close(ours(inputs, LENGTHS), torchs(inputs, LENGTHS), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", LAYOUTS)
def test_gradients_agree_with_finite_differences(name: str) -> None:
    cell, bidirectional, join = LAYOUTS[name]
    # Away from the kink of the ReLU, where there is no derivative.
    torch.manual_seed(1)
    layer = build_layer(cell, 2, 3, bidirectional=bidirectional, join=join).double()
    inputs = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 2])
    assert torch.autograd.gradcheck(
        lambda x, *weights: masked(layer.forward_reversed(x, lengths), lengths),
        (inputs, *layer.parameters()),
    )


def test_the_state_at_the_end_carries_gradients_too() -> None:
    layer = PeepholeLayer(2, 3, bidirectional=False).double()
    inputs = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def run(inputs: Tensor, hidden: Tensor, cell: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        outputs, end = layer.run(inputs, (hidden, cell))
        return outputs, *end

    assert torch.autograd.gradcheck(run, (inputs, *state, *layer.parameters()))


def test_an_utterance_comes_out_the_same_alone_and_padded(layer: RecurrentLayer) -> None:
    inputs = torch.randn(3, 9, 6)
    with torch.no_grad():
        together = layer(inputs, LENGTHS)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = layer(inputs[row : row + 1, :length], LENGTHS[row : row + 1])
            torch.testing.assert_close(together[row, :length], alone[0], atol=1e-5, rtol=1e-4)


def test_pieces_with_carried_state_equal_the_whole(layer: RecurrentLayer) -> None:
    inputs = torch.randn(2, 9, 6)
    whole, end = layer.run(inputs, None)
    pieces, state = [], None
    for piece in inputs.split([1, 5, 3], dim=1):
        outputs, state = layer.run(piece, state)
        pieces.append(outputs)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=1e-5, rtol=1e-4)
    assert state is not None
    for found, expected in zip(state, end, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("cell", FUSED)
def test_reversed_passes_equal_the_packed_layer_with_gradients(cell: Cell) -> None:
    layer = FusedLayer(cell, 6, 8)
    inputs = torch.randn(3, 9, 6, requires_grad=True)
    results = []
    for run in (layer.forward_packed, layer.forward_reversed):
        outputs = masked(run(inputs, LENGTHS), LENGTHS)
        gradients = torch.autograd.grad(outputs.square().sum(), [inputs, *layer.parameters()])
        results.append((outputs, *gradients))
    for packed, ours in zip(*results, strict=True):
        torch.testing.assert_close(packed, ours, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("cell", CELLS)
def test_truncation_stops_gradients_and_changes_no_output(cell: Cell) -> None:
    layer = build_layer(cell, 6, 8, bidirectional=False)
    inputs = torch.randn(1, 9, 6, requires_grad=True)
    whole = layer(inputs, torch.tensor([9]))
    layer.truncation = 4
    cut = layer(inputs, torch.tensor([9]))
    torch.testing.assert_close(cut, whole, atol=1e-5, rtol=1e-4)
    (gradient,) = torch.autograd.grad(cut[0, 7].sum(), inputs)
    reached = gradient[0].abs().sum(dim=1) > 0
    assert reached.tolist() == [False] * 4 + [True] * 4 + [False]
    layer.eval()
    (gradient,) = torch.autograd.grad(layer(inputs, torch.tensor([9]))[0, 7].sum(), inputs)
    assert gradient[0, :4].abs().sum() > 0  # in use nothing is cut


def test_bfloat16_autocast_stays_near_float32(layer: RecurrentLayer) -> None:
    inputs = torch.randn(3, 9, 6, requires_grad=True)
    plain = masked(layer(inputs, LENGTHS), LENGTHS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = masked(layer(inputs.bfloat16(), LENGTHS), LENGTHS).float()
    cast.square().sum().backward()
    torch.testing.assert_close(cast, plain, atol=0.1, rtol=0.1)
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in layer.parameters())


def test_reversing_twice_changes_nothing() -> None:
    sequences = torch.randn(3, 9, 2)
    once = reverse_within_lengths(sequences, LENGTHS)
    assert torch.equal(once[1, :5], sequences[1, :5].flip(0))
    assert torch.equal(once[1, 5:], sequences[1, 5:])
    assert torch.equal(reverse_within_lengths(once, LENGTHS), sequences)


def test_the_exported_graph_gives_the_same_numbers(layer: RecurrentLayer, tmp_path: object) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    path = f"{tmp_path}/layer.onnx"
    layer.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            layer,
            (torch.randn(3, 9, 6), LENGTHS),
            path,
            dynamo=False,
            input_names=["inputs", "lengths"],
            dynamic_axes={"inputs": {0: "batch", 1: "frames"}, "lengths": {0: "batch"}},
        )
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    # Another batch size and number of frames than those of the export.
    inputs, lengths = torch.randn(2, 13, 6), torch.tensor([13, 7])
    feed = {"inputs": inputs.numpy(), "lengths": lengths.numpy()}
    (found,) = session.run(None, {node.name: feed[node.name] for node in session.get_inputs()})
    with torch.no_grad():
        expected = masked(layer(inputs, lengths), lengths)
    torch.testing.assert_close(masked(torch.from_numpy(found), lengths), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_agrees_with_the_cpu(layer: RecurrentLayer) -> None:
    inputs = torch.randn(3, 9, 6)
    expected = masked(layer(inputs, LENGTHS), LENGTHS)
    found = masked(layer.cuda()(inputs.cuda(), LENGTHS.cuda()).cpu(), LENGTHS)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
