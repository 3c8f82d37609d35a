#!/usr/bin/env python3
"""What it helps to begin with a trained model: some minutes of a language or of a speaker, learned from there and from nothing.

    python scripts/benchmarks/compare_transfer.py runs/languages --epochs 40 ru=ru/train.jsonl,ru/test.jsonl tr=...
    python scripts/benchmarks/compare_transfer.py runs/speakers --starts as-it-is,english 4088=4088-train.jsonl,4088-test.jsonl,8226-test.jsonl

Each row learns from its first manifest with configs/finetune.yaml, for a fixed number of epochs, and its last weights transcribe the others: nothing
is chosen by what they reach. `--starts` are `english` or a checkpoint, `nothing` (the same network with weights drawn by seed, every part learning from the first epoch,
at --learning-rate), and `as-it-is`, the English model without any training. A training that is finished is taken as it is, one that was cut short goes on. OUT/table.md has errors
of characters and words, with 95 % intervals, and OUT/NAME-START/ the runs and reports.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asr.config import load_experiment
from asr.data.manifest import read_manifest
from asr.errors import UsageError
from asr.files import write_atomically

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # where commands.py is

from commands import asr, finish

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "finetune.yaml"
NOTHING, AS_IT_IS = "nothing", "as-it-is"


class Row(NamedTuple):
    """What is learned, and what is transcribed."""

    name: str
    train: Path
    tests: tuple[Path, ...]


def parse_row(text: str) -> Row:
    """`NAME=TRAIN,TEST[,TEST...]`; raises UsageError for anything else."""
    name, _, files = text.partition("=")
    paths = [Path(path) for path in files.split(",") if path]
    if not name or len(paths) < 2:
        raise UsageError(f"{text!r}; expected NAME=TRAIN.jsonl,TEST.jsonl")
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise UsageError(f"{text!r}: no file {', '.join(missing)}")
    return Row(name, paths[0], tuple(paths[1:]))


def train(row: Row, start: str, run: Path, arguments: argparse.Namespace) -> Path:
    """The last weights of a training."""
    begin: list[object] = ["--training.start_from", start]
    if start == NOTHING:
        begin = [
            "--training.start_from", "null", "--training.freeze", "[]", "--training.freeze_epochs", "null",
            "--optimizer.new_parts", 1, "--optimizer.learning_rate", arguments.learning_rate,
        ]  # fmt: skip
    if (
        load_experiment(arguments.config).tokenizer.alphabet is None
    ):  # minutes of speech may lack a letter of the test
        texts = [one.text or "" for path in (row.train, *row.tests) for one in read_manifest(path)]
        begin += ["--tokenizer.alphabet", "".join(sorted({" ", *"".join(texts)}))]
    asr(
        "train", "--auto-resume", "--config", arguments.config, "--run-dir", run, "--data.train", row.train,
        "--data.dev", row.tests[0], "--training.epochs", arguments.epochs, "--training.patience", 0,
        *begin, *arguments.options,
    )  # fmt: skip
    return run / "checkpoints" / "last.pt"


def errors(model: Path | None, test: Path, out: Path) -> dict[str, str]:
    """The cells of a test's errors, by a checkpoint or the model in the package."""
    if not (out / "report.json").exists():
        asr("evaluate", test, *(["--model", model] if model else []), "--out", out)
    result = json.loads((out / "report.json").read_text(encoding="utf-8"))["result"]

    def cell(kind: str) -> str:
        interval = result[f"{kind}_interval"]
        return f"{100 * result[kind]:.1f} ({100 * interval['low']:.1f} to {100 * interval['high']:.1f})"

    return {"CER, %": cell("cer"), "WER, %": cell("wer")}


def measure(row: Row, arguments: argparse.Namespace) -> list[dict[str, str]]:
    """A line for each start and test."""
    heard = f"{sum(one.duration for one in read_manifest(row.train)) / 60:.1f}"
    lines = []
    model: Path | None
    for start in arguments.starts:
        run = arguments.out / f"{row.name}-{Path(start).stem}"
        if start == AS_IT_IS:
            run.mkdir(parents=True, exist_ok=True)
            model = None
        else:
            model = train(row, start, run, arguments)
        for test in row.tests:
            found = errors(model, test, run / test.stem)
            minutes = "0" if start == AS_IT_IS else heard
            lines.append(
                {"": row.name, "learned from, minutes": minutes, "begun with": start, "test": test.stem}
                | found
            )
    return lines


def table(lines: Sequence[dict[str, str]]) -> str:
    """As Markdown."""
    heads = list(lines[0])
    rows = [heads, ["---"] * len(heads), *(list(line.values()) for line in lines)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Train and measure all rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("rows", metavar="NAME=TRAIN,TEST", nargs="+")
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument(
        "--starts", type=lambda text: text.split(","), default=["english", NOTHING], metavar="START,START"
    )
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument(
        "--learning-rate",
        type=float,
        default=0.002,
        help="of networks that begin with nothing (default: %(default)s)",
    )
    parser.add_argument(
        "--options",
        nargs=argparse.REMAINDER,
        default=[],
        help="of `asr train`, for all of them; the last words of the command",
    )
    arguments = parser.parse_args()
    rows = [parse_row(text) for text in arguments.rows]
    lines = []
    for row in rows:
        lines += measure(row, arguments)
        with write_atomically(arguments.out / "table.md") as file:
            file.write(table(lines))
    print(table(lines), end="")


if __name__ == "__main__":
    sys.exit(finish(main))
