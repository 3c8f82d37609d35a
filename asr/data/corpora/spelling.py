"""Transcripts as they are spoken: the rules that several corpora share."""

import re
import unicodedata

_APOSTROPHES = str.maketrans(
    {
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{MODIFIER LETTER APOSTROPHE}": "'",
    }
)
_EDGE_APOSTROPHES = re.compile(r"(?<!\w)'+|'+(?!\w)")


def plain_words(text: str) -> str:
    """Lower case, no punctuation, apostrophes inside words kept; hyphens become spaces.

    `"Don't go!", she said.` -> `don't go she said`
    """
    text = unicodedata.normalize("NFC", text).translate(_APOSTROPHES).lower()
    kept = (
        character if character == "'" or unicodedata.category(character)[0] not in "PSC" else " "
        for character in text
    )
    return " ".join(_EDGE_APOSTROPHES.sub(" ", "".join(kept)).split())
