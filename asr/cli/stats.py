"""What manifests hold: hours, speakers, durations, speaking rates, alphabet, vocabulary.

asr stats data/an4/train.jsonl data/an4/test.jsonl
asr stats data/an4/test.jsonl --against data/an4/train.jsonl       words that training never saw
asr stats data/an4/train.jsonl --json > train.json
asr stats data/an4/*.jsonl --picture an4.png

Manifests of millions are read line by line.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asr.data.manifest import Utterance
    from asr.data.statistics import Statistics


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("manifests", metavar="MANIFEST", nargs="+", type=Path, help="one or more")
    parser.add_argument(
        "--against",
        metavar="MANIFEST",
        type=Path,
        help="also count words and characters that this manifest (such as the training one) lacks",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument("--picture", metavar="PNG", type=Path, help="draw the histograms into a picture")


def run(arguments: argparse.Namespace) -> int:
    """Count and show."""
    from asr.data.statistics import as_record, collect, draw_statistics, out_of_vocabulary, report

    known = collect(_read(arguments.against)) if arguments.against else None
    splits = {str(path): collect(_read(path)) for path in arguments.manifests}
    records = {}
    for name, statistics in splits.items():
        missing = out_of_vocabulary(statistics, known) if known is not None else None
        if arguments.json:
            records[name] = as_record(statistics)
            if missing is not None:
                records[name]["out_of_vocabulary"] = {"against": str(arguments.against), **missing._asdict()}
            continue
        print(f"{name}: {report(statistics)}")
        if missing is not None:
            print(
                f"  out of vocabulary against {arguments.against}: {missing.types:,} of {len(statistics.words):,} "
                f"words, {missing.tokens:,} of {statistics.words.total():,} occurrences ({100 * missing.share:.2f} %)"
            )
            if missing.frequent:
                print(
                    f"    most frequent: {', '.join(f'{word} ({count})' for word, count in missing.frequent)}"
                )
            if missing.characters:
                print(f"    characters it lacks: {missing.characters!r}")
    if arguments.json:
        print(json.dumps(records, indent=2, ensure_ascii=False))
    elif len(splits) > 1:
        print(_total(splits))
    if arguments.picture:
        draw_statistics(arguments.picture, splits)
        print(f"picture: {arguments.picture}", file=sys.stderr)
    return 0


def _read(path: Path) -> "Iterator[Utterance]":
    from tqdm import tqdm

    from asr.data.manifest import iterate_manifest
    from asr.errors import ManifestError

    empty = True
    for _, utterance in tqdm(
        iterate_manifest(path), desc=str(path), unit=" utt", disable=not sys.stderr.isatty(), leave=False
    ):
        empty = False
        yield utterance
    if empty:
        raise ManifestError(f"{path}: empty manifest; expected one JSON object a line")


def _total(splits: "dict[str, Statistics]") -> str:
    speakers = {speaker for statistics in splits.values() for speaker in statistics.speakers}
    return (
        f"total: {sum(item.utterances for item in splits.values()):,} utterances, "
        f"{sum(item.seconds for item in splits.values()) / 3600:.3f} h, {len(speakers) or 'unknown'} speakers"
    )
