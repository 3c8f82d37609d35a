"""Marks and capitals for recognised words: train a tagger on text as it is published, tune it, score it, apply it.

asr punctuation train books/*.txt en.tagger --language en       paragraphs with blank lines between them; .gz, .xz and .jsonl too
asr punctuation tune en.tagger some.txt more.jsonl tuned.tagger  put each mark as readily as is best for F1
asr punctuation score en.tagger held-out.txt
asr punctuation score en.tagger dev.jsonl --heard reports/dev/hypotheses.jsonl    what `asr evaluate` heard
asr punctuation pauses train.jsonl reports/train/hypotheses.jsonl pauses.json      for `train --pauses`
asr punctuation apply english transcript.txt                    or from stdin; english is the one in the package
"""

import argparse
import io
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from asr.cli.config_options import add_config_options, given_fields, training_bar
from asr.errors import UsageError

if TYPE_CHECKING:
    from asr.writing.heard import Text
    from asr.writing.published import PublishedWord
    from asr.writing.tagger import Tagger

_TEXT_WORDS = 200  # of the texts that books are scored in


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-verbs."""
    from asr.training.tagger_config import TaggerConfig

    verbs = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    texts = {"metavar": "TEXT", "nargs": "+", "type": Path}
    a_tagger = "a file, or english, the one in the package"
    told = "as it is published: paragraphs with blank lines between them (.gz, .xz), or a manifest (.jsonl), an utterance a paragraph"

    train = verbs.add_parser("train", help="text -> tagger")
    train.add_argument("text", help=told, **texts)  # type: ignore[arg-type]
    train.add_argument("out", metavar="OUT", type=Path, help="the tagger, such as en.tagger")
    train.add_argument(
        "--language",
        default="",
        metavar="CODE",
        help="ISO 639 code, for capitals and abbreviations: en, tr, ...",
    )
    train.add_argument(
        "--pauses",
        type=Path,
        metavar="FILE",
        help="how long pauses at marks are, as `asr punctuation pauses` wrote it",
    )
    train.add_argument("--words", type=int, metavar="N", help="read the first N words alone")
    add_config_options(train, TaggerConfig)
    train.set_defaults(run=_train)

    tune = verbs.add_parser("tune", help="put marks and capitals as readily as is best for F1")
    tune.add_argument("tagger", metavar="TAGGER", help=a_tagger)
    tune.add_argument("text", help=told, **texts)  # type: ignore[arg-type]
    tune.add_argument("out", metavar="OUT", type=Path, help="the tagger, such as tuned.tagger")
    tune.set_defaults(run=_tune)

    score = verbs.add_parser("score", help="precision, recall and F1 of marks and capitals")
    score.add_argument("tagger", metavar="TAGGER", help=a_tagger)
    score.add_argument("text", help=told, **texts)  # type: ignore[arg-type]
    for verb in (tune, score):
        verb.add_argument(
            "--heard",
            type=Path,
            metavar="FILE",
            help="recognised words with their times, of the one manifest TEXT, which carries its marks over to them: "
            "hypotheses.jsonl of `asr evaluate`",
        )
    score.add_argument(
        "--without-pauses", action="store_true", help="with --heard: as if nobody knew how long they are"
    )
    score.add_argument(
        "--baseline",
        action="store_true",
        help="score in its place a full stop and a capital at every pause of half a second, and each word as it is written most often",
    )
    score.set_defaults(run=_score)

    pauses = verbs.add_parser("pauses", help="how long the pauses at marks are")
    pauses.add_argument("manifest", metavar="MANIFEST", type=Path, help="transcripts as they are published")
    pauses.add_argument(
        "heard", metavar="FILE", type=Path, help="hypotheses.jsonl of `asr evaluate`, same ids"
    )
    pauses.add_argument("out", metavar="OUT", type=Path, help="such as pauses.json")
    pauses.add_argument("--language", default="", metavar="CODE", help="ISO 639 code")
    pauses.set_defaults(run=_pauses)

    apply = verbs.add_parser(
        "apply", help="bare words -> text with marks, capitals and figures, its lines as they are"
    )
    apply.add_argument("tagger", metavar="TAGGER", help=a_tagger)
    apply.add_argument("text", metavar="FILE", nargs="?", type=Path, help="default: stdin")
    apply.add_argument("--number-words", action="store_true", help="leave numbers in words")
    apply.set_defaults(run=_apply)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked."""
    return int(arguments.run(arguments))


def _train(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from asr.training.tagger import read_tagged, train_tagger
    from asr.training.tagger_config import TaggerConfig
    from asr.writing.heard import read_pause_shares
    from asr.writing.tagger import write_tagger

    config = TaggerConfig(**given_fields(arguments, TaggerConfig))
    pauses = None if arguments.pauses is None else read_pause_shares(arguments.pauses)
    with tqdm(unit=" words", unit_scale=True, desc="reading", disable=not sys.stderr.isatty()) as bar:

        def counted() -> "Iterator[list[PublishedWord]]":
            for sentence in _sentences(arguments.text, arguments.language):
                yield sentence
                bar.update(len(sentence))
                if arguments.words is not None and bar.n >= arguments.words:
                    return

        text = read_tagged(counted(), config, language=arguments.language)
    with training_bar() as show:
        state = arguments.out.with_name(arguments.out.name + ".state")
        tagger = train_tagger(text, config, state=state, pauses=pauses, progress=show)
    write_tagger(arguments.out, tagger)
    size = arguments.out.stat().st_size / 1e6
    print(
        f"{arguments.out}: {len(text.words):,} words read, {len(tagger.lexicon.words):,} known; {size:.1f} MB"
    )
    return 0


def _tune(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from asr.writing.published import MARKS
    from asr.writing.tagger import write_tagger
    from asr.writing.tuning import tune_marks

    tagger = _tagger(arguments.tagger)
    texts = _scored_texts(arguments, tagger.lexicon.language)
    total = sum(len(text.words) for text in texts)
    with tqdm(total=total, unit=" words", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        tuned = tune_marks(tagger, texts, progress=bar.update)
    write_tagger(arguments.out, tuned)
    added = tuned.weights.marks_bias - tagger.weights.marks_bias
    shown = "  ".join(f"{mark} {by:+.1f}" for mark, by in zip(MARKS[1:], added[1:].tolist(), strict=True))
    capitals = float((tuned.weights.cases_bias - tagger.weights.cases_bias)[-1])
    print(f"{arguments.out}: {shown}  capitals {capitals:+.1f}  on {total:,} words")
    return 0


def _score(arguments: argparse.Namespace) -> int:
    from functools import partial

    from asr.writing.baseline import write_by_pauses
    from asr.writing.scoring import score_writing

    tagger = _tagger(arguments.tagger)
    write = partial(write_by_pauses, tagger.lexicon) if arguments.baseline else tagger.write
    language, signs = tagger.lexicon.language, tagger.lexicon.signs
    texts = _scored_texts(arguments, language)
    if arguments.without_pauses:
        texts = [text._replace(pauses=None) for text in texts]
    scores = score_writing(
        texts, write, small=tagger.lexicon.casing.small, signs=lambda mark: signs.get(mark, mark)
    )
    print(f"{'':<10}{'count':>9}{'precision':>11}{'recall':>9}{'F1':>8}   95 % interval")
    for score in scores:
        rates = f"{score.precision:>11.3f}{score.recall:>9.3f}{score.f1:>8.3f}"
        print(
            f"{score.name:<10}{score.count:>9,}{rates}   {score.interval[0]:.3f} to {score.interval[1]:.3f}"
        )
    print(f"{sum(len(text.words) for text in texts):,} words in {len(texts):,} texts")
    return 0


def _apply(arguments: argparse.Namespace) -> int:
    from asr.language_model.counting import text_lines
    from asr.writing.readable import write_readable

    tagger = _tagger(arguments.tagger)
    paragraph: list[list[str]] = []
    for line in [*(_stdin_lines() if arguments.text is None else text_lines(arguments.text)), ""]:
        words = line.split()
        if words:
            paragraph.append(words)
            continue
        pieces = write_readable(
            [word for words in paragraph for word in words], tagger, figures=not arguments.number_words
        )
        behind = 0
        for words in paragraph:  # what spans two lines stands in the first
            print(" ".join(piece.text for piece in pieces if behind <= piece.first < behind + len(words)))
            behind += len(words)
        if line:
            print()
        paragraph = []
    return 0


def _stdin_lines() -> Iterator[str]:
    """In UTF-8, or what PYTHONIOENCODING names. Raises WritingError for what is not."""
    from asr.errors import WritingError

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding=None if "PYTHONIOENCODING" in os.environ else "utf-8", errors="strict")
    try:
        yield from sys.stdin or ()
    except UnicodeDecodeError as error:
        raise WritingError(
            f"stdin: not {error.encoding.upper()} text; convert it, or name its encoding in PYTHONIOENCODING"
        ) from None


def _tagger(source: str) -> "Tagger":
    from asr.model.pretrained import find_tagger
    from asr.writing.tagger import read_tagger

    return read_tagger(find_tagger(source))


def _sentences(paths: Sequence[Path], language: str) -> "Iterator[list[PublishedWord]]":
    from asr.writing.published import sentences

    for path in paths:
        yield from sentences(_lines(path), language=language)


def _lines(path: Path) -> Iterator[str]:
    """Of a text, or the transcripts of a manifest with blank lines between them."""
    if path.suffix == ".jsonl":
        from asr.data.manifest import iterate_manifest

        for _, utterance in iterate_manifest(path):
            yield from (utterance.text or "", "")
    else:
        from asr.language_model.counting import text_lines

        yield from text_lines(path)


def _scored_texts(arguments: argparse.Namespace, language: str) -> "list[Text]":
    """What TEXT and --heard name. Raises UsageError where they do not go together."""
    if arguments.heard is None:
        return [text for path in arguments.text for text in _texts(path, language)]
    if len(arguments.text) == 1 and arguments.text[0].suffix == ".jsonl":
        return list(_heard(arguments.text[0], arguments.heard, language))
    raise UsageError("--heard needs one manifest (.jsonl) as TEXT, with the ids of what was heard")


def _texts(path: Path, language: str) -> "Iterator[Text]":
    """Sentences that follow each other; those of a manifest one by one."""
    from asr.writing.heard import Text

    words: list[PublishedWord] = []
    for sentence in _sentences([path], language):
        words += sentence
        if path.suffix == ".jsonl" or len(words) >= _TEXT_WORDS:
            yield Text(words)
            words = []
    if words:
        yield Text(words)


def _heard(manifest: Path, hypotheses: Path, language: str) -> "Iterator[Text]":
    """What was recognised, with the marks of the manifest's transcripts. Raises WritingError for ids that are not in it."""
    import json

    import numpy as np

    from asr.data.manifest import iterate_manifest
    from asr.errors import WritingError
    from asr.language_model.counting import text_lines
    from asr.writing.casing import Casing
    from asr.writing.heard import Text, carry_over
    from asr.writing.published import published_words

    try:
        heard = dict(_heard_words(json.loads(line)) for line in text_lines(hypotheses))
    except (ValueError, OverflowError, RecursionError):
        raise WritingError(
            f"{hypotheses}: no recognised words; expected hypotheses.jsonl of `asr evaluate`"
        ) from None
    references = {utterance.id: utterance.text or "" for _, utterance in iterate_manifest(manifest)}
    if unknown := sorted(heard.keys() - references.keys()):
        raise WritingError(
            f"{hypotheses}: {len(unknown)} ids that {manifest} lacks ({', '.join(unknown[:3])}, ...)"
        )
    for name, words in heard.items():
        reference = published_words(references[name])
        if reference and words:
            gaps = [after.start - word.end for word, after in pairwise(words)]
            spelled = [word.text for word in words]
            yield Text(
                carry_over(reference, spelled, casing=Casing(language)), np.array([*gaps, np.nan], np.float32)
            )


class _HeardWord(NamedTuple):
    """A word, and seconds."""

    text: str
    start: float
    end: float


def _heard_words(record: object) -> tuple[str, list[_HeardWord]]:
    """The id and the words of a record; ValueError or OverflowError for another one."""
    match record:
        case {"id": str(name), "words": list(words)}:
            return name, [_heard_word(word) for word in words]
    raise ValueError(record)


def _heard_word(record: object) -> _HeardWord:
    match record:
        case {"text": str(text), "start": int() | float() as start, "end": int() | float() as end} if (
            len(text.split()) == 1
        ):
            return _HeardWord(text, float(start), float(end))
    raise ValueError(record)


def _pauses(arguments: argparse.Namespace) -> int:
    from asr.writing.heard import pause_shares, write_pause_shares

    shares = pause_shares(_heard(arguments.manifest, arguments.heard, arguments.language))
    write_pause_shares(arguments.out, shares)
    print(arguments.out)
    return 0
