"""Write a pronunciation dictionary for the words of manifests, texts and language models, as espeak-ng says them.

asr pronounce train.jsonl mine.lm mine.phones --fold
asr pronounce train.jsonl mine.phones --language de
asr pronounce train.jsonl english.lm english.phones --fold --also A=ə --dictionary cmudict.dict

For `heads.phones.pronunciations` of a training, and for decoding with `--pronunciations`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from asr.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="+",
        type=Path,
        help="manifests (.jsonl); language models (.arpa, .lm); other files are text, plain, gzip or xz",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="the dictionary to write, in CMUdict's format")
    parser.add_argument("--force", action="store_true", help="overwrite OUT")
    parser.add_argument("--language", default="en-us", help="of espeak-ng (default: en-us)")
    parser.add_argument("--fold", action="store_true", help="American English in 39 phones instead of 58")
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="WORD=PHONES",
        help="another way to say a word, such as its weak form, with spaces between the phones; may be given again",
    )
    parser.add_argument(
        "--dictionary",
        type=Path,
        metavar="FILE",
        help="CMUdict, with other ways to say the same words, after espeak's; needs --fold. The package cmudict has it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Pronounce every word."""
    if arguments.dictionary is not None and not arguments.fold:
        raise UsageError("--dictionary has American English in 39 phones; add --fold")
    if arguments.fold and arguments.language != "en-us":
        raise UsageError(f"--fold is of American English, not {arguments.language}; leave one out")
    others = [_other_way(text) for text in arguments.also]
    if arguments.out.exists() and not arguments.force:
        raise UsageError(f"{arguments.out} exists; choose another file, or --force")
    from tqdm import tqdm

    from asr.data.american_phones import fold_american, from_arpabet
    from asr.data.espeak import espeak
    from asr.data.pronunciation import phone_set, read_all_pronunciations, write_pronunciations

    words = sorted({word for source in arguments.sources for word in _words_of(source)})
    ways: dict[str, list[tuple[str, ...]]] = {}
    for word in tqdm(words, unit=" words", disable=None, leave=False):
        # Lower case: espeak-ng may spell out what is all capitals.
        phones = espeak().phones(word.lower(), language=arguments.language)
        ways[word] = [fold_american(phones) if arguments.fold else phones]
    for word, phones in others:
        ways.setdefault(word, []).append(phones)
    if arguments.dictionary is not None:
        for word, said in read_all_pronunciations(arguments.dictionary).items():
            if word.upper() in ways:
                ways[word.upper()] += map(from_arpabet, said)
    pronunciations = _numbered(ways)
    write_pronunciations(arguments.out, pronunciations)
    print(
        f"{arguments.out}: {len(ways):,} words said in {len(pronunciations):,} ways, "
        f"{len(phone_set(pronunciations))} phones"
    )
    return 0


def _numbered(ways: dict[str, list[tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    """Each different way to say a word as an entry: `WORD`, `WORD(2)`."""
    return {
        word if number == 1 else f"{word}({number})": phones
        for word, said in ways.items()
        for number, phones in enumerate(dict.fromkeys(said), 1)
    }


def _words_of(source: Path) -> Iterator[str]:
    """The words of a manifest's transcripts, of a text, or of a language model."""
    from asr.language_model.binary import read_language_model
    from asr.language_model.counting import read_sentences
    from asr.language_model.ngram import SPECIAL_WORDS

    if source.name.endswith((".arpa", ".arpa.gz", ".lm")):
        yield from read_language_model(source).words[len(SPECIAL_WORDS) :]
        return
    for sentence in read_sentences(source):
        yield from sentence


def _other_way(text: str) -> tuple[str, tuple[str, ...]]:
    """A word and its phones, of `WORD=PHONES`."""
    word, _, phones = text.partition("=")
    if not word.strip() or not phones.split():
        raise UsageError(f"--also {text!r}; expected a word and its phones, such as 'AND=ə n'")
    return word.strip(), tuple(phones.split())
