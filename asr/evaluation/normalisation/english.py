"""English spellings of the same words made one: contractions, numerals, British spellings, titles."""

import re
from functools import cache, lru_cache
from importlib import resources

from asr.evaluation.normalisation.numerals import digits_of_numerals

# Where the shortened word cannot be told ('s may be is, has or a genitive), only sure cases are spelled out.
_WHOLE = {
    "won't": "will not",
    "can't": "can not",
    "cannot": "can not",
    "shan't": "shall not",
    "ain't": "am not",
    "let's": "let us",
    "y'all": "you all",
    "ma'am": "madam",
    "'cause": "because",
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "got to",
    "gimme": "give me",
    "lemme": "let me",
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "prof": "professor",
    "capt": "captain",
    "lt": "lieutenant",
    "sgt": "sergeant",
    "okay": "ok",
}
_ENDINGS = (("n't", "not"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'m", "am"), ("'d", "would"))
# Pronouns and the like, after which 's is taken for "is".
_BEFORE_IS = frozenset(
    [
        "he",
        "she",
        "it",
        "that",
        "this",
        "there",
        "here",
        "who",
        "what",
        "where",
        "when",
        "why",
        "how",
        "everything",
        "nothing",
        "something",
        "everyone",
        "everybody",
        "nobody",
        "somebody",
        "someone",
    ]
)
_SIGNS = {"%": "percent", "&": "and", "@": "at", "+": "plus", "#": "number"}
_CURRENCIES = {"$": "dollar", "£": "pound", "€": "euro", "¥": "yen"}
_MONEY = re.compile(r"([$£€¥])\s?(\d[\d,]*(?:\.\d+)?)")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def normalise_english(text: str) -> str:
    """Spell English one way.

    "I won't pay $5" and "i will not pay five dollars" become "i will not pay 5 dollars". A numeral in
    words becomes digits; digits read one by one stay apart ("six two four" is "6 2 4").

    Args:
        text: a transcript that `normalise_basic` has gone over.
    """
    text = _GROUPED.sub("", text)
    text = _MONEY.sub(_spell_money, text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, f" {word} ")
    words: list[str] = []
    for word in text.split():
        words += _spell(word)
    return " ".join(digits_of_numerals(words))


def _spell_money(found: re.Match[str]) -> str:
    unit = _CURRENCIES[found[1]]
    return f"{found[2]} {unit}{'' if found[2] == '1' or unit == 'yen' else 's'}"


@lru_cache(maxsize=1 << 16)
def _spell(word: str) -> tuple[str, ...]:
    if word in _WHOLE:
        return tuple(_WHOLE[word].split())
    for ending, long in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending):
            return (*_spell(word[: -len(ending)]), long)
    stem = word.removesuffix("'s")
    if stem != word:
        return (stem, "is") if stem in _BEFORE_IS else (spellings().get(stem, stem) + "'s",)
    return (spellings().get(word, word),)


@cache
def spellings() -> dict[str, str]:
    """British spelling -> American spelling, every inflection its own entry."""
    table = {}
    text = resources.files("asr.evaluation.normalisation").joinpath("british_spellings.txt")
    for line in text.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        british, american, *endings = line.split()
        for ending in ["", *endings]:
            # A final e makes way for a vowel: colourise -> colourising.
            drops = ending[:1] in ("i", "a", "o") or (ending[:1] == "e" and british.endswith("e"))
            left = british.removesuffix("e") if drops and british.endswith("e") else british
            right = american.removesuffix("e") if drops and american.endswith("e") else american
            table[left + ending] = right + ending
    return table
