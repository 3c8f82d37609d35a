"""Everyday surgery on manifests.

asr manifest filter train.jsonl clean.jsonl --max-duration 20 --alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZ' "
asr manifest split all.jsonl data/mine train=0.9 dev=0.05 test=0.05
asr manifest merge a.jsonl b.jsonl both.jsonl
asr manifest sample train.jsonl small.jsonl --hours 10 --seed 1
asr manifest shuffle train.jsonl shuffled.jsonl --seed 1
asr manifest pronounce train.jsonl phones/train.jsonl --dictionary an4.dic
asr manifest normalise published.jsonl train.jsonl --case upper --alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZ'" --skip-others

`normalise` respells transcripts by the rules that its options state, one after the other in the order of `--help`, and says what each
changed. `split` keeps each speaker in one part, unless told --by utterance. Manifests of millions are read line by
line; what is written appears whole or not at all, and may replace what was read.
"""

import argparse
import re
from pathlib import Path

from asr.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add a sub-command for each operation."""
    operations = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")
    _configure_filter(operations.add_parser("filter", help="keep the utterances that meet all conditions"))

    split = operations.add_parser("split", help="divide a manifest into parts, by speaker")
    split.add_argument("source", metavar="MANIFEST", type=Path)
    split.add_argument("folder", metavar="FOLDER", type=Path, help="gets one manifest a part, NAME.jsonl")
    split.add_argument(
        "parts", metavar="NAME=SHARE", nargs="+", help="shares of the hours, which add up to 1"
    )
    split.add_argument(
        "--by", choices=("speaker", "utterance"), default="speaker", help="what stays together"
    )
    split.add_argument("--seed", type=int, default=0, help="of the draw; default %(default)s")

    merge = operations.add_parser("merge", help="put manifests together")
    merge.add_argument(
        "places", metavar="MANIFEST ... OUT", nargs="+", type=Path, help="two or more, and the result"
    )
    merge.add_argument("--prefix", action="store_true", help="put the manifest's name before each id")

    sample = operations.add_parser("sample", help="draw some utterances")
    sample.add_argument("source", metavar="MANIFEST", type=Path)
    sample.add_argument("target", metavar="OUT", type=Path)
    sample.add_argument("--utterances", metavar="N", type=int, help="how many utterances")
    sample.add_argument("--hours", metavar="H", type=float, help="how many hours")
    sample.add_argument("--share", metavar="P", type=float, help="which share of the utterances")
    sample.add_argument("--seed", type=int, default=0, help="of the draw; default %(default)s")

    shuffle = operations.add_parser("shuffle", help="put utterances into random order")
    shuffle.add_argument("source", metavar="MANIFEST", type=Path)
    shuffle.add_argument("target", metavar="OUT", type=Path)
    shuffle.add_argument("--seed", type=int, default=0, help="of the order; default %(default)s")

    pronounce = operations.add_parser("pronounce", help="words -> phones, by a dictionary")
    pronounce.add_argument("source", metavar="MANIFEST", type=Path)
    pronounce.add_argument("target", metavar="OUT", type=Path)
    pronounce.add_argument(
        "--dictionary", metavar="FILE", type=Path, required=True, help="pronunciations in CMUdict's format"
    )

    _configure_normalise(operations.add_parser("normalise", help="respell transcripts by stated rules"))


def _configure_normalise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="MANIFEST", type=Path)
    parser.add_argument("target", metavar="OUT", type=Path)
    parser.add_argument(
        "--replace",
        metavar="OLD=NEW",
        action="append",
        default=[],
        help="write this for that, where it stands as whole words; may be given again",
    )
    parser.add_argument(
        "--keep-typography",
        action="store_true",
        help="leave curly quotes, long dashes and what cannot be seen (by default they become the keyboard's, or go)",
    )
    parser.add_argument(
        "--hyphens",
        choices=("space", "keep", "join"),
        default="space",
        help="a hyphen within a word becomes a space (default), is kept, or joins its sides",
    )
    parser.add_argument(
        "--keep-punctuation",
        action="store_true",
        help="leave punctuation (by default it goes, and apostrophes that are not within a word; signs that are read out, such as "
        "%% and $, stay)",
    )
    parser.add_argument("--drop-accents", action="store_true", help="take the marks off letters: é becomes e")
    parser.add_argument("--case", choices=("keep", "upper", "lower"), default="keep", help="of the letters")
    parser.add_argument(
        "--language", metavar="CODE", help="tr and az have an i with a dot in capitals; else of no matter"
    )
    parser.add_argument(
        "--alphabet",
        metavar="CHARACTERS",
        help="what may be left, beside the space; utterances with anything else, such as digits, are refused",
    )
    parser.add_argument(
        "--skip-others",
        action="store_true",
        help="leave such utterances out and count them; without --alphabet those with digits, symbols and signs",
    )


def _configure_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="MANIFEST", type=Path)
    parser.add_argument("target", metavar="OUT", type=Path)
    parser.add_argument("--min-duration", metavar="S", type=float, help="seconds, at least")
    parser.add_argument("--max-duration", metavar="S", type=float, help="seconds, at most")
    parser.add_argument("--min-rate", metavar="R", type=float, help="characters a second, at least")
    parser.add_argument("--max-rate", metavar="R", type=float, help="characters a second, at most")
    parser.add_argument("--speaker", metavar="NAME", action="append", default=[], help="keep this speaker")
    parser.add_argument(
        "--not-speaker", metavar="NAME", action="append", default=[], help="drop this speaker"
    )
    parser.add_argument("--text", metavar="REGEX", help="keep transcripts in which this is found")
    parser.add_argument("--not-text", metavar="REGEX", help="drop transcripts in which this is found")
    parser.add_argument("--alphabet", metavar="CHARACTERS", help="drop transcripts with other characters")
    parser.add_argument("--ids", metavar="FILE", type=Path, help="keep the ids in this file, one a line")
    parser.add_argument(
        "--where",
        metavar="CONDITION",
        action="append",
        default=[],
        help="keep what has this in a further field: KEY=VALUE, 'KEY<=NUMBER' or 'KEY>=NUMBER'; all of them must hold",
    )
    parser.add_argument("--transcribed", action="store_true", help="drop what has no words")


def run(arguments: argparse.Namespace) -> int:
    """Do the operation."""
    return {
        "filter": _filter,
        "split": _split,
        "merge": _merge,
        "sample": _sample,
        "shuffle": _shuffle,
        "pronounce": _pronounce,
        "normalise": _normalise,
    }[arguments.operation](arguments)


def _filter(arguments: argparse.Namespace) -> int:
    from asr.data.editing import Condition, Filter, filter_manifest, read_ids

    wanted = Filter(
        min_duration=arguments.min_duration,
        max_duration=arguments.max_duration,
        min_rate=arguments.min_rate,
        max_rate=arguments.max_rate,
        speakers=frozenset(arguments.speaker),
        not_speakers=frozenset(arguments.not_speaker),
        text=_pattern(arguments.text),
        not_text=_pattern(arguments.not_text),
        alphabet=arguments.alphabet,
        ids=read_ids(arguments.ids) if arguments.ids else None,
        where=[Condition.parse(item) for item in arguments.where],
        transcribed=arguments.transcribed,
    )
    done = filter_manifest(arguments.source, arguments.target, wanted)
    print(
        f"{arguments.target}: {done.kept:,} of {done.utterances:,} utterances, {done.kept_seconds / 3600:.3f} of "
        f"{done.seconds / 3600:.3f} h"
    )
    return 0


def _split(arguments: argparse.Namespace) -> int:
    from asr.cli.console import table
    from asr.data.editing import split_manifest

    shares = {}
    for name, value in (_pair(item) for item in arguments.parts):
        try:
            shares[name] = float(value)
        except ValueError:
            raise UsageError(f"part {name}={value}; expected a share, such as {name}=0.9") from None
    parts = split_manifest(arguments.source, arguments.folder, shares, seed=arguments.seed, by=arguments.by)
    rows = [
        (part.manifest, part.utterances, f"{part.seconds / 3600:.3f}", part.speakers or "unknown")
        for part in parts
    ]
    print(table([("manifest", "utterances", "hours", "speakers"), *rows]))
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    from asr.data.editing import merge_manifests

    *sources, target = arguments.places
    if len(sources) < 2:
        raise UsageError(f"got {len(sources)} manifests to merge; expected two or more, and OUT")
    count = merge_manifests(sources, target, prefix=arguments.prefix)
    print(f"{target}: {count:,} utterances of {len(sources)} manifests")
    return 0


def _sample(arguments: argparse.Namespace) -> int:
    from asr.data.editing import sample_manifest

    done = sample_manifest(
        arguments.source,
        arguments.target,
        seed=arguments.seed,
        utterances=arguments.utterances,
        hours=arguments.hours,
        share=arguments.share,
    )
    print(
        f"{arguments.target}: {done.kept:,} of {done.utterances:,} utterances, {done.kept_seconds / 3600:.3f} h"
    )
    return 0


def _shuffle(arguments: argparse.Namespace) -> int:
    from asr.data.editing import shuffle_manifest

    count = shuffle_manifest(arguments.source, arguments.target, seed=arguments.seed)
    print(f"{arguments.target}: {count:,} utterances")
    return 0


def _pronounce(arguments: argparse.Namespace) -> int:
    from asr.data.pronunciation import phone_set, pronounce_manifest, read_pronunciations

    pronunciations = read_pronunciations(arguments.dictionary)
    count = pronounce_manifest(arguments.source, arguments.target, pronunciations)
    print(
        f"{arguments.target}: {count:,} utterances; the dictionary has {len(phone_set(pronunciations))} phones"
    )
    return 0


def _normalise(arguments: argparse.Namespace) -> int:
    from asr.cli.console import table
    from asr.data.text_rules import TextRules, respell_manifest

    rules = TextRules(
        replace=dict(_pair(item) for item in arguments.replace),
        typography=not arguments.keep_typography,
        hyphens=arguments.hyphens,
        punctuation="keep" if arguments.keep_punctuation else "drop",
        accents="drop" if arguments.drop_accents else "keep",
        case=arguments.case,
        language=arguments.language,
    )
    done = respell_manifest(
        arguments.source,
        arguments.target,
        rules,
        alphabet=arguments.alphabet,
        skip_others=arguments.skip_others,
    )
    if done.changed:
        rows = [
            (step.rule, f"{count:,}", *_where_they_differ(step.before, step.after))
            for count, step in done.changed
        ]
        print(table([("rule", "utterances changed", "such as", "now"), *rows]))
    for what, named in (("left out", done.skipped), ("with digits, symbols or signs", done.unspelled)):
        if named:
            print(f"{what}: {len(named):,}, such as {named[0]}")
    print(f"{arguments.target}: {done.utterances:,} utterances")
    return 0


def _where_they_differ(before: str, after: str, *, around: int = 12, length: int = 36) -> tuple[str, str]:
    """Both texts from shortly before their first difference on."""
    pairs = enumerate(zip(before, after, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(before), len(after)))
    start = max(0, same - around)
    return (
        ("…" if start else "")
        + before[start : start + length]
        + ("…" if len(before) > start + length else ""),
        ("…" if start else "") + after[start : start + length] + ("…" if len(after) > start + length else ""),
    )


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text is not None else None
    except re.error as error:
        raise UsageError(f"{text!r} is no regular expression: {error}") from None


def _pair(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not key or not equals:
        raise UsageError(f"got {item!r}; expected KEY=VALUE")
    return key, value
