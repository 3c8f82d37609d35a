"""Turn a published corpus, or your own audio, into manifests.

asr prepare an4 an4_sphere.tar.gz data/an4      from the published archive
asr prepare an4 --download data/an4             fetch it first
asr prepare librispeech LibriSpeech data/ls     from an unpacked corpus
asr prepare folder recordings data/mine         audio with a .txt beside each file, or a CSV/TSV
"""

import argparse
import sys
from pathlib import Path

from asr.errors import UsageError


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
    parser.add_argument("--download", action="store_true", help="fetch the corpus into OUT; takes no SOURCE")


def run(arguments: argparse.Namespace) -> int:
    """Prepare."""
    from asr.cli.console import table
    from asr.data.corpora import find
    from asr.data.corpora.corpus import prepare

    corpus = find(arguments.corpus)
    wanted = 1 if arguments.download else 2
    if len(arguments.places) != wanted:
        usage = "--download OUT" if arguments.download else "SOURCE OUT (or --download OUT)"
        raise UsageError(f"got {len(arguments.places)} places; expected asr prepare {corpus.name} {usage}")
    source = None if arguments.download else arguments.places[0]
    prepared = prepare(corpus, source, arguments.places[-1], progress=sys.stderr.isatty())
    print(
        table(
            [
                ("split", "utterances", "hours", "manifest"),
                *(
                    (item.split, item.utterances, f"{item.seconds / 3600:.3f}", item.manifest)
                    for item in prepared
                ),
            ]
        )
    )
    if corpus.licence:
        print(f"licence: {corpus.licence}", file=sys.stderr)
    return 0
