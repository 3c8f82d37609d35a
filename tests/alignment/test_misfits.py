"""Misfits by their kinds, of texts whose tokens an emission is sure of."""

import numpy as np
import pytest

from asr.alignment.misfits import find_misfits
from asr.alignment.spelling import SpelledText, Way
from asr.alignment.text_path import Prices, align_text
from asr.data.spoken_forms import TextWord
from asr.decoding.hypothesis import AlignedWord

TOKENS = {"a": (1, 2, 3), "b": (4, 5, 4), "c": (6, 7, 6, 2), "d": (3, 5, 1)}
SPACE = 8


def emission(tokens: list[int]) -> np.ndarray:
    """Sure of its tokens, two frames each, with three blanks behind."""
    frames = [column for token in tokens for column in [token] * 2 + [0] * 3]
    log_probs = np.full((len(frames), 9), np.log(0.001 / 8), np.float32)
    log_probs[np.arange(len(frames)), frames] = np.log(0.999)
    return log_probs


def misfits(said: str, text: str, separator: int | None) -> list[tuple[str, str]]:
    between = [] if separator is None else [separator]
    log_probs = emission(
        [token for at, word in enumerate(said) for token in [*(between if at else []), *TOKENS[word]]]
    )
    words = [TextWord(word, ((word,),)) for word in text]
    spelled = SpelledText(words, [[Way(TOKENS[word])] for word in text], {})
    path = align_text(
        log_probs,
        [[way.tokens for way in ways] for ways in spelled.ways],
        prices=Prices(3.0, 0.5, 3.0, 0.5),
        separator=separator,
    )
    timed = [
        None
        if placed is None
        else AlignedWord(word, float(placed.spans[0, 0]), float(placed.spans[-1, 1]), 1.0)
        for word, placed in zip(text, path.words, strict=True)
    ]
    found = find_misfits(
        spelled,
        path,
        timed,
        log_probs,
        separator=separator,
        seconds_per_frame=1.0,
        duration=float(len(log_probs)),
    )
    return [(one.kind, one.text) for one in found]


@pytest.mark.parametrize("separator", [None, SPACE])
@pytest.mark.parametrize(
    ("said", "text", "expected"),
    [
        ("abcd", "abcd", []),
        ("abbcd", "abcd", [("repeated", "b")]),
        ("aabcd", "abcd", [("repeated", "a")]),
        ("abcdd", "abcd", [("repeated", "d")]),
        ("abcbcd", "abcd", [("repeated", "b c")]),
        ("abcabcd", "abcd", [("repeated", "a b c")]),
        # Of c, not beside it.
        ("acbcd", "abcd", [("not in the text", "")]),
        ("abdcd", "abcd", [("not in the text", "")]),
        ("abcd", "abbcd", [("repeated in the text", "b")]),
        ("abcd", "abcbcd", [("repeated in the text", "b c")]),
        ("abd", "abcd", [("not spoken", "c")]),
        # A stretch without words beside it.
        ("dcb", "ab", [("not in the text", ""), ("not spoken", "a")]),
        ("acd", "abacd", [("not spoken", "b a")]),
    ],
)
def test_misfits_are_of_the_kind_that_was_done(said, text, expected, separator):
    found = misfits(said, text, separator)
    # Which of two equal turns is left out is all the same: C B of B C B C.
    assert [(kind, sorted(words.split())) for kind, words in found] == [
        (kind, sorted(words.split())) for kind, words in expected
    ]
