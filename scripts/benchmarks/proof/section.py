"""What a section of the proof is given, and what it says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch


@dataclass(frozen=True)
class Place:
    """Where the proof is made.

    Attributes:
        device: what is proved, beside the CPU.
        tiny: sizes that take seconds: every line of the proof runs, and its figures mean nothing.
        folder: for what is written on the way.
        manifest: utterances with transcripts, to train on.
    """

    device: torch.device
    tiny: bool
    folder: Path
    manifest: Path


@dataclass(frozen=True)
class Check:
    """A claim: a number that must not be above its limit."""

    claim: str
    found: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether it is so; NaN is not."""
        return self.found <= self.limit


@dataclass
class Section:
    """What was found.

    Attributes:
        title: of it.
        header, rows: a table; numbers as numbers.
        checks: what has to hold.
        notes: sentences.
    """

    title: str
    header: Sequence[str] = ()
    rows: list[Sequence[str | float]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
