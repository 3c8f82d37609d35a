"""What decoding returns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word.

    Attributes:
        text: its spelling.
        start, end: seconds from the beginning of the waveform.
        confidence: between 0 and 1.
    """

    text: str
    start: float
    end: float
    confidence: float


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


@dataclass(frozen=True, slots=True)
class AlignedWord(Word):
    """A word of a known text, what it is made of timed too.

    Attributes:
        characters: in order; none where the word was found by its phones.
        phones: in order; none where it was found by its characters.
    """

    characters: tuple[TimedUnit, ...] = ()
    phones: tuple[TimedUnit, ...] = ()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A transcript proposed for an utterance.

    Attributes:
        text: the transcript.
        tokens: its token ids, blanks and repeats removed.
        score: natural logarithm of what the decoder maximised: of the best path's probability for greedy
            decoding; for beam search of the summed paths', plus the weighted language model, the bonuses and
            the hot words' weights.
        words: words with times and confidence.
    """

    text: str
    tokens: tuple[int, ...]
    score: float
    words: tuple[Word, ...] = ()
