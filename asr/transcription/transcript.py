"""What transcription returns: the text of a recording, its segments and its words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from asr.decoding.confusion import ConfusionSet, ScoredText
from asr.decoding.hypothesis import Word

PAUSE = 0.5  # seconds between two words that part two segments
MisfitKind = Literal["not in the text", "repeated", "not spoken", "repeated in the text"]
NOT_IN_TEXT: MisfitKind = "not in the text"
REPEATED: MisfitKind = "repeated"
NOT_SPOKEN: MisfitKind = "not spoken"
REPEATED_IN_TEXT: MisfitKind = "repeated in the text"
LONGEST = 30.0  # seconds of a segment, as long as there is more than one word in it
_LONG_PAUSE = 4  # times the pause, within a sentence


@dataclass(frozen=True, slots=True)
class WrittenWord(Word):
    """What stands between two spaces of a text that is to be read: `Smith,` or `$25`.

    Attributes:
        text: with its mark.
        start, end: of what was spoken, in seconds.
        confidence: the least of those of the spoken words.
        spoken: the recognised words that it stands for, one or more.
        ends_sentence: whether a sentence ends with it.
    """

    spoken: tuple[Word, ...]
    ends_sentence: bool


def spoken_words(words: Iterable[Word]) -> tuple[Word, ...]:
    """The words as they were recognised, be they written or not."""
    return tuple(
        spoken for word in words for spoken in (word.spoken if isinstance(word, WrittenWord) else (word,))
    )


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech between two pauses; a sentence, where there are sentences.

    Attributes:
        start, end: seconds from the beginning of the recording, of the first word and of the last.
        text: its words, parted by spaces.
        words: with times and confidence; at least one.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...]

    @property
    def channel(self) -> int | None:
        """Of all its words; see `Word`."""
        return self.words[0].channel


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What may have been said in a stretch that is decoded whole: all of a short recording, or between two cuts.

    Attributes:
        start, end: seconds from the beginning of the recording.
        texts: each once, best first; the first is the transcript's, but for words that leak from another channel.
        words: the same word by word, by more texts than these.
        channel: see `Word`.
    """

    start: float
    end: float
    texts: tuple[ScoredText, ...]
    words: tuple[ConfusionSet, ...]
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Misfit:
    """A stretch where a recording and the text that it was aligned with do not fit together.

    Attributes:
        kind: `NOT_IN_TEXT` for speech that the text lacks, `REPEATED` where it says once more what the text has beside it;
            `NOT_SPOKEN` for words that the sound lacks, `REPEATED_IN_TEXT` where the text has them twice in a row.
        start, end: seconds; words that are not spoken are between the two words beside them.
        text: the words, "" for speech that is no repetition.
    """

    kind: MisfitKind
    start: float
    end: float
    text: str

    @property
    def label(self) -> str:
        """What it is, without times."""
        return f"{self.kind}: {self.text}" if self.text else self.kind

    def __str__(self) -> str:
        return f"{self.start:.2f} to {self.end:.2f} s {self.label}"


@dataclass(frozen=True, slots=True)
class Transcription:
    """The transcript of a recording.

    Attributes:
        text: all of it, on one line.
        segments: from pause to pause, or sentence by sentence, in the order of their starts; together they hold every word once.
        words: in the order of the segments, times in seconds from the beginning of the recording; `WrittenWord`s of a text that
            is to be read.
        duration: of the recording, in seconds.
        alternatives: a stretch each, in order; none where they were not asked for.
        misfits: of an aligned text, where it and the recording do not fit together, in order of time.
    """

    text: str
    segments: tuple[Segment, ...]
    words: tuple[Word, ...]
    duration: float
    alternatives: tuple[Alternatives, ...] = ()
    misfits: tuple[Misfit, ...] = ()

    @property
    def verbatim(self) -> str:
        """The text as it was recognised, without marks and figures."""
        return " ".join(word.text for word in spoken_words(self.words))

    @property
    def lines(self) -> tuple[str, ...]:
        """A line a segment; where channels are told apart a line a turn, which ends when another channel has its say, and begins
        with the name of its channel."""
        lines: list[str] = []
        for channel, turn in groupby(self.segments, key=lambda segment: segment.channel):
            texts = [segment.text for segment in turn]
            lines += texts if channel is None else [f"{channel_name(channel)}: {' '.join(texts)}"]
        return tuple(lines)

    @property
    def has_channels(self) -> bool:
        """Whether channels are told apart."""
        return any(word.channel is not None for word in self.words)

    @property
    def is_written(self) -> bool:
        """Whether the text is one that is to be read, and `verbatim` another."""
        return any(isinstance(word, WrittenWord) for word in self.words)


def by_channel(words: Iterable[Word]) -> dict[int | None, tuple[Word, ...]]:
    """The words of each channel, channels in order; all of them under None where channels are not told apart."""
    found: dict[int | None, list[Word]] = {}
    for word in words:
        found.setdefault(word.channel, []).append(word)
    return {channel: tuple(found[channel]) for channel in sorted(found, key=lambda one: one or 0)}


def channel_name(channel: int) -> str:
    """What people call a channel: they count from 1."""
    return f"Channel {channel + 1}"


def merge_channels(parts: Sequence[Transcription]) -> Transcription:
    """Transcriptions of a recording's channels as one: segments of all channels in the order of their starts."""
    segments = tuple(
        sorted((one for part in parts for one in part.segments), key=lambda one: (one.start, one.channel))
    )
    return Transcription(
        " ".join(segment.text for segment in segments),
        segments,
        tuple(word for segment in segments for word in segment.words),
        max(part.duration for part in parts),
        tuple(
            sorted(
                (one for part in parts for one in part.alternatives), key=lambda one: (one.start, one.channel)
            )
        ),
    )


def gather_segments(
    words: Sequence[Word], *, duration: float, pause: float = PAUSE, longest: float = LONGEST
) -> Transcription:
    """Words in order -> the transcription, its segments cut at the pauses, or at the ends of sentences where words have them.

    Args:
        words: of the whole recording.
        duration: of the recording, in seconds.
        pause: silence in seconds between two words that parts two segments; within a sentence, four times as much.
        longest: seconds; a segment that would grow beyond is cut at its widest gap.
    """
    groups: list[list[Word]] = []
    for word in words:
        if groups and not _parts(groups[-1][-1], word, pause):
            groups[-1].append(word)
        else:
            groups.append([word])
    segments = tuple(
        Segment(part[0].start, part[-1].end, " ".join(word.text for word in part), tuple(part))
        for group in groups
        for part in _cut(group, longest)
    )
    return Transcription(" ".join(word.text for word in words), segments, tuple(words), duration)


def _parts(word: Word, following: Word, pause: float) -> bool:
    """Whether a segment ends between two words."""
    silence = following.start - word.end
    if isinstance(word, WrittenWord):
        return word.ends_sentence or silence >= _LONG_PAUSE * pause
    return silence >= pause


def _cut(words: Sequence[Word], longest: float) -> list[Sequence[Word]]:
    """Cut words at their widest gap, and the pieces again, until none is longer than `longest` seconds."""
    pieces: list[Sequence[Word]] = []
    waiting = [words]
    while waiting:
        piece = waiting.pop()
        if len(piece) == 1 or piece[-1].end - piece[0].start <= longest:
            pieces.append(piece)
            continue
        # The middle of equally wide gaps, so that the pieces are of like length.
        middle = len(piece) / 2
        at = max(
            range(1, len(piece)),
            key=lambda index: (
                round(piece[index].start - piece[index - 1].end, 3),
                -abs(index - middle),
            ),
        )
        waiting += [piece[at:], piece[:at]]
    return pieces
