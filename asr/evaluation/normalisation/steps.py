"""A normaliser as named steps, and what each of them did to a text."""

from collections.abc import Callable
from typing import NamedTuple


class Step(NamedTuple):
    """One step of a normaliser: its name in plain words, and a function from text to text."""

    name: str
    apply: Callable[[str], str]


class Normaliser(NamedTuple):
    """A way to spell transcripts alike.

    Attributes:
        name: as in --normaliser and in reports.
        version: of its rules; another one may spell a transcript otherwise.
        summary: what it does, for reports.
        steps: what it does, in order.
    """

    name: str
    version: str
    summary: str
    steps: tuple[Step, ...]

    def apply(self, text: str) -> str:
        """A transcript as it is compared: single spaces between words."""
        for step in self.steps:
            text = step.apply(text)
        return " ".join(text.split())

    @property
    def described(self) -> str:
        """Name, version and summary, for reports."""
        return f"{self.name}, version {self.version} ({self.summary})"


class Change(NamedTuple):
    """What became of a text in a step; `text` is the text after it."""

    step: str
    text: str
    changed: bool


def explain(normaliser: Normaliser, text: str) -> list[Change]:
    """What each step of a normaliser makes of a text, in order, runs of white space as one space."""
    found = []
    for step in normaliser.steps:
        after = step.apply(text)
        shown = " ".join(after.split())
        found.append(Change(step.name, shown, shown != " ".join(text.split())))
        text = after
    return found
