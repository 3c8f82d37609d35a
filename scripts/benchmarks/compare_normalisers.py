"""Our normalisers `whisper`, `whisper-multilingual` and `open-asr` against their originals, sentence by sentence.

  python scripts/benchmarks/compare_normalisers.py data/*/train.jsonl books.txt --most 20000

Manifests give their transcripts, other files their lines; --rows adds rows of words and signs that the rules are about. Whisper's rules are those of the package whisper-normalizer;
with --leaderboard, a checkout of github.com/huggingface/open_asr_leaderboard, its rules are compared, too.
"""

import argparse
import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from asr.evaluation.normalisation import find_normaliser

# What later versions of the package spell out and Whisper does not.
LATER = ("kinda", "sorta", "dunno", "cause")
# What the rules are about.
RULES = (
    "one two three ten eleven nineteen twenty fifty ninety zero oh o hundred thousand million billion first second third tenth "
    "twentieth twelfth hundredth thousandth twos sixes twenties hundreds millions minus plus positive dollars pound cents "
    "euro per cent percent and double triple point a half 5 10 2.5 0 100 1,000 $5 £3.50 ¢7 5% the cat 3rd 1 1960s 5th x mr. "
    "st dr. can't won't john's it's he'd been they'd done colour archaeology . , $ % - a.b. b c i wi fi ok mm uh etc ½ é "
    "007 1.2.3 [noise] (aside)"
)
_SHOWN = 5


def main() -> int:
    """Compare, and print how many sentences differ, and the first of them."""
    from whisper_normalizer.basic import BasicTextNormalizer
    from whisper_normalizer.english import EnglishTextNormalizer

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--rows", type=int, default=0, help="random rows of one to eight words of the rules")
    parser.add_argument("--most", type=int, default=20_000, help="sentences of a file; drawn with --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--leaderboard", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()

    generator = random.Random(arguments.seed)
    found = {text for path in arguments.files for text in _drawn(path, arguments.most, generator)}
    rules = RULES.split()
    found |= {" ".join(generator.choices(rules, k=generator.randint(1, 8))) for _ in range(arguments.rows)}
    if not found:
        parser.error("no sentence; expected files or --rows")
    texts = sorted(found)
    print(f"{len(texts):,} different sentences, {sum(len(text.split()) for text in texts):,} words")
    package = EnglishTextNormalizer()
    whisper = find_normaliser("whisper").apply
    _report("whisper, the package as it is", texts, whisper, package)
    later = re.compile(rf"\b(?:{'|'.join(LATER)})\b", re.IGNORECASE)
    _report(
        f"whisper, sentences without {', '.join(LATER)}",
        [text for text in texts if not later.search(text)],
        whisper,
        package,
    )
    for word in LATER:
        package.replacers.pop(rf"\b{word}\b", None)
    _report(f"whisper, the package without {', '.join(LATER)}", texts, whisper, package)
    _report(
        "whisper-multilingual", texts, find_normaliser("whisper-multilingual").apply, BasicTextNormalizer()
    )
    if arguments.leaderboard is not None:
        sys.path.insert(0, str(arguments.leaderboard))
        from normalizer import EnglishTextNormalizer as Leaderboard

        theirs, open_asr = Leaderboard(), find_normaliser("open-asr").apply
        _report("open-asr", texts, open_asr, theirs)
        theirs.standardize_names = str
        _report("open-asr, the leaderboard without its list of names", texts, open_asr, theirs)
    return 0


def _drawn(path: Path, most: int, generator: random.Random) -> list[str]:
    texts = list(_texts(path))
    return texts if len(texts) <= most else generator.sample(texts, most)


def _texts(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            text = json.loads(line).get("text") or "" if path.suffix == ".jsonl" else line.strip()
            if text:
                yield text


def _report(
    name: str, texts: Sequence[str], ours: Callable[[str], str], theirs: Callable[[str], str]
) -> None:
    different = [text for text in texts if ours(text).split() != theirs(text).split()]
    print(f"{name}: {len(different):,} of {len(texts):,} differ")
    for text in different[:_SHOWN]:
        print(f"  {text}\n    ours   {ours(text)}\n    theirs {' '.join(theirs(text).split())}")


if __name__ == "__main__":
    sys.exit(main())
