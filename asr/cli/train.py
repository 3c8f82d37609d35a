"""Train a recogniser.

asr train --config configs/an4.yaml
asr train --config configs/an4.yaml --run-dir runs/wide --model.hidden_size 320
asr train --resume runs/wide
asr train --config configs/librispeech_960.yaml --run-dir runs/960 --auto-resume   # in a job that is requeued
torchrun --nproc-per-node 8 -m asr train --config configs/librispeech_960.yaml --run-dir runs/960
"""

import argparse
import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from asr.errors import UsageError


class _Help(argparse.Action):
    """--help, with every configuration option, its type and its default."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from asr.config import ExperimentConfig
        from asr.options import options_parser

        parser.print_help()
        print("\nevery key of the configuration is an option too:\n")
        text = options_parser(ExperimentConfig, add_help=False, prog="asr train").format_help()
        # Each group could come from a file of its own; that is not how experiments are written here.
        print(re.sub(r"  --\S+ CONFIG\s+Path to a configuration file\.\n", "", text.split("\n\n", 1)[1]))
        parser.exit()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    for action in list(parser._actions):
        if "--help" in action.option_strings:
            parser._handle_conflict_resolve(None, [(option, action) for option in action.option_strings])  # type: ignore[arg-type]
    parser.add_argument("-h", "--help", action=_Help, nargs=0, help="show this help message and exit")
    parser.add_argument("--config", type=Path, metavar="YAML", help="the experiment")
    parser.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="where to write; default runs/CONFIG-DATE-TIME"
    )
    parser.add_argument("--resume", type=Path, metavar="RUN_DIR", help="go on where a run stopped")
    parser.add_argument(
        "--auto-resume", action="store_true", help="go on when --run-dir holds a run already, begin otherwise"
    )
    parser.set_defaults(takes_options=True)


def run(arguments: argparse.Namespace) -> int:
    """Train."""
    from asr.cli.console import log_to_file
    from asr.config import load_experiment

    progress = sys.stderr.isatty()
    if arguments.resume is not None:
        if arguments.config is not None or arguments.run_dir is not None:
            raise UsageError("--resume takes its configuration from the run folder; give it without --config")
        from asr.training.train import resume

        run_dir = arguments.resume
        if run_dir.is_dir():
            log_to_file(run_dir / "train.log")
        best = resume(run_dir, arguments.options, progress=progress)
    else:
        if arguments.config is None:
            raise UsageError("give --config YAML (such as configs/an4.yaml), or --resume RUN_DIR")
        config = load_experiment(arguments.config, arguments.options)
        if arguments.run_dir is None and (arguments.auto_resume or _started_by_launcher()):
            raise UsageError("give --run-dir: all processes, and all requeues, need the same")
        run_dir = arguments.run_dir or _default_run_dir(arguments.config)
        from asr.training.train import train, train_or_resume

        begin = train_or_resume if arguments.auto_resume else train
        best = begin(config, run_dir, progress=progress, on_start=lambda: log_to_file(run_dir / "train.log"))
    from asr.training.processes import is_first_process

    if is_first_process():
        print(best)
    return 0


def _started_by_launcher() -> bool:
    from asr.training.processes import find_launch

    return find_launch(1).launcher != ""


def _default_run_dir(config: Path) -> Path:
    """runs/CONFIG-DATE-TIME; the processes that share a training inherit the first one's choice."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path(os.environ.setdefault("ASR_RUN_DIR", str(Path("runs") / f"{config.stem}-{stamp}")))
