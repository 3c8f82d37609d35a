"""Find the batch budget for this machine: data.seconds_per_batch.

asr tune-batch --config configs/librispeech_100.yaml

Trains some steps on the most costly batches that ever larger budgets would form. On a GPU it goes on until
memory runs out and recommends nine tenths of the largest that fits; on a CPU it tries up to four times the
configured budget and recommends the fastest. The last line is the option to train with.
"""

import argparse
import math
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--config", type=Path, required=True, metavar="YAML", help="the experiment")
    parser.add_argument(
        "--most-seconds", type=float, default=0.0, metavar="SECONDS", help="try no budget above this"
    )
    parser.add_argument("--steps", type=int, default=3, help="of each trial, at least 2; default 3")
    parser.set_defaults(takes_options=True)


def run(arguments: argparse.Namespace) -> int:
    """Try budgets."""
    from asr.config import load_experiment
    from asr.data.tokenizer import build_tokenizer
    from asr.errors import UsageError
    from asr.training.batch_tuning import recommended, try_budgets
    from asr.training.data import open_training_data

    if arguments.steps < 2:
        raise UsageError(f"--steps {arguments.steps}; expected at least 2")
    config = load_experiment(arguments.config, arguments.options)
    data = open_training_data(config)
    tokenizer = build_tokenizer(config.tokenizer, data.transcripts())
    trials = []
    print(f"{'seconds a batch':>15}{'utterances':>12}{'h/h':>9}{'memory':>12}")
    for trial in try_budgets(
        config, tokenizer, data.durations, most_seconds=arguments.most_seconds, steps=arguments.steps
    ):
        trials.append(trial)
        memory = "does not fit"
        if trial.fits:
            memory = "?" if math.isnan(trial.memory_gib) else f"{trial.memory_gib:.2f} GiB"
        print(
            f"{trial.seconds_per_batch:>15.1f}{trial.utterances:>12}{trial.hours_per_hour:>9.0f}{memory:>14}",
            flush=True,
        )
    print(f"--data.seconds_per_batch {math.floor(recommended(trials))}")
    return 0
