"""Pack a manifest into tar shards that training reads from end to end.

asr pack data/librispeech/train-960.jsonl /scratch/train-960
asr train --config configs/librispeech_960.yaml --data.train /scratch/train-960

For corpora that outgrow a disk's seek rate, or lie in an object store: OUT can be copied anywhere, and
`--data.train` takes a folder or any fsspec URL (s3://bucket/train-960).
"""

import argparse
import sys
from pathlib import Path

from asr.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path, help="a new folder")
    parser.add_argument(
        "--sample-rate", type=int, default=16000, metavar="HZ", help="of the packed audio; default 16000"
    )
    parser.add_argument(
        "--shard-megabytes", type=float, default=128.0, metavar="MB", help="size of a shard; default 128"
    )
    parser.add_argument(
        "--encoding", choices=("flac", "wav"), default="flac", help="of the audio; default flac"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="utterances are shuffled before packing; default 1"
    )
    parser.add_argument("--keep-order", action="store_true", help="pack in the order of the manifest instead")
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="leave out what cannot be read, and exit 1 at the end"
    )


def run(arguments: argparse.Namespace) -> int:
    """Pack."""
    from tqdm import tqdm

    from asr.data.manifest import read_manifest
    from asr.data.packing import pack
    from asr.data.shards import PackedCorpus

    if arguments.sample_rate <= 0 or arguments.shard_megabytes <= 0:
        raise UsageError("--sample-rate and --shard-megabytes: expected numbers above 0")
    utterances = read_manifest(arguments.manifest)
    with tqdm(
        total=len(utterances), desc=str(arguments.out), unit="utt", disable=not sys.stderr.isatty()
    ) as bar:
        left_out = pack(
            utterances,
            arguments.out,
            sample_rate=arguments.sample_rate,
            shard_megabytes=arguments.shard_megabytes,
            encoding=arguments.encoding,
            seed=None if arguments.keep_order else arguments.seed,
            skip_unreadable=arguments.skip_unreadable,
            advance=lambda _: bar.update(),
        )
    for reason in left_out:
        print(f"left out: {reason}", file=sys.stderr)
    corpus = PackedCorpus(str(arguments.out))
    size = sum(path.stat().st_size for path in arguments.out.glob("shard-*.tar"))
    print(
        f"{arguments.out}: {len(corpus)} utterances, {corpus.durations.sum() / 3600:.2f} h, {corpus.shards} shards, "
        f"{size / 1e6:.1f} MB; {len(left_out)} left out"
    )
    return 1 if left_out else 0
