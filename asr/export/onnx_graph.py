"""A checkpoint -> one ONNX file: waveform in, log-probabilities out, features inside."""

import copy
import io
import json
import logging
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from asr.errors import UsageError
from asr.extras import install_command
from asr.files import write_atomically
from asr.model.acoustic import AcousticModel
from asr.model.checkpoint import Checkpoint

if TYPE_CHECKING:
    import onnx

OPSET = 17
INPUTS = ("waveforms", "lengths")
LETTERS, FRAMES, PHONES = OUTPUTS = ("log_probs", "frames", "phone_log_probs")


def export_onnx(
    checkpoint: Checkpoint, path: str | Path, *, int8: bool = False, name: str = "", digest: str = ""
) -> None:
    """Write a model that onnxruntime runs by itself.

    Inputs: `waveforms` `(B, N)` float32 in [-1, 1], zero-padded, and `lengths` `(B,)` int64 samples. Outputs:
    `log_probs` `(B, T', V)` float32, natural log, `frames` `(B,)` int64, and of a model with a head for phones
    `phone_log_probs` `(B, T', P)`. B and N are free. The file's metadata hold the vocabulary and the phones (JSON), `sample_rate` in Hz, `seconds_per_frame`, `hop` in seconds,
    `minimum_samples`, `case`, `blank`, `precision`, and `checkpoint`, the digest.

    Args:
        checkpoint: the model and its alphabet.
        path: the file to write.
        int8: round the weights of LSTM and linear layers to 8 bits (dynamic quantisation).
        name: of the model, for the metadata.
        digest: of the checkpoint's file (`asr.cache.content_digest`), for the metadata.

    Raises:
        UsageError: onnx is not installed, or a layer of the network is none of
            those that ONNX knows.
        AsrError: the file cannot be written.
    """
    if checkpoint.model.objective is not None:
        raise UsageError(
            f"this model decodes with its {checkpoint.model.config.objective.kind} network; asr export writes models "
            "of objective.kind ctc"
        )
    try:
        import onnx
    except ImportError:
        raise UsageError(f"asr export needs onnx: `{install_command('export')}`") from None
    graph = onnx.load_model_from_string(_trace(checkpoint.model))
    if int8:
        graph = _quantise(graph)
    metadata = {
        "name": name,
        "vocabulary": json.dumps(list(checkpoint.tokenizer.vocabulary), ensure_ascii=False),
        "phones": json.dumps(list(checkpoint.model.config.phones), ensure_ascii=False),
        "case": str(checkpoint.tokenizer.case),
        "blank": "0",
        "sample_rate": str(checkpoint.model.sample_rate),
        "hop": str(checkpoint.model.features.hop_samples / checkpoint.model.sample_rate),
        "seconds_per_frame": repr(checkpoint.model.seconds_per_frame),
        "minimum_samples": str(checkpoint.model.minimum_samples),
        "precision": "int8" if int8 else "float32",
        "checkpoint": digest,
    }
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph)
    with write_atomically(path, mode="wb") as file:
        file.write(graph.SerializeToString())


class _Exportable(nn.Module):
    """The acoustic model with features that ONNX has operators for, and plain tensors out."""

    def __init__(self, model: AcousticModel) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).cpu().float().eval()
        self.model.features.mel_spectrogram = _ConvolutionalMelSpectrogram(model.features.mel_spectrogram)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        letters, phones, frames = self.model.heads(*self.model.features(waveforms, lengths))
        return (letters, frames) if phones is None else (letters, frames, phones)


class _ConvolutionalMelSpectrogram(nn.Module):
    """`(B, N)` -> `(B, F, T)` mel energies, the discrete Fourier transform as a convolution with fixed kernels.

    ONNX's own STFT does not take a length that is known only when it runs in every runtime.

    Args:
        transform: torchaudio's `MelSpectrogram`, without centring, of power 2.
    """

    kernels: Tensor
    filters: Tensor

    def __init__(self, transform: Any) -> None:
        super().__init__()
        spectrogram = transform.spectrogram
        assert spectrogram.power == 2
        assert not spectrogram.center
        assert not spectrogram.normalized
        size = spectrogram.n_fft
        self.hop = spectrogram.hop_length
        window = torch.zeros(size, dtype=torch.float64)
        left = (size - spectrogram.win_length) // 2
        window[left : left + spectrogram.win_length] = spectrogram.window.double()
        turns = torch.outer(torch.arange(size // 2 + 1), torch.arange(size)).remainder(size)
        angle = turns.double() * (2 * torch.pi / size)
        kernels = torch.cat([torch.cos(angle), -torch.sin(angle)]) * window  # (2 bins, samples)
        self.register_buffer("kernels", kernels.float().unsqueeze(1))
        # A convolution, too: quantisation shall leave it alone.
        filters = transform.mel_scale.fb.T.unsqueeze(2)  # (bins, F) -> (F, bins, 1)
        self.register_buffer("filters", filters.contiguous())

    def forward(self, waveforms: Tensor) -> Tensor:
        spectrum = nn.functional.conv1d(waveforms.unsqueeze(1), self.kernels, stride=self.hop)
        real, imaginary = spectrum.chunk(2, dim=1)
        return nn.functional.conv1d(real.square() + imaginary.square(), self.filters)


def _trace(model: AcousticModel) -> bytes:
    """The ONNX graph of a model, by torch's tracing exporter.

    The newer one unrolls recurrent layers over the time that the example has.
    """
    exportable = _Exportable(model)
    samples = model.minimum_samples + 100 * model.features.hop_samples
    waveforms = 0.1 * torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([samples, samples - 10 * model.features.hop_samples])
    outputs = [name for name in OUTPUTS if name != PHONES or model.phone_head is not None]
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter's own deprecation, and what it says of batch sizes
            torch.onnx.export(
                exportable,
                (waveforms, lengths),
                buffer,  # type: ignore[arg-type]  # a file, too, with dynamo=False
                input_names=list(INPUTS),
                output_names=outputs,
                dynamic_axes={
                    "waveforms": {0: "batch", 1: "samples"},
                    "lengths": {0: "batch"},
                    **{name: {0: "batch", 1: "time"} for name in outputs},
                    FRAMES: {0: "batch"},
                },
                opset_version=OPSET,
                dynamo=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"this network does not export to ONNX: {reason}") from None
    return buffer.getvalue()


def _quantise(graph: "onnx.ModelProto") -> "onnx.ModelProto":
    """With 8-bit weights in recurrent and linear layers."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory(prefix="asr-") as folder:
        path = Path(folder) / "int8.onnx"
        logging.disable(logging.WARNING)  # it advises every graph to be prepared; this one needs it not
        try:
            quantize_dynamic(
                graph,
                path,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["MatMul", "Gemm", "LSTM"],
                per_channel=True,
                # Seven bits: processors without VNNI add two products in 16 bits, which eight bits overflow.
                reduce_range=True,
            )
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(path)
