"""8-bit weights for transcription on the CPU: dynamic quantisation of LSTM and linear layers.

Weights are rounded to int8 once, a scale for each row; activations are rounded before each product, with the
range they have there. It is done with torch's quantised operators themselves: the modules of
`torch.ao.quantization` are deprecated, and torchao, which follows them, has no LSTM. Tensors of type qint8 are
deprecated, too; should a later torch lack them, `asr export --int8` does the same in onnxruntime.
"""

import copy
import warnings
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from asr.errors import UsageError
from asr.model.precision import Precision

M = TypeVar("M", bound=nn.Module)
TranscriptionPrecision = Precision | Literal["int8"]


def quantise(model: M) -> M:
    """A copy of a model with int8 LSTM layers (one or both directions) and linear layers, for inference on the CPU.

    What is neither stays as it is.

    Raises:
        UsageError: this build of torch has no quantised operators.
    """
    if "fbgemm" not in torch.backends.quantized.supported_engines and (
        torch.backends.quantized.engine == "none"
    ):
        raise UsageError("this build of PyTorch has no int8 operators; take --precision float32 or bfloat16")
    model = copy.deepcopy(model).eval()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, Int8Linear(child))
                continue
            lstm = getattr(child, "lstm", None)
            if isinstance(lstm, nn.LSTM) and _is_plain(child):
                setattr(parent, name, Int8LSTM(lstm))
    return model


def _is_plain(layer: nn.Module) -> bool:
    """Whether a layer around an LSTM gives the LSTM's outputs themselves, and needs all of the utterance."""
    return getattr(layer, "join", "concatenate") == "concatenate" and not getattr(layer, "truncation", 0)


class Int8Linear(nn.Module):
    """`nn.Linear` with int8 weights."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.packed = _pack(linear.weight, linear.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """`(..., I)` -> `(..., O)`, float32."""
        return torch.ops.quantized.linear_dynamic(inputs.float(), self.packed, True)


class Int8LSTM(nn.Module):
    """One LSTM layer with int8 weights: `(B, T, I)` and `(B,)` lengths -> `(B, T, H)` or, both ways, `(B, T, 2H)`."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.hidden_size = lstm.hidden_size
        self.bidirectional = lstm.bidirectional
        self.cells = []
        for direction in ["", "_reverse"][: 1 + lstm.bidirectional]:
            inputs, hidden = (
                _pack(
                    getattr(lstm, f"weight_{name}_l0{direction}"), getattr(lstm, f"bias_{name}_l0{direction}")
                )
                for name in ("ih", "hh")
            )
            biases = (getattr(lstm, f"bias_{name}_l0{direction}").detach() for name in ("ih", "hh"))
            self.cells.append(
                torch.ops.quantized.make_quantized_cell_params_dynamic(inputs, hidden, *biases, True)
            )

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Run over a padded batch; zeros past each length."""
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs.float(), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        zeros = inputs.new_zeros(1 + self.bidirectional, len(inputs), self.hidden_size, dtype=torch.float32)
        outputs, _, _ = torch.quantized_lstm(
            packed.data,
            packed.batch_sizes,
            (zeros, zeros),
            self.cells,
            True,
            1,
            0.0,
            False,
            self.bidirectional,
            dtype=torch.qint8,
            use_dynamic=True,
        )
        padded, _ = nn.utils.rnn.pad_packed_sequence(
            packed._replace(data=outputs), batch_first=True, total_length=inputs.shape[1]
        )
        return padded


def _pack(weight: Tensor, bias: Tensor | None) -> torch.ScriptObject:
    """`(O, I)` weights rounded to int8, a scale for each of the O rows, laid out for the processor."""
    weight = weight.detach().float()
    scales = (weight.abs().amax(dim=1) / 127).clamp(min=1e-8)
    zeros = torch.zeros(len(weight), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is deprecated; see above
        rounded = torch.quantize_per_channel(weight, scales.double(), zeros, 0, torch.qint8)
    return torch.ops.quantized.linear_prepack(rounded, None if bias is None else bias.detach().float())
