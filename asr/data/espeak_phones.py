"""espeak-ng's phones of American English in 39 classes, about those of CMUdict.

espeak writes 58: long vowels, vowels coloured by a following r, and shades that no listener tells apart in
connected speech. With few hours of speech a network learns fewer classes better.
"""

import itertools
from collections.abc import Iterable

_FOLDED = {
    **dict.fromkeys(("i", "iː"), "i"),
    "uː": "u",
    "ɑː": "ɑ",
    "ɔː": "ɔ",
    **dict.fromkeys(("ɐ", "ʌ"), "ə"),
    "ᵻ": "ɪ",
    "ɜː": "ɚ",
    "r": "ɹ",
    **dict.fromkeys(("ɾ", "ʔ"), "t"),
    "n̩": "ə n",
    "əl": "ə l",
    "aɪə": "aɪ ə",
    "aɪɚ": "aɪ ɚ",
    "iə": "i ə",
    "ɑːɹ": "ɑ ɹ",
    "ɔːɹ": "ɔ ɹ",
    "ɛɹ": "ɛ ɹ",
    "ɪɹ": "ɪ ɹ",
    "ʊɹ": "ʊ ɹ",
    # Of foreign words.
    "e": "ɛ",
    "x": "k",
    "ç": "h",
    "ɑ̃": "ɑ n",
    "ɔ̃": "ɔ n",
    "ɡʲ": "ɡ",
    "ɬ": "l",
}


def fold_american(phones: Iterable[str]) -> tuple[str, ...]:
    """The phones of a word in 39 classes; equal neighbours become one, unknown phones stay."""
    folded = itertools.chain.from_iterable(_FOLDED.get(phone, phone).split() for phone in phones)
    return tuple(phone for phone, _ in itertools.groupby(folded))
