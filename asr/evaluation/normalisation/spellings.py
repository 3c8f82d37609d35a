"""Tables of British and American spellings, as this package has them in text files."""

from functools import cache
from importlib import resources


@cache
def read_spellings(name: str) -> dict[str, str]:
    """British spelling -> American spelling, every inflection its own entry.

    Args:
        name: of a file in this package: a pair a line, and the endings that both words take.
    """
    table = {}
    text = resources.files("asr.evaluation.normalisation").joinpath(name)
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
