"""What decoding returns."""

from dataclasses import dataclass, field, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word.

    Attributes:
        text: its spelling.
        start, end: seconds from the beginning of the waveform.
        confidence: between 0 and 1.
        channel: of the recording, counted from 0; None where channels are not told apart.
    """

    text: str
    start: float
    end: float
    confidence: float
    channel: int | None = field(default=None, kw_only=True)

    def moved(self, seconds: float) -> Self:
        """The same, so many seconds later; times to the millisecond."""
        return replace(self, start=round(self.start + seconds, 3), end=round(self.end + seconds, 3))


@dataclass(frozen=True, slots=True)
class TimedUnit:
    """A character or a phone, and its times.

    Attributes:
        text: the character or the phone.
        start, end: seconds from the beginning of the waveform.
    """

    text: str
    start: float
    end: float

    def moved(self, seconds: float) -> Self:
        """As `Word.moved`."""
        return replace(self, start=round(self.start + seconds, 3), end=round(self.end + seconds, 3))


@dataclass(frozen=True, slots=True)
class AlignedWord(Word):
    """A word of a known text, what it is made of timed too.

    Attributes:
        characters: in order; none where the word was found by its phones.
        phones: in order; none where it was found by its characters.
    """

    characters: tuple[TimedUnit, ...] = ()
    phones: tuple[TimedUnit, ...] = ()

    def moved(self, seconds: float) -> Self:
        """As `Word.moved`, with what the word is made of."""
        return replace(
            Word.moved(self, seconds),
            characters=tuple(unit.moved(seconds) for unit in self.characters),
            phones=tuple(unit.moved(seconds) for unit in self.phones),
        )


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A transcript proposed for an utterance.

    Attributes:
        text: the transcript.
        tokens: its token ids, blanks and repeats removed; none where words were left out because they leak from another channel,
            or those of several channels are merged.
        score: natural logarithm of what the decoder maximised: of the best path's probability for greedy
            decoding; for beam search of the summed paths', plus the weighted language model, the bonuses and
            the hot words' weights.
        words: words with times and confidence.
    """

    text: str
    tokens: tuple[int, ...]
    score: float
    words: tuple[Word, ...] = ()
