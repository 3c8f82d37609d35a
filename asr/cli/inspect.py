"""Look into a network.

  asr inspect gradients --config configs/digits.yaml --out pictures/gradients
  asr inspect gradients --model runs/an4/checkpoints/best.pt --manifest data/an4/dev.jsonl --out pictures/an4
  asr inspect utterance speech.flac --model runs/an4/checkpoints/best.pt --out speech.png
  asr inspect augmentation --config configs/english.yaml --out pictures/augmentation

`gradients` draws how far an error reaches back in time, as gradients.png and gradients.csv: of a checkpoint,
or of every cell in the network of a configuration, before and after some epochs of training (options of the
configuration may follow, such as --model.layers 2). `utterance` draws waveform, features, emission with its
path, words, and the frames of every layer that the text hangs on. `augmentation` draws some training utterances as they are
and as an experiment varies them, as augmentation.png, and writes each as a WAV file to listen to.
"""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from asr.cli.model_options import model_file
from asr.errors import AsrError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from asr.config import ExperimentConfig
    from asr.data.tokenizer import Tokenizer
    from asr.inspection.gradient_flow import Curve, Flow
    from asr.model.acoustic import AcousticModel
    from asr.model.recurrent import Cell


def configure(parser: argparse.ArgumentParser) -> None:
    """Add a sub-command for each picture."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    gradients = kinds.add_parser(
        "gradients", help="how far back in time an error reaches", allow_abbrev=False
    )
    gradients.add_argument(
        "--config", type=Path, metavar="YAML", help="an experiment whose network to look at"
    )
    gradients.add_argument("--model", type=model_file, metavar="CKPT", help="or a trained checkpoint")
    gradients.add_argument("--manifest", type=Path, metavar="FILE", help="utterances; the config's dev set")
    gradients.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the pictures")
    gradients.add_argument(
        "--cells", default="rnn_tanh,gru,lstm,lstm_peephole", help="cells to compare; default: %(default)s"
    )
    gradients.add_argument(
        "--epochs",
        type=int,
        default=10,
        metavar="N",
        help="of training for the second column; 0 leaves it out",
    )
    gradients.add_argument(
        "--distance", type=int, default=40, metavar="FRAMES", help="to go back; default: %(default)s"
    )
    gradients.add_argument(
        "--utterances", type=int, default=8, metavar="N", help="to average over; default: %(default)s"
    )
    utterance = kinds.add_parser("utterance", help="from sound to words")
    utterance.add_argument("audio", metavar="AUDIO", type=Path, help="a recording; any format and rate")
    utterance.add_argument("--model", type=model_file, required=True, metavar="CKPT")
    utterance.add_argument("--text", help="what is said; default: what the model recognises")
    utterance.add_argument("--out", type=Path, required=True, metavar="PNG")
    augmentation = kinds.add_parser("augmentation", help="how training utterances vary", allow_abbrev=False)
    augmentation.add_argument(
        "--config", type=Path, required=True, metavar="YAML", help="an experiment; options of it may follow"
    )
    augmentation.add_argument(
        "--manifest", type=Path, metavar="FILE", help="utterances; the config's train set"
    )
    augmentation.add_argument(
        "--utterances", type=int, default=4, metavar="N", help="to vary; default: %(default)s"
    )
    augmentation.add_argument(
        "--epochs", type=int, default=3, metavar="N", help="in which each is drawn; default: %(default)s"
    )
    augmentation.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for picture and sound"
    )
    parser.set_defaults(takes_options=True)


def run(arguments: argparse.Namespace) -> int:
    """Draw."""
    if arguments.kind == "utterance":
        if arguments.options:
            raise UsageError(f"unrecognised arguments: {' '.join(arguments.options)}")
        return _utterance(arguments)
    return _augmentation(arguments) if arguments.kind == "augmentation" else _gradients(arguments)


def _utterance(arguments: argparse.Namespace) -> int:
    from asr.data.audio import read_audio
    from asr.inspection.pictures import draw_inspected
    from asr.inspection.utterance import inspect_utterance
    from asr.transcription.loading import load

    transcriber = load(arguments.model, device="cpu", precision="float32")
    waveform = read_audio(arguments.audio, sample_rate=transcriber.sample_rate)
    try:
        seen = inspect_utterance(transcriber, waveform, text=arguments.text)
    except AsrError as error:
        raise type(error)(f"{arguments.audio}: {error}") from None
    draw_inspected(arguments.out, seen, title=arguments.audio.name)
    print(arguments.out)
    return 0


def _augmentation(arguments: argparse.Namespace) -> int:
    from asr.config import load_experiment
    from asr.data.manifest import read_manifest
    from asr.inspection.augmentation import vary_utterances, write_sounds
    from asr.inspection.pictures import draw_variations

    if arguments.utterances < 1 or arguments.epochs < 1:
        raise UsageError("--utterances and --epochs are at least 1")
    config = load_experiment(arguments.config, arguments.options)
    manifest = arguments.manifest or Path(config.data.train)
    if manifest.is_dir() or "://" in str(manifest):
        raise UsageError(f"{manifest}: packed shards; give --manifest FILE, the one they were packed from")
    variations = vary_utterances(
        config, read_manifest(manifest), count=arguments.utterances, epochs=arguments.epochs
    )
    files = write_sounds(arguments.out, variations, sample_rate=config.features.sample_rate)
    draw_variations(arguments.out / "augmentation.png", variations, seconds_per_frame=config.features.hop)
    for file, variation in zip(files, variations, strict=True):
        print(f"{file}  {variation.title}")
    print(arguments.out / "augmentation.png")
    return 0


def _gradients(arguments: argparse.Namespace) -> int:
    from asr.inspection.gradient_flow import write_flows
    from asr.inspection.pictures import draw_flows

    if (arguments.config is None) == (arguments.model is None):
        raise UsageError("give --config YAML (such as configs/digits.yaml), or --model CKPT with --manifest")
    if arguments.distance < 1 or arguments.utterances < 1 or arguments.epochs < 0:
        raise UsageError("--distance and --utterances are at least 1, --epochs at least 0")
    curves, step = _of_config(arguments) if arguments.config is not None else _of_checkpoint(arguments)
    write_flows(arguments.out / "gradients.csv", curves)
    draw_flows(arguments.out / "gradients.png", curves, seconds_per_frame=step)
    from asr.cli.console import table

    half = arguments.distance // 2
    rows = [
        (
            f"{curve.network}, {curve.stage}",
            flow.layer,
            f"{flow.hidden[half]:.2e}",
            f"{flow.hidden[-1]:.2e}",
            "-" if flow.memory is None else f"{flow.memory[-1]:.2e}",
        )
        for curve in curves
        for flow in curve.flows
    ]
    last = arguments.distance
    print(table([("network", "layer", f"h, {half} back", f"h, {last} back", f"cell, {last} back"), *rows]))
    print(arguments.out / "gradients.png")
    return 0


def _of_checkpoint(arguments: argparse.Namespace) -> "tuple[list[Curve], float]":
    from asr.inspection.gradient_flow import Curve
    from asr.model.checkpoint import load_checkpoint

    if arguments.manifest is None or arguments.options:
        raise UsageError(
            "--model needs --manifest, and takes no options of a configuration: "
            f"{' '.join(arguments.options) or 'give --manifest FILE'}"
        )
    checkpoint = load_checkpoint(arguments.model)
    flows = _flows(checkpoint.model, checkpoint.tokenizer, arguments.manifest, arguments)
    network = checkpoint.model.config.encoder.cell
    return [Curve(network, "the checkpoint", flows)], checkpoint.model.seconds_per_frame


def _of_config(arguments: argparse.Namespace) -> "tuple[list[Curve], float]":
    import torch

    from asr.config import load_experiment
    from asr.data.manifest import read_manifest
    from asr.data.tokenizer import build_tokenizer
    from asr.inspection.gradient_flow import Curve
    from asr.model.acoustic import AcousticModel
    from asr.model.checkpoint import load_checkpoint
    from asr.training.train import train

    config = load_experiment(arguments.config, arguments.options)
    config = dataclasses.replace(
        config, training=dataclasses.replace(config.training, epochs=max(1, arguments.epochs))
    )
    manifest = arguments.manifest or Path(config.data.dev)
    tokenizer = build_tokenizer(
        config.tokenizer, (item.text or "" for item in read_manifest(config.data.train))
    )
    before, after, step = [], [], 0.0
    for cell in _cells(arguments.cells):
        experiment = _with_cell(config, cell)
        torch.manual_seed(config.training.seed)
        model = AcousticModel(experiment.acoustic_model, vocabulary_size=len(tokenizer)).eval()
        step = model.seconds_per_frame
        before.append(Curve(cell, "before training", _flows(model, tokenizer, manifest, arguments)))
        if arguments.epochs:
            print(f"training {cell}", file=sys.stderr)
            best = train(experiment, arguments.out / "runs" / cell, progress=sys.stderr.isatty())
            checkpoint = load_checkpoint(best.with_name("last.pt"))
            stage = f"after {arguments.epochs} epochs"
            flows = _flows(checkpoint.model, checkpoint.tokenizer, manifest, arguments)
            after.append(Curve(cell, stage, flows))
    return [*before, *after], step


def _cells(names: str) -> "Sequence[Cell]":
    from asr.model.recurrent import CELLS

    chosen = [name.strip() for name in names.split(",")]
    wrong = [name for name in chosen if name not in CELLS]
    if wrong:
        raise UsageError(f"no cell {wrong[0]!r}; expected some of {','.join(CELLS)}")
    return cast("Sequence[Cell]", chosen)


def _with_cell(config: "ExperimentConfig", cell: "Cell") -> "ExperimentConfig":
    return dataclasses.replace(config, model=dataclasses.replace(config.model, cell=cell))


def _flows(
    model: "AcousticModel", tokenizer: "Tokenizer", manifest: Path, arguments: argparse.Namespace
) -> "list[Flow]":
    import torch

    from asr.inspection.gradient_flow import gradient_flow

    utterances = _longest(model, tokenizer, manifest, arguments.utterances)
    try:
        with torch.enable_grad():
            return gradient_flow(model, utterances, distances=arguments.distance)
    except ValueError as error:
        raise AsrError(f"{manifest}: {error}; lower --distance") from None


def _longest(
    model: "AcousticModel", tokenizer: "Tokenizer", manifest: Path, count: int
) -> "list[tuple[np.ndarray, list[int]]]":
    """The longest utterances, but none beyond 10 s, with their tokens."""
    from asr.data.audio import read_audio
    from asr.data.manifest import read_manifest

    suitable = [item for item in read_manifest(manifest) if item.text and item.duration <= 10]
    return [
        (
            read_audio(
                item.audio,
                sample_rate=model.sample_rate,
                start=item.start,
                duration=item.duration,
                channel=item.channel,
            ),
            tokenizer.encode(item.text or ""),
        )
        for item in sorted(suitable, key=lambda item: -item.duration)[:count]
    ]
