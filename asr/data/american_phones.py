"""espeak-ng's phones of American English in 39 classes, those of CMUdict.

espeak writes 58: long vowels, vowels coloured by a following r, and shades that no listener tells apart in
connected speech. With few hours of speech a network learns fewer classes better.
"""

import itertools
from collections.abc import Iterable

_FOLDED = {
    "ææ": "æ",  # AAANTHOR
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
    "nʲ": "n j",
    "o": "oʊ",
    "ɬ": "l",
}

_CMUDICT = """
AA=ɑ AE=æ AH=ə AO=ɔ AW=aʊ AY=aɪ EH=ɛ ER=ɚ EY=eɪ IH=ɪ IY=i OW=oʊ OY=ɔɪ UH=ʊ UW=u
B=b CH=tʃ D=d DH=ð F=f G=ɡ HH=h JH=dʒ K=k L=l M=m N=n NG=ŋ P=p R=ɹ S=s SH=ʃ T=t TH=θ V=v W=w Y=j Z=z ZH=ʒ
"""
_ARPABET = dict(pair.split("=") for pair in _CMUDICT.split())


def from_arpabet(phones: Iterable[str]) -> tuple[str, ...]:
    """CMUdict's phones, without stress, in the 39 classes; unknown phones stay."""
    return fold_american(_ARPABET.get(phone, phone) for phone in phones)


def fold_american(phones: Iterable[str]) -> tuple[str, ...]:
    """The phones of a word in 39 classes; equal neighbours become one, unknown phones stay."""
    folded = itertools.chain.from_iterable(_FOLDED.get(phone, phone).split() for phone in phones)
    return tuple(phone for phone, _ in itertools.groupby(folded))


_TO_ARPABET = {own: theirs for theirs, own in _ARPABET.items()}


def to_arpabet(phones: Iterable[str]) -> tuple[str, ...]:
    """espeak-ng's phones of American English as CMUdict's, without stress; unknown phones stay."""
    return tuple(_TO_ARPABET.get(phone, phone) for phone in fold_american(phones))
