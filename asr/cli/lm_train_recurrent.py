"""Train a recurrent language model: one LSTM layer over words.

It has a say in the choice among what a beam search with an n-gram has found (`--recurrent-lm` of transcribe,
evaluate and serve). Stopped by a signal it goes on where it was when the same command is given again.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asr.cli.config_options import add_config_options, given_fields, training_bar
from asr.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from asr.training.recurrent_lm_config import RecurrentLmConfig

    parser.description = __doc__
    parser.add_argument(
        "text",
        metavar="TEXT",
        nargs="+",
        type=Path,
        help="a sentence a line (.gz, .xz), or a manifest (.jsonl)",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="the model, such as words.rnn")
    add_config_options(parser, RecurrentLmConfig)
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps, or auto (default)")


def run(arguments: argparse.Namespace) -> int:
    """Train."""
    from tqdm import tqdm

    from asr.language_model.counting import read_sentences
    from asr.language_model.recurrent import write_recurrent_model
    from asr.model.device import choose_device
    from asr.training.recurrent_lm import read_lines, train_recurrent_lm
    from asr.training.recurrent_lm_config import RecurrentLmConfig

    if arguments.out.suffix in (".arpa", ".lm", ".gz"):
        raise UsageError(f"{arguments.out}: is the name of an n-gram; expected one such as words.rnn")
    config = RecurrentLmConfig(**given_fields(arguments, RecurrentLmConfig))
    device = choose_device(arguments.device)
    with tqdm(unit=" words", unit_scale=True, desc="reading", disable=not sys.stderr.isatty()) as bar:
        lines = read_lines(_counted(arguments.text, read_sentences, bar), vocabulary=config.vocabulary)
    known = 1 - lines.counts[0] / len(lines.ids)
    with training_bar() as show:
        state = arguments.out.with_name(arguments.out.name + ".state")
        model = train_recurrent_lm(lines, config, state=state, device=device, progress=show)
    write_recurrent_model(arguments.out, model)
    print(f"{arguments.out}: {len(model.words):,} words, {known:.1%} of the text; {config.cells} cells")
    return 0


def _counted(
    paths: "Sequence[Path]", read: "Callable[[Path], Iterator[list[str]]]", bar: Any
) -> "Iterator[list[str]]":
    for path in paths:
        for words in read(path):
            bar.update(len(words))
            yield words
