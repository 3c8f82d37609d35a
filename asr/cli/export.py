"""A checkpoint in a format that other programs run.

  asr export runs/an4/checkpoints/best.pt an4.onnx
  asr export best.pt an4-int8.onnx --int8

The file has the network in it: waveform in, log-probabilities of letters and phones out, the vocabulary in its metadata. How the model was
found to decode best (NAME.decoding.json) is written beside it, so that both transcribe alike.
scripts/transcribe_onnx.py runs it with numpy, soundfile and onnxruntime alone; `asr transcribe --model
an4.onnx` runs it too.
"""

import argparse
from pathlib import Path

from asr.cli.model_options import model_file


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="CKPT", type=model_file, help="a checkpoint that `asr train` wrote")
    parser.add_argument("out", metavar="OUT", type=Path, help="the file to write, such as model.onnx")
    parser.add_argument("--format", choices=["onnx"], default="onnx", help="default: %(default)s")
    parser.add_argument(
        "--int8",
        action="store_true",
        help="weights of LSTM and linear layers in 8 bits: a quarter of the size",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export."""
    from asr.decoding.options import options_path, read_measured, read_options, write_options
    from asr.export.onnx_graph import export_onnx
    from asr.files import write_atomically
    from asr.model.checkpoint import load_checkpoint
    from asr.writing.tagger import tagger_path

    checkpoint = load_checkpoint(arguments.model)
    export_onnx(checkpoint, arguments.out, int8=arguments.int8, name=arguments.model.stem)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")
    tuned, beside = options_path(arguments.model), options_path(arguments.out)
    if tuned.exists() and tuned.resolve() != beside.resolve():
        write_options(beside, read_options(tuned), measured=read_measured(tuned))
        print(f"{beside}: decodes as {tuned} does; the files that it names stay where they are")
    tagger, beside = tagger_path(arguments.model), tagger_path(arguments.out)
    if tagger.exists() and tagger.resolve() != beside.resolve():
        with write_atomically(beside, mode="wb") as file:
            file.write(tagger.read_bytes())
        print(f"{beside}: writes as {tagger} does")
    return 0
