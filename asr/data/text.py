"""Transcript normalisation: one transcript, one spelling, before tokens are counted."""

import unicodedata
from typing import Literal

Case = Literal["keep", "upper", "lower"]


def normalise_transcript(text: str, *, case: Case = "keep") -> str:
    """Unicode NFC, runs of white space become one space, ends trimmed, letters in one case.

    Args:
        text: a transcript as its corpus has it.
        case: "upper" or "lower" to fold letters, "keep" to leave them.

    Returns:
        The transcript that the tokenizer sees and that WER is counted on.
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if case == "upper":
        return text.upper()
    if case == "lower":
        return text.lower()
    return text
