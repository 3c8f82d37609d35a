"""Small letters and capitals, as languages have them."""

from typing import NamedTuple

_DOTTED = ("tr", "az", "crh", "tt", "kk-latn")  # an i with a dot and one without


class Casing(NamedTuple):
    """Of a language, by its ISO 639 code."""

    language: str = ""

    def small(self, word: str) -> str:
        """`İSTANBUL` -> `istanbul` in Turkish."""
        if self.language in _DOTTED:
            word = word.replace("İ", "i").replace("I", "ı")
        return word.lower()

    def capitals(self, word: str) -> str:
        """All of it."""
        if self.language in _DOTTED:
            word = word.replace("i", "İ")
        return word.upper()

    def capital(self, word: str) -> str:
        """The first letter: `well` -> `Well`."""
        first, rest = word[:1], word[1:]
        if self.language == "nl" and word[:2] == "ij":
            return "IJ" + word[2:]
        upper = self.capitals(first)
        return (first if len(upper) > 1 else upper) + rest  # ß has no capital that begins a word
