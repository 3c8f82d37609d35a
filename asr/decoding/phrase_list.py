"""Lists of phrases as they are written."""

import re
from pathlib import Path

from asr.errors import DecodingError
from asr.files import read_text

OTHER_SPEECH = -1.5  # natural log, a phone
UNKNOWN = "[unk]"  # Vosk's name for what is none of the phrases, which is always possible here


def split_phrases(text: str) -> tuple[str, ...]:
    """Phrases that are parted by commas or line feeds, each once, `[unk]` left out."""
    found = (" ".join(part.split()) for part in re.split(r"[,\n]", text))
    return tuple(dict.fromkeys(phrase for phrase in found if phrase and phrase != UNKNOWN))


def read_phrases(text: str) -> tuple[str, ...]:
    """The phrases of a file, or of a list.

    Args:
        text: the name of a file with a phrase a line, or phrases parted by commas; a list that is also a file's name is the file.

    Raises:
        DecodingError: the file cannot be read, or there is no phrase.
    """
    where = "--phrases"
    if "," not in text and _is_file(text):
        where, text = text, read_text(text, what="the phrases", error=DecodingError)
    phrases = split_phrases(text)
    if not phrases:
        raise DecodingError(f"{where}: no phrases; expected one a line of a file, or some parted by commas")
    return phrases


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError as error:
        raise DecodingError(f"{text}: cannot read the phrases: {error.strerror}") from None
