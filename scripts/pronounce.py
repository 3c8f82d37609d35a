"""Write a pronunciation dictionary for the words of manifests, as espeak-ng speaks them.

python scripts/pronounce.py data/english/train.jsonl data/english/phones.dict --fold

For `auxiliary.pronunciations` of a training; needs `pip install "asr[synthesis]"`.
"""

import argparse
import sys
from pathlib import Path

from asr.data.espeak_phones import fold_american
from asr.data.manifest import read_manifest
from asr.data.pronunciation import phone_set, write_pronunciations
from asr.data.synthesis import Synthesizer
from asr.errors import AsrError


def main() -> int:
    """Pronounce every word."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifests", metavar="MANIFEST", nargs="+", type=Path)
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("--language", default="en-us", help="of espeak-ng (default: en-us)")
    parser.add_argument("--fold", action="store_true", help="American English in 39 phones instead of 58")
    arguments = parser.parse_args()
    try:
        words = sorted(
            {
                word
                for manifest in arguments.manifests
                for utterance in read_manifest(manifest)
                for word in (utterance.text or "").split()
            }
        )
        synthesizer = Synthesizer()
        # Lower case: espeak-ng may spell out what is all capitals.
        pronunciations = {
            word: synthesizer.phones(word.lower(), language=arguments.language) for word in words
        }
        if arguments.fold:
            pronunciations = {word: fold_american(phones) for word, phones in pronunciations.items()}
        write_pronunciations(arguments.out, pronunciations)
    except AsrError as error:
        print(f"pronounce.py: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.out}: {len(words):,} words, {len(phone_set(pronunciations))} phones")
    return 0


if __name__ == "__main__":
    sys.exit(main())
