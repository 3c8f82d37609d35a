"""What is in a checkpoint: sizes, alphabet, features, network, and what training wrote down.

asr model info runs/an4/checkpoints/best.pt
asr model info                              the model that ships with the package
asr model info best.pt --json
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asr.model.pretrained import default_model


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=["info"], help="what to do with it")
    parser.add_argument(
        "model",
        metavar="CKPT",
        nargs="?",
        type=Path,
        default=default_model(),
        help="a checkpoint; default: the model that ships with the package",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Describe."""
    from asr.errors import UsageError
    from asr.model.pretrained import model_card

    if arguments.model is None:
        raise UsageError("this build has no model of its own; name one: asr model info CKPT")
    record = _describe(arguments.model)
    card = model_card(arguments.model)
    if arguments.json:
        print(json.dumps({**record, "model_card": card}, ensure_ascii=False, indent=1, default=str))
        return 0
    for key, value in _flat(record):
        print(f"{key:<32}{value}")
    if card is not None:
        print(f"\n{card.strip()}")
    return 0


def _describe(path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from asr.decoding.options import options_path, read_measured, read_options
    from asr.model.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    alphabet = tokenizer.vocabulary[1:]
    tuned = options_path(path)
    record: dict[str, Any] = {
        "name": path.stem,
        "file": str(path),
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "alphabet": {
            "tokens": len(tokenizer),
            "symbols": "".join("␣" if symbol == " " else symbol for symbol in alphabet)
            if all(len(symbol) == 1 for symbol in alphabet)
            else " ".join(alphabet),
            "case": tokenizer.case,
        },
        "milliseconds_per_frame": round(1000 * model.seconds_per_frame, 3),
        **{name: value for name, value in asdict(model.config).items() if name != "spec_augment"},
        "notes": checkpoint.notes,
    }
    if tuned.exists():
        record["decoding"] = {
            "file": str(tuned),
            **asdict(read_options(tuned)),
            "measured": read_measured(tuned),
        }
    return record


def _flat(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as `group.key` and text."""
    rows = []
    for key, value in record.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, int) and not isinstance(value, bool):
            rows.append((f"{prefix}{key}", f"{value:,}"))
        else:
            rows.append((f"{prefix}{key}", str(value)))
    return rows
