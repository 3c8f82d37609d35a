"""Turn a published corpus, or your own audio, into manifests.

asr prepare an4 an4_sphere.tar.gz data/an4                  from the published archive
asr prepare librispeech LibriSpeech data/ls --only dev      from an unpacked corpus, its dev splits alone
asr prepare an4 --download data/an4                         fetch it first
asr prepare librispeech --download --subset dev-clean --dry-run data/ls     how much that would fetch
asr prepare folder recordings data/mine                     audio with a .txt beside each file, or a CSV/TSV
asr prepare --list                                          what can be prepared

OUT gets one manifest a split (SPLIT.jsonl) and corpus.json: licence, citation, counts. A command that is
interrupted can be run again: it goes on fetching where it stopped, and leaves no half of a manifest.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asr.errors import UsageError

if TYPE_CHECKING:
    from asr.data.corpora.corpus import Corpus


class _List(argparse.Action):
    """Like --help: print, and be done."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from asr.data.corpora import find, names

        for name in names():
            corpus = find(name)
            print(f"{name}: {corpus.title}")
            if corpus.licence:
                print(f"    licence: {corpus.licence}")
            if corpus.downloads:
                print(f"    --download --subset: {', '.join(corpus.downloads)}")
            elif corpus.homepage:
                print(f"    to be had from {corpus.homepage}")
            if len(corpus.transcripts) > 1:
                print(f"    --transcript: {', '.join(corpus.transcripts)}")
        parser.exit()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from asr.data.corpora import names

    parser.add_argument("corpus", metavar="CORPUS", help=f"one of: {', '.join(names())}")
    parser.add_argument(
        "places",
        metavar="[SOURCE] OUT",
        nargs="+",
        type=Path,
        help="the corpus (folder or archive), and the folder to write manifests into",
    )
    parser.add_argument(
        "--list", action=_List, nargs=0, help="list the corpora with their licences, and stop"
    )
    parser.add_argument("--download", action="store_true", help="fetch the corpus into OUT; takes no SOURCE")
    parser.add_argument(
        "--subset",
        metavar="NAME",
        action="append",
        default=[],
        help="part of the corpus to download; may be given several times",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="with --download: say what would be fetched, and stop"
    )
    parser.add_argument(
        "--only",
        metavar="SPLIT",
        action="append",
        default=[],
        help="write only this split, or those whose names begin with it; may be given several times",
    )
    parser.add_argument(
        "--transcript", metavar="KIND", help="kind of transcript, where the corpus has several (see --list)"
    )
    parser.add_argument(
        "--skip-broken",
        action="store_true",
        help="leave out utterances without transcript, or whose audio is missing or broken, and name them",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prepare."""
    from asr.cli.console import table
    from asr.data.corpora import find
    from asr.data.corpora.preparation import RECORD, prepare

    corpus = find(arguments.corpus)
    wanted = 1 if arguments.download else 2
    if len(arguments.places) != wanted:
        usage = "--download OUT" if arguments.download else "SOURCE OUT (or --download OUT)"
        raise UsageError(f"got {len(arguments.places)} places; expected asr prepare {corpus.name} {usage}")
    if not arguments.download and (arguments.subset or arguments.dry_run):
        raise UsageError(
            "--subset and --dry-run say what to download; give --download, or --only to choose splits"
        )
    if arguments.dry_run:
        _show_plan(corpus, arguments.subset, arguments.places[-1])
        return 0
    out = arguments.places[-1]
    prepared = prepare(
        corpus,
        None if arguments.download else arguments.places[0],
        out,
        subsets=arguments.subset,
        only=arguments.only,
        transcript=arguments.transcript,
        skip_broken=arguments.skip_broken,
        progress=sys.stderr.isatty(),
    )
    rows = [
        (item.split, item.utterances, f"{item.seconds / 3600:.3f}", _published(item.expected), item.manifest)
        for item in prepared
    ]
    print(table([("split", "utterances", "hours", "published", "manifest"), *rows]))
    for label, text in (("licence", corpus.licence), ("cite", corpus.citation), ("from", corpus.homepage)):
        if text:
            print(f"{label}: {text}", file=sys.stderr)
    print(f"kept in {out / RECORD}", file=sys.stderr)
    return 0


def _published(expected: tuple[int | None, float | None]) -> str:
    """`2,703; 5.4 h`: what the publisher states; `-` where nothing is stated."""
    utterances, hours = expected
    parts = [f"{utterances:,}"] if utterances is not None else []
    parts += [f"{hours:g} h"] if hours is not None else []
    return "; ".join(parts) or "-"


def _size(size: int | None) -> str:
    from asr.data.corpora.downloads import gibibytes

    return "not stated" if size is None else gibibytes(size)


def _show_plan(corpus: "Corpus", subsets: list[str], out: Path) -> None:
    from asr.cli.console import table
    from asr.data.corpora.downloads import free_space, gibibytes, plan
    from asr.data.corpora.preparation import DOWNLOADS, choose_downloads

    plans = plan(choose_downloads(corpus, subsets), out / DOWNLOADS)
    rows = [
        (
            item.download.name,
            _size(item.download.size),
            item.state,
            _size(item.remaining if item.download.size else None) if item.state != "there" else "0 MiB",
            item.download.urls[0],
        )
        for item in plans
    ]
    print(table([("file", "size", "state", "to fetch", "address"), *rows]))
    total = sum(item.download.size or 0 for item in plans)
    remaining = sum(item.remaining for item in plans)
    unknown = sum(item.download.size is None for item in plans)
    if unknown:
        print(f"the publisher does not say how large {unknown} of the files are; they are not counted below")
    print(
        f"to fetch {gibibytes(remaining)}; with everything unpacked about {gibibytes(remaining + total)} of disk, "
        f"{gibibytes(free_space(out))} free"
    )
