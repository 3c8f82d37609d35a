"""What is in a checkpoint (sizes, alphabet, features, network, what training wrote down), the mean of several, a wider one; models of
the Hugging Face Hub.

asr model info runs/an4/checkpoints/best.pt
asr model info                              the model that ships with the package
asr model info best.pt --json
asr model average runs/one/checkpoints/best.pt runs/two/checkpoints/best.pt mean.pt
asr model widen best.pt wider.pt --hidden-size 320      to train on with more cells: training.start_from wider.pt
asr model push runs/an4/checkpoints/best.pt hf:owner/name
asr model pull hf:owner/name@revision models/name

With `pull` or without, `--model hf:owner/name` takes a model of the Hub, and keeps it in huggingface_hub's cache. HF_TOKEN, or
`hf auth login`, opens private repositories.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asr.cli.model_options import model_file
from asr.model.pretrained import default_model

if TYPE_CHECKING:
    from asr.model.checkpoint import Checkpoint


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-verbs."""
    verbs = parser.add_subparsers(dest="what", metavar="WHAT", required=True)

    info = verbs.add_parser("info", help="what is in a checkpoint")
    info.add_argument(
        "model",
        metavar="CKPT",
        nargs="?",
        type=model_file,
        default=default_model(),
        help="a checkpoint; default: the model that ships with the package",
    )
    info.add_argument("--json", action="store_true", help="print JSON instead of text")
    info.set_defaults(run=_info)

    average = verbs.add_parser(
        "average",
        help="the mean of the weights of several checkpoints",
        description="Write the mean of the weights of checkpoints that have a training in common: epochs of one run, or "
        "runs that began with the same weights. It is often better than each of them; measure it.",
    )
    average.add_argument(
        "models", metavar="CKPT", nargs="+", type=model_file, help="two or more of one shape"
    )
    average.set_defaults(run=_average)

    widening = verbs.add_parser(
        "widen",
        help="the same model with more cells, to train on from",
        description="Write a model with more cells a direction that recognises what the given one does (Net2Net): "
        "training goes on from it with training.start_from and the same model.hidden_size.",
    )
    widening.add_argument("model", metavar="CKPT", type=model_file, help="a checkpoint")
    widening.add_argument("--hidden-size", type=int, required=True, metavar="N", help="cells a direction")
    widening.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of what is drawn (default: %(default)s)"
    )
    widening.set_defaults(run=_widen)

    push = verbs.add_parser(
        "push",
        help="a model to the Hugging Face Hub",
        description="Write a checkpoint to a repository, made where there is none, with its card, language models and all that lies beside it.",
    )
    push.add_argument("model", metavar="CKPT", type=Path, help="a checkpoint")
    push.add_argument("target", metavar="hf:OWNER/NAME[@BRANCH]")
    push.add_argument(
        "--card",
        type=Path,
        metavar="FILE",
        help="the model card; default: what the checkpoint knows of itself",
    )
    push.add_argument("--private", action="store_true", help="of a new repository: nobody else may see it")
    push.add_argument("--message", default="", metavar="TEXT", help="of the commit")
    push.set_defaults(run=_push)

    pull = verbs.add_parser("pull", help="a model of the Hugging Face Hub to a folder")
    pull.add_argument("source", metavar="hf:OWNER/NAME[@REVISION]")
    pull.add_argument(
        "folder", metavar="FOLDER", nargs="?", type=Path, help="default: huggingface_hub's cache"
    )
    pull.set_defaults(run=_pull)

    for verb in (average, widening):
        verb.add_argument("out", metavar="OUT", type=Path, help="the file to write")
        verb.add_argument("--half", action="store_true", help="write float16, half the size, for shipping")
        verb.add_argument("--force", action="store_true", help="overwrite OUT")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    return int(arguments.run(arguments))


def _info(arguments: argparse.Namespace) -> int:
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


def _average(arguments: argparse.Namespace) -> int:
    from asr.model.averaging import average_checkpoints

    return _write(arguments, lambda: average_checkpoints(arguments.models))


def _widen(arguments: argparse.Namespace) -> int:
    from asr.model.checkpoint import load_checkpoint
    from asr.model.widening import widen

    return _write(
        arguments,
        lambda: widen(load_checkpoint(arguments.model), arguments.hidden_size, seed=arguments.seed),
    )


def _push(arguments: argparse.Namespace) -> int:
    from asr.errors import UsageError
    from asr.model.hub import push_model
    from asr.model.pretrained import model_card

    if arguments.card is None:
        card = model_card(arguments.model)
    elif arguments.card.is_file():
        card = arguments.card.read_text(encoding="utf-8")
    else:
        raise UsageError(f"--card {arguments.card}: no such file")
    print(
        push_model(
            arguments.model, arguments.target, card=card, private=arguments.private, message=arguments.message
        )
    )
    return 0


def _pull(arguments: argparse.Namespace) -> int:
    from asr.model.hub import pull_model

    print(pull_model(arguments.source, arguments.folder))
    return 0


def _write(arguments: argparse.Namespace, make: "Callable[[], Checkpoint]") -> int:
    """Make a model and write it, unless OUT is there already."""
    from asr.errors import UsageError
    from asr.model.checkpoint import save_checkpoint

    if arguments.out.exists() and not arguments.force:
        raise UsageError(f"{arguments.out}: is there already; choose another name, or add --force")
    save_checkpoint(arguments.out, make(), half=arguments.half)
    print(arguments.out)
    return 0


def _describe(path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from asr.companions import Companion
    from asr.decoding.options import read_measured, read_options
    from asr.model.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(path)
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    alphabet = tokenizer.vocabulary[1:]
    tuned = Companion.DECODING.find(path)
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
    for_cpu = Companion.CPU_NETWORK.find(path)
    if for_cpu is not None:
        record["on_cpu"] = {"file": str(for_cpu), "megabytes": round(for_cpu.stat().st_size / 1e6, 1)}
    if tuned is not None:
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
