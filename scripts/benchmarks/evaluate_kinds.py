#!/usr/bin/env python3
"""Word error rates of one model on several kinds of speech, as they are and as they would have been heard elsewhere.

    python scripts/benchmarks/evaluate_kinds.py OUT --model data/english/english.pt --noises data/more/noise \\
      books=data/english/heldout.jsonl calls=data/english/more/minds14-dev.jsonl ...

Every set is transcribed as `asr transcribe` does it: as it is, in recorded noise and in babble at 20, 10 and 5 dB, in a living room and a
hall, and through a telephone (`asr evaluate --corrupt` has the words for it). OUT/table.md gets the rates, and what each condition multiplies
them by; the number that decides between two models is the mean over the sets as they are. OUT/*.json keep each cell with its transcripts:
what is there is not made again.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from asr.cli.console import setup_logging
from asr.data.augmentation.corruption import corrupt_utterances, read_corruption
from asr.data.manifest import Utterance, read_manifest
from asr.errors import UsageError
from asr.evaluation.report import build_report
from asr.evaluation.transcript import TranscriptPair
from asr.files import write_atomically
from asr.transcription.loading import load
from asr.transcription.transcriber import Transcriber

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # where commands.py is

from commands import finish

ROOMS = {"room 0.3 s": "room=0.3", "hall 0.8 s": "room=0.8"}


def conditions(noises: Path | None) -> dict[str, str]:
    """Name -> what `--corrupt` calls it; "" leaves the sound as it is."""
    chosen = {"as it is": ""}
    kinds = {"babble": "babble"} if noises is None else {"noise": str(noises), "babble": "babble"}
    for name, kind in kinds.items():
        chosen |= {f"{name} {snr} dB": f"noise={kind},snr={snr}" for snr in (20, 10, 5)}
    return chosen | ROOMS | {"telephone": "telephone"}


def evaluate(transcriber: Transcriber, utterances: list[Utterance], how: str, sounds: Path) -> dict[str, Any]:
    """One cell: rate, its interval, and the texts."""
    heard = utterances
    if how:
        heard = list(
            corrupt_utterances(utterances, read_corruption(how), sounds, sample_rate=transcriber.sample_rate)
        )
    texts = {
        outcome.recording.name: outcome.result().text for outcome in transcriber.transcribe_utterances(heard)
    }
    shutil.rmtree(sounds, ignore_errors=True)
    pairs = [TranscriptPair(one.id, one.text or "", texts[one.id], speaker=one.speaker) for one in utterances]
    result = build_report(pairs, title="", settings={}, resamples=2000).result
    return {
        "wer": result.score.wer,
        "interval": [result.intervals.wer.low, result.intervals.wer.high],
        "words": result.score.words.reference_length,
        "texts": texts,
    }


def table(cells: dict[str, dict[str, dict[str, Any]]], names: list[str]) -> str:
    """Sets and conditions in Markdown."""
    lines = ["| | words | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 2)]
    for of_set, row in cells.items():
        low, high = row[names[0]]["interval"]
        shown = [f"{100 * row[name]['wer']:.1f}" for name in names]
        shown[0] = f"**{shown[0]}** ({100 * low:.1f} to {100 * high:.1f})"
        lines.append(f"| {of_set} | {row[names[0]]['words']:,} | " + " | ".join(shown) + " |")
    means = [sum(row[name]["wer"] for row in cells.values()) / len(cells) for name in names]
    lines.append("| **mean** | | " + " | ".join(f"**{100 * mean:.1f}**" for mean in means) + " |")
    lines.append(
        "| times the errors as it is | | " + " | ".join(f"{mean / means[0]:.2f}" for mean in means) + " |"
    )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fill in the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("sets", metavar="NAME=MANIFEST", nargs="+")
    parser.add_argument(
        "--model", type=Path, metavar="CKPT", help="default: the model that ships with the package"
    )
    parser.add_argument(
        "--noises", type=Path, metavar="DIR", help="recorded noises; without them babble alone"
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth utterance of a set")
    parser.add_argument("--clean", action="store_true", help="as it is alone")
    arguments = parser.parse_args()
    setup_logging()
    chosen = {"as it is": ""} if arguments.clean else conditions(arguments.noises)
    named = dict(text.partition("=")[::2] for text in arguments.sets)
    sets = {name: read_manifest(path)[:: arguments.every] for name, path in named.items()}
    if lacking := [name for name, found in sets.items() if any(one.text is None for one in found)]:
        raise UsageError(f"{', '.join(lacking)}: utterances without transcript; all of them need one")
    transcriber = load(arguments.model)
    cells: dict[str, dict[str, dict[str, Any]]] = {}
    with tqdm(total=len(sets) * len(chosen), unit="cell", disable=not sys.stderr.isatty()) as bar:
        for of_set, utterances in sets.items():
            for name, how in chosen.items():
                kept = arguments.out / f"{of_set}, {name}.json"
                if not kept.exists():
                    cell = evaluate(transcriber, utterances, how, arguments.out / "sounds")
                    with write_atomically(kept) as file:
                        json.dump(cell, file, ensure_ascii=False)
                cells.setdefault(of_set, {})[name] = json.loads(kept.read_text(encoding="utf-8"))
                bar.update()
    text = table(cells, list(chosen))
    with write_atomically(arguments.out / "table.md") as file:
        file.write(text)
    print(text, end="")


if __name__ == "__main__":
    sys.exit(finish(main))
