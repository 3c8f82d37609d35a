"""A model's file -> what transcribes with it."""

from dataclasses import dataclass
from pathlib import Path

from asr.allocator import give_back_freed_memory, keep_few_kernels
from asr.companions import Companion
from asr.decoding.options import DecodingOptions, tuned_options
from asr.decoding.warm_up import warm_up
from asr.errors import UsageError
from asr.model.precision import Precision
from asr.model.pretrained import default_model, find_model, find_tagger
from asr.processors import has_gpu
from asr.transcription.emitter import Emitter
from asr.transcription.onnx_emitter import OnnxEmitter
from asr.transcription.transcriber import Transcriber, build_decoder
from asr.writing.tagger import read_tagger


def load(
    model: str | Path | None = None,
    *,
    decoding: DecodingOptions | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    threads: int = 0,
    tagger: str | Path | None = None,
    verbatim: bool = False,
) -> "Transcriber":
    """Load a model for transcription.

    Args:
        model: a checkpoint that training wrote, such as RUN/checkpoints/best.pt, or the run's folder, or a .onnx file of `asr export`; `hf:owner/name` or
            `hf:owner/name@revision` of the Hugging Face Hub; "english", or None, for the model that ships with the package.
        decoding: how log-probabilities become text; by default as `asr lm tune` found best for the model,
            and greedy where it has not been run.
        device: "cpu", "cuda", or "auto" for a GPU where there is one; ONNX files run on the CPU.
        precision: "float32", "bfloat16", or "auto" for bfloat16 where the hardware multiplies it; an ONNX file has its
            own. On a CPU, "auto" takes the ONNX file that was made of a checkpoint for this (`best.cpu.onnx` beside `best.pt`), where there is one.
        threads: of the network; 0 for all processors.
        tagger: what `asr punctuation train` wrote, or "english" for the one in the package, for transcriptions that people read; None takes
            the one beside the model (`best.tagger` beside `best.pt`), where there is one.
        verbatim: transcriptions have the words as they are recognised, whatever taggers there are.

    Raises:
        CheckpointError: missing, not a model, of a newer version, or broken.
        DecodingError: options that do not fit the model.
        WritingError: the tagger is missing, broken, or something else.
        UsageError: no model named, and this build of the package has none; or a device or precision that it cannot use.
    """
    if model is None:
        model = default_model()
        if model is None:
            raise UsageError(
                "this build has no model of its own; name one: --model CKPT, or asr.load(CKPT) "
                "(`asr train` writes RUN/checkpoints/best.pt)"
            )
    model = find_model(model)
    options = tuned_options(model) if decoding is None else decoding
    warm_up(options)
    emitter = _choose_emitter(model, device=device, precision=precision, threads=threads)
    if tagger is None:
        tagger = Companion.TAGGER.find(model)
    writer = None if verbatim or tagger is None else read_tagger(find_tagger(tagger))
    transcriber = Transcriber(emitter, build_decoder(emitter.info, options), writer, source=Path(model))
    give_back_freed_memory()  # what reading the files took
    return transcriber


@dataclass(frozen=True)
class ModelSettings:
    """The arguments of `load`, for whoever loads the model elsewhere."""

    model: Path | None = None
    decoding: DecodingOptions | None = None
    device: str = "auto"
    precision: Precision = "auto"
    threads: int = 0
    tagger: Path | None = None
    verbatim: bool = False

    def load(self) -> "Transcriber":
        """See `load`."""
        return load(**vars(self))


def _choose_emitter(model: Path, *, device: str, precision: Precision, threads: int) -> Emitter:
    """What runs the network of a file."""
    if model.suffix == ".onnx":
        if precision not in ("auto", "float32"):
            raise UsageError(
                f"precision {precision}: an ONNX model runs at the precision it was exported with "
                "(`asr export --int8`)"
            )
        if device not in ("auto", "cpu"):
            raise UsageError(f"device {device}: ONNX models run on the CPU here; take the checkpoint")
        return OnnxEmitter(model, threads=threads)
    for_cpu = Companion.CPU_NETWORK.find(model)
    if (
        for_cpu is not None
        and precision == "auto"
        and (device == "cpu" or (device == "auto" and not has_gpu()))
    ):
        return OnnxEmitter(for_cpu, threads=threads, checkpoint=model)
    import torch

    from asr.model.checkpoint import load_checkpoint
    from asr.transcription.torch_emitter import TorchEmitter

    keep_few_kernels()
    if threads:
        torch.set_num_threads(threads)
    return TorchEmitter(load_checkpoint(model), device=device, precision=precision)
