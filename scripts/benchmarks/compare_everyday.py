#!/usr/bin/env python3
"""What each augmentation and each corpus brings: short trainings with one budget, from the same weights, as a Markdown table.

    python scripts/benchmarks/compare_everyday.py runs/everyday-parts books=data/english/heldout.jsonl calls=data/english/minds-dev.jsonl \\
      --config configs/english_wide.yaml --hours 8 --start-from english \\
      --decoding asr/model/pretrained/english.decoding.json --noises NOISES

Every training hears HOURS hours, drawn from the configuration's training manifest without what the row lacks, for one epoch; then every set is
transcribed as `asr transcribe` does it, with the tuned options given, as `scripts/benchmarks/evaluate_kinds.py` has it. A training that
is finished is taken as it is, one that was cut short goes on. `--list` names the rows, `--only` chooses among them (so that
several can be made side by side); OUT/table.md has those.
"""

import argparse
import random
import sys
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from asr.companions import Companion
from asr.config import load_experiment
from asr.data.augmentation.config import AugmentationConfig
from asr.data.manifest import Utterance, read_manifest, write_manifest
from asr.decoding.options import read_options, write_options
from asr.errors import UsageError
from asr.files import write_atomically

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # where commands.py is

from commands import asr, finish, run

KINDS = Path(__file__).with_name("evaluate_kinds.py")
GROUPS = {
    "noise": ["noise"],
    "rooms": ["reverberation"],
    "telephones and bands": ["telephone", "band"],
    "clipping, codecs and gain": ["clipping", "codec", "gain"],
    "silence": ["silence"],
    "sound without speech": ["non_speech"],
}


class Row(NamedTuple):
    """What a training lacks: groups of augmentation, and the folders of corpora."""

    off: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


def rows(config: AugmentationConfig, corpora: list[str]) -> dict[str, Row]:
    """What is compared, by name."""
    happening = [
        group.name for group in fields(config) if getattr(getattr(config, group.name), "probability", 0)
    ]
    found = {"all of it": Row(), "speed alone": Row(off=tuple(happening))}
    for name, groups in GROUPS.items():
        if off := [group for group in groups if group in happening]:
            found[f"without {name}"] = Row(off=tuple(off))
    return found | {f"without {folders}": Row(folders=tuple(folders.split(","))) for folders in corpora}


def drawn(utterances: list[Utterance], hours: float, folders: tuple[str, ...]) -> list[Utterance]:
    """So many hours of them, drawn by a fixed seed, in their order; raises UsageError where there are fewer."""
    kept = [one for one in utterances if not set(folders) & set(one.audio.parts)]
    order = sorted(range(len(kept)), key=lambda number: random.Random(f"1 {kept[number].id}").random())
    left, chosen = 3600 * hours, []
    for number in order:
        if left <= 0:
            break
        chosen.append(number)
        left -= kept[number].duration
    if left > 0:
        raise UsageError(
            f"{hours - left / 3600:.2f} h are left without {', '.join(folders)}; choose fewer --hours"
        )
    return [kept[number] for number in sorted(chosen)]


def make(
    name: str, row: Row, utterances: list[Utterance], arguments: argparse.Namespace, options: list[str]
) -> str:
    """Train and measure a row; returns the table that `evaluate_kinds.py` makes of it."""
    folder = arguments.out / name.replace(" ", "-").replace(",", "")
    best = folder / "checkpoints" / "best.pt"
    manifest = folder.with_name(f"{folder.name}-{arguments.hours:g}h.jsonl")
    write_manifest(manifest, drawn(utterances, arguments.hours, row.folders))
    quiet = [word for group in row.off for word in (f"--data.augmentation.{group}.probability", "0")]
    asr(
        "train", "--auto-resume", "--config", arguments.config, "--run-dir", folder, *options, "--data.train", manifest,
        "--training.epochs", 1, "--training.start_from", arguments.start_from, *quiet,
    )  # fmt: skip
    write_options(Companion.DECODING.path(best), read_options(arguments.decoding))
    heard = folder / "kinds"
    given = ["--noises", arguments.noises] if arguments.noises else []
    run(sys.executable, KINDS, heard, *arguments.sets, "--model", best, "--every", arguments.every, *given)
    return (heard / "table.md").read_text(encoding="utf-8")


def line(name: str, table: str) -> tuple[str, str]:
    """Heading and line of a row: the sets as they are, then the means of every condition."""
    body = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    heading, sets, means = body[0][3:], body[2:-2], body[-2][2:]
    names = [row[0] for row in sets] + ["**mean**"] + [f"mean, {how}" for how in heading]
    cells = [row[2].split(" ")[0].strip("*") for row in sets] + [cell.strip("*") for cell in means]
    return "| | " + " | ".join(names) + " |", f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Make the rows that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("sets", metavar="NAME=MANIFEST", nargs="*")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument(
        "--hours", type=float, default=8.0, help="the budget of every row (default: %(default)s)"
    )
    parser.add_argument(
        "--start-from", default="english", metavar="MODEL", help="as training.start_from has it"
    )
    parser.add_argument(
        "--corpora",
        action="append",
        default=[],
        metavar="FOLDERS",
        help="a row without what lies in folders of these names, with commas between them; once for each row",
    )
    parser.add_argument(
        "--decoding", type=Path, metavar="FILE", help="tuned options that all are decoded with"
    )
    parser.add_argument("--noises", type=Path, metavar="DIR", help="recorded noises that no training hears")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth utterance of a set")
    parser.add_argument("--only", metavar="NAMES", help="rows, with semicolons between them")
    parser.add_argument("--list", action="store_true", help="name the rows")
    arguments, options = parser.parse_known_args()
    config = load_experiment(arguments.config, options)
    utterances = read_manifest(config.data.train)
    known = rows(config.data.augmentation, arguments.corpora)
    if arguments.list:
        print("\n".join(known))
        return
    if not arguments.sets or arguments.decoding is None:
        raise UsageError("nothing to measure on: name sets as NAME=MANIFEST, and --decoding FILE")
    chosen = arguments.only.split(";") if arguments.only else list(known)
    if unknown := sorted(set(chosen) - set(known)):
        raise UsageError(f"no row {', '.join(unknown)}; there are {'; '.join(known)}")
    lines: list[str] = []
    for name in chosen:
        print(f"== {name}", file=sys.stderr, flush=True)
        heading, body = line(name, make(name, known[name], utterances, arguments, options))
        lines = lines or [heading, "|" + "---|" * (heading.count("|") - 1)]
        lines.append(body)
        with write_atomically(arguments.out / "table.md") as file:
            file.writelines(f"{one}\n" for one in lines)
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(finish(main))
