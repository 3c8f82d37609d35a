#!/usr/bin/env python3
"""Every recurrent network with the same budget on the same data, as a Markdown table.

    python scripts/benchmarks/compare_networks.py --config configs/an4.yaml --epochs 40 --out runs/networks-an4 \
        --test data/an4/test.jsonl
    python scripts/benchmarks/compare_networks.py --config configs/digits.yaml --epochs 20 --out runs/networks-digits \
        --test data/digits/test.jsonl --only lstm-two-3,gru-two-3

Trains cell by cell, one and both directions, depth 1 to 5, and CTC, transducer and attention, each in a folder of
its own. A run that is finished is taken as it is, one that was cut short goes on; the table is printed at the
end from what is finished, and written to OUT/networks.md and OUT/networks.json. Options of the configuration
may follow (--data.train, --model.hidden_size). Error rates are greedy, pooled over words, with 95 % bootstrap
intervals over utterances (seed 0); the test set is transcribed once, with the model that dev chose.
"""

import argparse
import csv
import dataclasses
import json
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from asr.cli.console import setup_logging
from asr.config import ExperimentConfig, load_experiment
from asr.data.manifest import read_manifest
from asr.decoding.options import DecodingOptions
from asr.errors import AsrError
from asr.evaluation.scoring import Score, score_utterance
from asr.evaluation.significance import bootstrap_interval
from asr.files import write_atomically
from asr.model.recurrent import CELLS
from asr.training.state import TrainingStopped
from asr.training.train import train_or_resume
from asr.transcription.loading import load


class Network(NamedTuple):
    """A row of the table."""

    name: str
    changes: dict[str, dict[str, object]]


class Rate(NamedTuple):
    """A word error rate, with the ends of its interval."""

    rate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.rate:.1f} % ({100 * self.low:.1f} to {100 * self.high:.1f})"


def networks(config: ExperimentConfig) -> list[Network]:
    """What is compared: each cell in one and both directions, depth 1 to 5 of the LSTM, three objectives."""
    depth = config.model.layers
    found = [
        Network(
            f"{cell}-{'two' if two else 'one'}-{depth}",
            {"model": {"cell": cell, "bidirectional": two, "layers": depth}},
        )
        for cell in CELLS
        for two in (False, True)
    ]
    found += [
        Network(f"lstm-two-{layers}", {"model": {"layers": layers}})
        for layers in range(1, 6)
        if layers != depth
    ]
    found += [
        Network(f"lstm-two-{depth}-{kind}", {"objective": {"kind": kind}})
        for kind in ("transducer", "attention")
    ]
    return found


def changed(config: ExperimentConfig, network: Network, epochs: int) -> ExperimentConfig:
    """The experiment of a network."""
    changes: dict[str, dict[str, object]] = {**network.changes, "training": {"epochs": epochs}}
    parts = {name: dataclasses.replace(getattr(config, name), **fields) for name, fields in changes.items()}
    return dataclasses.replace(config, **parts)


def trained(config: ExperimentConfig, run: Path) -> Path:
    """The best checkpoint of a run: of a finished one at once, else after training to its end."""
    if not (run / "finished").exists():
        best = train_or_resume(config, run, progress=sys.stderr.isatty())
        (run / "finished").touch()
        return best
    if load_experiment(run / "config.yaml") != config:
        raise AsrError(f"{run}: holds a run of another configuration or budget; choose another --out")
    return run / "checkpoints" / "best.pt"


def word_errors(checkpoint: Path, manifest: Path) -> Rate:
    """Greedy WER of a checkpoint on a manifest."""
    transcriber = load(checkpoint, decoding=DecodingOptions(), device="cpu")
    utterances = [item for item in read_manifest(manifest) if item.text]
    scored = []
    references = {item.id: transcriber.tokenizer.normalise(item.text or "") for item in utterances}
    for outcome in transcriber.transcribe_utterances(utterances):
        name = outcome.recording.name
        scored.append(score_utterance(name, references[name], outcome.result().text))
    score = Score(sorted(scored, key=lambda item: item.id))
    interval = bootstrap_interval([item.words for item in score.utterances], seed=0)
    return Rate(score.wer, interval[0], interval[1])


def measure(
    network: Network, run: Path, best: Path, config: ExperimentConfig, test: Path
) -> dict[str, object]:
    """A row of the table; kept beside the run."""
    kept = run / "row.json"
    if kept.exists():
        row: dict[str, object] = json.loads(kept.read_text(encoding="utf-8"))
        return row
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    parameters = sum(
        weight.numel() for weight in load(best, decoding=DecodingOptions(), device="cpu").model.parameters()
    )
    row = {
        "network": network.name,
        "parameters": parameters,
        "dev": word_errors(best, Path(config.data.dev)),
        "test": word_errors(best, test),
        "seconds": statistics.median(seconds[1:] or seconds),
    }
    with write_atomically(kept) as file:
        json.dump(row, file)
    return row


def markdown(rows: list[dict[str, object]]) -> str:
    """The table."""
    lines = ["| network | parameters | dev WER | test WER | s an epoch |", "|---|---|---|---|---|"]
    for row in rows:
        dev, test = (Rate(*row[name]) for name in ("dev", "test"))  # type: ignore[misc]
        lines.append(
            f"| {row['network']} | {row['parameters']:,} | {dev} | {test} | {float(str(row['seconds'])):.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--epochs", type=int, required=True, help="the budget of every network")
    parser.add_argument("--test", type=Path, required=True, help="manifest")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--only", help="names of networks, with commas between them")
    arguments, options = parser.parse_known_args()
    setup_logging()
    config = load_experiment(arguments.config, options)
    chosen = networks(config)
    if arguments.only:
        names = arguments.only.split(",")
        unknown = sorted(set(names) - {network.name for network in chosen})
        if unknown:
            parser.error(f"no network {unknown[0]!r}; there are {', '.join(item.name for item in chosen)}")
        chosen = [network for network in chosen if network.name in names]
    rows, failed = [], 0
    for number, network in enumerate(chosen, 1):
        print(f"== {number}/{len(chosen)} {network.name}", file=sys.stderr, flush=True)
        experiment, run = changed(config, network, arguments.epochs), arguments.out / network.name
        try:
            best = trained(experiment, run)
            rows.append(measure(network, run, best, experiment, arguments.test))
        except TrainingStopped:
            raise SystemExit(
                f"{network.name}: stopped by a signal; the same command goes on with it"
            ) from None
        except AsrError as error:
            print(f"{network.name}: {error}", file=sys.stderr)
            failed += 1
    if rows:
        with write_atomically(arguments.out / "networks.md") as file:
            file.write(markdown(rows))
        with write_atomically(arguments.out / "networks.json") as file:
            json.dump(rows, file, indent=2)
        print(markdown(rows), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
