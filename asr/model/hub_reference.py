"""How a model of the Hugging Face Hub is named: `hf:owner/name` or `hf:owner/name@revision`."""

import re
from typing import NamedTuple

from asr.errors import UsageError

HUB = "hf:"  # what such names begin with
_REFERENCE = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


class Reference(NamedTuple):
    """A repository and, where one is meant, its branch, tag or commit."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{HUB}{self.repository}" + (f"@{self.revision}" if self.revision else "")


def parse_reference(text: str) -> Reference:
    """`hf:owner/name@revision` -> its parts. Raises UsageError for what is none."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text}: expected hf:owner/name or hf:owner/name@revision")
    return Reference(match["repository"], match["revision"])
