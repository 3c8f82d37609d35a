import pytest
import torch

from asr.model.features import frame_mask
from asr.model.recurrent import BidirectionalLSTM, reverse_within_lengths

LENGTHS = torch.tensor([9, 5, 1])


def test_reversed_passes_equal_the_packed_bidirectional_lstm_with_gradients() -> None:
    layer = BidirectionalLSTM(6, 8)
    inputs = torch.randn(3, 9, 6, requires_grad=True)
    mask = frame_mask(LENGTHS, 9).unsqueeze(2)
    results = []
    for run in (layer.forward_packed, layer.forward_reversed):
        outputs = run(inputs, LENGTHS) * mask
        weights = list(layer.parameters())
        gradients = torch.autograd.grad(outputs.square().sum(), [inputs, *weights])
        results.append((outputs, *gradients))
    for packed, ours in zip(*results, strict=True):
        torch.testing.assert_close(packed, ours, atol=1e-5, rtol=1e-4)


def test_the_layer_equals_torch_cells_step_by_step() -> None:
    layer = BidirectionalLSTM(4, 5)
    inputs = torch.randn(1, 7, 4)
    outputs = layer(inputs, torch.tensor([7]))[0]
    for direction, columns, order in (
        ("", slice(0, 5), range(7)),
        ("_reverse", slice(5, 10), range(6, -1, -1)),
    ):
        cell = torch.nn.LSTMCell(4, 5)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, name).data.copy_(getattr(layer.lstm, f"{name}_l0{direction}"))
        state = None
        for step in order:
            state = cell(inputs[:, step], state)
            torch.testing.assert_close(outputs[step, columns], state[0][0], atol=1e-5, rtol=1e-4)


def test_gradients_agree_with_finite_differences() -> None:
    layer = BidirectionalLSTM(2, 3).double()
    inputs = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([4, 2])
    mask = frame_mask(lengths, 4).unsqueeze(2)
    assert torch.autograd.gradcheck(lambda x: layer.forward_reversed(x, lengths) * mask, inputs)


def test_reversing_twice_changes_nothing() -> None:
    sequences = torch.randn(3, 9, 2)
    once = reverse_within_lengths(sequences, LENGTHS)
    assert torch.equal(once[1, :5], sequences[1, :5].flip(0))
    assert torch.equal(once[1, 5:], sequences[1, 5:])
    assert torch.equal(reverse_within_lengths(once, LENGTHS), sequences)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_agrees_with_the_cpu() -> None:
    layer = BidirectionalLSTM(6, 8)
    inputs = torch.randn(3, 9, 6)
    mask = frame_mask(LENGTHS, 9).unsqueeze(2)
    expected = layer(inputs, LENGTHS) * mask
    found = layer.cuda()(inputs.cuda(), LENGTHS.cuda()).cpu() * mask
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
