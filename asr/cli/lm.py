"""Language models for decoding: estimate, score, convert, tune.

asr lm train text.txt words.arpa --order 3 --prune 0 0 1      one sentence a line; .gz, .xz and .jsonl too
asr lm train text.txt letters.arpa --order 8 --characters
asr lm score words.arpa held-out.txt
asr lm mix books.lm talk.lm both.lm --tune dev.txt            interpolate two, for a text
asr lm convert words.arpa.gz words.lm                         compact, opens at once
asr lm train-recurrent text.txt words.rnn                     an LSTM, for a second opinion on what the search finds
asr lm score words.lm held-out.txt --recurrent-lm words.rnn   both together
asr lm tune --model best.pt --manifest dev.jsonl --lm words.lm --recurrent-lm words.rnn
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr.errors import AsrError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-verbs."""
    verbs = parser.add_subparsers(dest="what", metavar="WHAT", required=True)

    train = verbs.add_parser("train", help="text -> n-gram model (interpolated modified Kneser-Ney)")
    train.add_argument(
        "text",
        metavar="TEXT",
        nargs="+",
        type=Path,
        help="a sentence a line (.gz, .xz), or a manifest (.jsonl)",
    )
    train.add_argument("out", metavar="OUT", type=Path, help="NAME.arpa, NAME.arpa.gz, or NAME.lm (compact)")
    train.add_argument(
        "--order", type=int, default=3, metavar="N", help="longest n-gram; default: %(default)s"
    )
    train.add_argument(
        "--prune",
        type=int,
        nargs="+",
        default=[],
        metavar="COUNT",
        help="leave out n-grams seen this often or less, a number for each order, such as 0 0 1",
    )
    train.add_argument(
        "--prune-entropy",
        type=float,
        default=0.0,
        metavar="X",
        help="leave out n-grams without which perplexity rises by less than this share, such as 1e-8",
    )
    vocabulary = train.add_mutually_exclusive_group()
    vocabulary.add_argument(
        "--vocab", type=Path, metavar="FILE", help="a word a line; all other words become <unk>"
    )
    vocabulary.add_argument(
        "--vocab-size", type=int, metavar="N", help="the N most frequent words; all others become <unk>"
    )
    train.add_argument(
        "--characters", action="store_true", help="model characters, with | for the space between words"
    )
    train.set_defaults(run=_train)

    from asr.cli import lm_train_recurrent

    recurrent = verbs.add_parser(
        "train-recurrent", help="text -> recurrent model (one LSTM layer over words)"
    )
    lm_train_recurrent.configure(recurrent)
    recurrent.set_defaults(run=lm_train_recurrent.run)

    score = verbs.add_parser("score", help="perplexity and rate of unknown words of a text")
    score.add_argument("lm", metavar="LM", type=Path, help="an ARPA file or a compact model")
    score.add_argument("text", metavar="TEXT", nargs="+", type=Path, help="as for train")
    score.add_argument(
        "--recurrent-lm",
        type=Path,
        metavar="FILE",
        help="a model of train-recurrent, mixed with LM word by word",
    )
    score.add_argument(
        "--recurrent-share",
        type=float,
        default=0.5,
        metavar="X",
        help="its share of each word's probability, 0 to 1; default: %(default)g",
    )
    score.set_defaults(run=_score)

    mix = verbs.add_parser("mix", help="interpolate two n-gram models into one")
    mix.add_argument("first", metavar="A", type=Path, help="an ARPA file or a compact model")
    mix.add_argument("second", metavar="B", type=Path, help="another one")
    mix.add_argument("out", metavar="OUT", type=Path, help="NAME.arpa, NAME.arpa.gz, or NAME.lm (compact)")
    share = mix.add_mutually_exclusive_group(required=True)
    share.add_argument("--share", type=float, metavar="X", help="of A in each probability, between 0 and 1")
    share.add_argument(
        "--tune",
        type=Path,
        nargs="+",
        metavar="TEXT",
        help="find the share under which this text is likeliest (as for train)",
    )
    mix.set_defaults(run=_mix)

    convert = verbs.add_parser("convert", help="ARPA <-> compact, by the names' endings")
    convert.add_argument("lm", metavar="IN", type=Path, help="an ARPA file or a compact model")
    convert.add_argument(
        "out", metavar="OUT", type=Path, help="NAME.arpa, NAME.arpa.gz, or NAME.lm (compact)"
    )
    convert.add_argument(
        "--small",
        action="store_true",
        help="an eighth of the size for shipping: probabilities in steps, compressed; seconds to open the first time",
    )
    convert.set_defaults(run=_convert)

    from asr.cli import lm_tune

    tune = verbs.add_parser("tune", help="find the best weight and word bonus on a development set")
    lm_tune.configure(tune)
    tune.set_defaults(run=lm_tune.run)


def run(arguments: argparse.Namespace) -> int:
    """Run the sub-verb."""
    code: int = arguments.run(arguments)
    return code


def _train(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from asr.language_model.binary import check_model_name, write_language_model
    from asr.language_model.estimate import estimate

    if arguments.order < 1:
        raise UsageError(f"--order {arguments.order}; expected at least 1")
    check_model_name(arguments.out)
    vocabulary = None
    if arguments.vocab is not None:
        vocabulary = [word for words in _read([arguments.vocab]) for word in words]
    with tqdm(unit=" words", unit_scale=True, desc="reading", disable=not sys.stderr.isatty()) as bar:
        model = estimate(
            _read(arguments.text, characters=arguments.characters),
            order=arguments.order,
            prune=arguments.prune,
            prune_entropy=arguments.prune_entropy,
            vocabulary=vocabulary,
            vocabulary_size=arguments.vocab_size,
            progress=lambda done: bar.update(done - bar.n),
        )
    write_language_model(arguments.out, model)
    counts = ", ".join(f"{count} {order}-grams" for order, count in enumerate(model.counts, 1))
    print(f"{arguments.out}: {counts}")
    return 0


def _score(arguments: argparse.Namespace) -> int:
    from asr.language_model.binary import read_language_model
    from asr.language_model.perplexity import score_text

    model = read_language_model(arguments.lm)
    mixture = None
    if arguments.recurrent_lm is not None:
        from asr.language_model.mixture import LanguageModelMixture
        from asr.language_model.recurrent import read_recurrent_model

        recurrent = read_recurrent_model(arguments.recurrent_lm)
        mixture = LanguageModelMixture(model, recurrent, share=arguments.recurrent_share)
    found = score_text(model, _read(arguments.text, characters=model.is_character_level), mixture=mixture)
    unit = "characters" if model.is_character_level else "words"
    print(
        f"{found.sentences} sentences, {found.words} {unit}, {found.unknown} unknown ({found.unknown_rate:.2%})"
    )
    print(f"log10 probability {found.log_prob / 2.302585092994046:.4f}")
    print(
        f"perplexity {found.perplexity:.2f} without unknown {unit}, {found.perplexity_with_unknown:.2f} with"
    )
    if not found.sentences:
        raise AsrError(f"{arguments.text[0]}: no sentences in it; nothing to score")
    return 0


def _mix(arguments: argparse.Namespace) -> int:
    from asr.language_model.binary import check_model_name, read_language_model, write_language_model
    from asr.language_model.interpolation import best_share, mix
    from asr.language_model.perplexity import score_text

    check_model_name(arguments.out)
    first, second = (read_language_model(path) for path in (arguments.first, arguments.second))
    characters = first.is_character_level
    texts = {path: list(_read([path], characters=characters)) for path in arguments.tune or []}
    share = arguments.share
    if share is None:
        share = best_share(first, second, [sentence for text in texts.values() for sentence in text])
    mixed = mix(first, second, share=share)
    write_language_model(arguments.out, mixed)
    print(f"{arguments.out}: {share:.4f} of {arguments.first}, {1 - share:.4f} of {arguments.second}")
    for path, text in texts.items():
        alone, other, both = (
            score_text(model, text).perplexity_with_unknown for model in (first, second, mixed)
        )
        print(f"perplexity of {path}, unknown words included: {alone:.2f}, {other:.2f}, together {both:.2f}")
    return 0


def _convert(arguments: argparse.Namespace) -> int:
    from asr.language_model.binary import (
        check_model_name,
        read_language_model,
        write_language_model,
    )

    check_model_name(arguments.out)
    model = read_language_model(arguments.lm)
    write_language_model(arguments.out, model, small=arguments.small)
    print(f"{arguments.out}: order {model.order}, {sum(model.counts)} n-grams")
    return 0


def _read(paths: list[Path], *, characters: bool = False) -> "Iterator[list[str]]":
    from asr.language_model.counting import read_sentences

    for path in paths:
        yield from read_sentences(path, characters=characters)
