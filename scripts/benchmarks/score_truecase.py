#!/usr/bin/env python3
"""Capitals by the package truecase, as a yardstick for a tagger: n-grams of news in 73 MB.

    pip install truecase
    python scripts/benchmarks/score_truecase.py TEXT [--words 400000]

TEXT is as `asr punctuation score` takes it. It is given sentence by sentence, and the first word of each gets a capital without being asked for:
truecase cannot find sentences, and a tagger has to.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from truecase.TrueCaser import TrueCaser

from asr.language_model.counting import text_lines
from asr.writing.heard import Text
from asr.writing.published import sentences
from asr.writing.scoring import CAPITAL, score_writing
from asr.writing.tagger import Written

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # where commands.py is

from commands import finish


def texts(path: Path, words: int) -> Iterator[Text]:
    """Sentences, up to so many words in all."""
    read = 0
    for sentence in sentences(text_lines(path), language="en"):
        yield Text(sentence)
        read += len(sentence)
        if read >= words:
            return


def main() -> None:
    """Score it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", metavar="TEXT", type=Path)
    parser.add_argument("--words", type=int, default=400_000, metavar="N", help="default: %(default)s")
    arguments = parser.parse_args()
    truecaser = TrueCaser()

    def write(words: Sequence[str], pauses: np.ndarray | None) -> list[Written]:
        forms = truecaser.get_true_case_from_tokens(list(words))
        return [Written(form, "") for form in [forms[0][:1].upper() + forms[0][1:], *forms[1:]]]

    found = list(texts(arguments.text, arguments.words))
    score = next(one for one in score_writing(found, write) if one.name == CAPITAL)
    count = sum(len(text.words) for text in found)
    print(
        f"capitals, {count:,} words: precision {score.precision:.3f}, recall {score.recall:.3f}, "
        f"F1 {score.f1:.3f} ({score.interval[0]:.3f} to {score.interval[1]:.3f})"
    )


if __name__ == "__main__":
    sys.exit(finish(main))
