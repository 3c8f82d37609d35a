"""English spellings of the same words made one: contractions, numerals, British spellings, titles."""

import re
from functools import lru_cache

from asr.evaluation.normalisation.numerals import digits_of_numerals
from asr.evaluation.normalisation.spellings import read_spellings
from asr.evaluation.normalisation.steps import Step

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
_SPELLINGS = "british_spellings.txt"
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def _spell_signs(text: str) -> str:
    text = _GROUPED.sub("", text)
    text = _MONEY.sub(_spell_money, text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, f" {word} ")
    return text


def _spell_money(found: re.Match[str]) -> str:
    unit = _CURRENCIES[found[1]]
    return f"{found[2]} {unit}{'' if found[2] == '1' or unit == 'yen' else 's'}"


def _spell_words(text: str) -> str:
    return " ".join(part for word in text.split() for part in _spell(word))


def _digits(text: str) -> str:
    return " ".join(digits_of_numerals(text.split()))


@lru_cache(maxsize=1 << 16)
def _spell(word: str) -> tuple[str, ...]:
    behind: list[str] = []
    while word not in _WHOLE and (
        found := next((one for one in _ENDINGS if word[1:].endswith(one[0])), None)
    ):
        word, behind = word.removesuffix(found[0]), [found[1], *behind]
    return (*_spell_stem(word), *behind)


def _spell_stem(word: str) -> tuple[str, ...]:
    if word in _WHOLE:
        return tuple(_WHOLE[word].split())
    stem = word.removesuffix("'s")
    if stem != word:
        return (stem, "is") if stem in _BEFORE_IS else (read_spellings(_SPELLINGS).get(stem, stem) + "'s",)
    return (read_spellings(_SPELLINGS).get(word, word),)


# What `english` does to a transcript behind `basic`: "i won't pay $5" and "i will not pay five dollars" become
# "i will not pay 5 dollars"; digits read one by one stay apart ("six two four" is "6 2 4").
ENGLISH_STEPS = (
    Step("signs and money in words", _spell_signs),
    Step("contractions spelled out, titles, British spellings as American ones", _spell_words),
    Step("numerals in digits", _digits),
)
