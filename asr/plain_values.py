"""Values as files have them that anyone may have written: JSON, numbers, texts and the names of files."""

import json
import os
import sys
from typing import Any


def parse_json(text: str) -> Any:
    """As `json.loads`, which has other errors for what is nested too deeply, and for numbers of more than 4300 digits.

    Raises:
        json.JSONDecodeError: not JSON, or neither.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        raise json.JSONDecodeError("a number of too many digits", text, 0) from None
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, 0) from None


def finite_number(value: object) -> float | None:
    """A number that is finite as a float; None for everything else, true and false among it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) <= sys.float_info.max else None
    return None


def parse_number(text: object) -> float | None:
    """The finite number that a text spells, or that is one; None for everything else."""
    try:
        return finite_number(float(text))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: no half of a pair of surrogates, as the JSON `"\\ud800"` is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def can_name_a_file(name: str | os.PathLike[str]) -> bool:
    """Whether the system takes a name: no zero byte, and nothing that cannot be encoded, but bytes that Python escaped."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False
