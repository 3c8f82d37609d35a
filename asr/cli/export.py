"""A checkpoint in a format that other programs run.

  asr export runs/an4/checkpoints/best.pt an4.onnx
  asr export best.pt an4-int8.onnx --int8
  asr export best.pt best.cpu.onnx --int8

The file has the network in it: waveform in, log-probabilities of letters and phones out, the vocabulary in its metadata. What lies beside
the checkpoint (how it decodes best, tagger, models of phones) is written beside it, so that both transcribe and align alike.
scripts/transcribe_onnx.py runs it with numpy, soundfile and onnxruntime alone; `asr transcribe --model
an4.onnx` runs it too.

best.cpu.onnx beside best.pt, the same name before `.cpu.onnx`, is what runs on a CPU wherever best.pt is named: it starts without PyTorch, in a
second less or two, and takes half the memory. Where the checkpoint has changed since, that is an error.
"""

import argparse
from pathlib import Path

from asr.cli.model_options import model_file


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="CKPT", type=model_file, help="a checkpoint that `asr train` wrote")
    parser.add_argument("out", metavar="OUT", type=Path, help="the file to write, such as model.onnx")
    parser.add_argument(
        "--int8",
        action="store_true",
        help="weights of LSTM and linear layers in 8 bits: a quarter of the size",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export."""
    from asr.cache import content_digest
    from asr.companions import Companion
    from asr.decoding.options import copy_options
    from asr.export.onnx_graph import export_onnx
    from asr.files import copy_atomically
    from asr.model.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(arguments.model)
    digest = content_digest(arguments.model)
    export_onnx(checkpoint, arguments.out, int8=arguments.int8, name=arguments.model.stem, digest=digest)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")
    if arguments.out.resolve() == Companion.CPU_NETWORK.path(arguments.model).resolve():
        print(f"{arguments.model}: runs as {arguments.out.name} on a CPU from now on")
        return 0
    said = {
        Companion.DECODING: "decodes as {} does; the files that it names stay where they are",
        Companion.TAGGER: "writes as {} does",
        Companion.PHONE_MODELS: "finds the ends of phones as {} does",
    }
    for companion, what in said.items():
        source, copy = companion.find(arguments.model), companion.path(arguments.out)
        if source is None or source.resolve() == copy.resolve():
            continue
        if companion is Companion.DECODING:
            copy_options(source, copy)
        else:
            copy_atomically(source, copy)
        print(f"{copy}: {what.format(source)}")
    return 0
