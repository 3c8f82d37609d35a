"""Recordings of several channels, such as calls with a speaker on each: what is read of them, and what leaks from one into another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from asr.data.audio import open_audio
from asr.decoding.hypothesis import Word
from asr.transcription.recordings import Recording
from asr.transcription.silence import FAINTEST

Channels = Literal["mix", "separate", "auto", "1", "2"]
CHANNELS: tuple[Channels, ...] = get_args(Channels)

# A word whose stretch is so many decibels fainter than the same stretch of another channel is the other channel's, and leaks. A
# short word would be all edge where what leaks comes later, so that some seconds before and after a word belong to its stretch.
LEAK = -13.0
MARGIN = 0.05

# What leaks is a copy, and subtracted, where that takes away this share of its energy at least. Cross-talk between wires is one;
# what a microphone hears of a loudspeaker comes later and sounds otherwise.
COPY = 0.5

# Channels are one signal where the one, times the best gain, leaves so many decibels of the other at most.
SAME = -20.0

_FRAMES = 100  # a second
_BLOCK = 10.0  # seconds


@dataclass(frozen=True, slots=True, eq=False)
class ChannelLevels:
    """How loud each channel of a recording is, and how alike they are.

    Attributes:
        power: `(channels, T)` float32, the mean square of each hundredth of a second.
        likeness: `(channels, channels)` correlation of the samples, 0 where a channel has none but zeros.
        copies: `(channels, channels)` factor of the second channel's samples that are in the first one's besides its own.
    """

    power: np.ndarray
    likeness: np.ndarray
    copies: np.ndarray

    def weights(self, channel: int) -> np.ndarray:
        """`(channels,)` factors whose sum is a channel without copies of the others."""
        weights: np.ndarray = -self.copies[channel]
        weights[channel] = 1.0
        return weights

    def heard(self) -> list[int]:
        """The channels that are not silent (`silence.is_silent`)."""
        tenths = self.power[:, : self.power.shape[1] // 10 * 10].reshape(len(self.power), -1, 10).mean(axis=2)
        loud = (tenths >= FAINTEST**2).any(axis=1) | (self.power[:, -10:].mean(axis=1) >= FAINTEST**2)
        return np.flatnonzero(loud).tolist()

    def are_one(self, channels: Sequence[int]) -> bool:
        """Whether channels carry the same signal, up to gain and sign."""
        among = self.likeness[np.ix_(channels, channels)]
        return bool((1 - among**2 <= 10 ** (SAME / 10)).all())

    def loudest(self, channels: Sequence[int]) -> int:
        """The one of some channels with most energy."""
        return max(channels, key=lambda channel: float(self.power[channel].sum()))

    def leaks(self, channel: int, start: float, end: float) -> bool:
        """Whether a word that is heard in a channel between two seconds is another channel's."""
        first = min(max(0, int((start - MARGIN) * _FRAMES)), self.power.shape[1] - 1)
        loudness = self.power[:, first : max(first + 1, round((end + MARGIN) * _FRAMES))].mean(axis=1)
        return bool(loudness[channel] < 10 ** (LEAK / 10) * np.max(loudness))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What is read of a recording: one of its channels, or all of them as one.

    Attributes:
        recording: which.
        channel: counted from 0; None mixes all of them.
        of: how many tracks the recording has; together they are its transcription.
        levels: by which what leaks from other channels is taken away; None believes every word.
        is_labelled: whether words say their channel.
    """

    recording: Recording
    channel: int | None
    of: int = 1
    levels: ChannelLevels | None = None
    is_labelled: bool = False

    @property
    def weights(self) -> np.ndarray | None:
        """As `read_audio` takes them, where the channel is freed from copies of others."""
        return None if self.levels is None or self.channel is None else self.levels.weights(self.channel)

    @property
    def label(self) -> int | None:
        """The channel that its words say."""
        return self.channel if self.is_labelled else None

    def own(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The words that are spoken in this channel, of those that are heard in it; with their channel, where it is told."""
        levels, channel = self.levels, self.channel
        if levels is not None and channel is not None:
            words = [word for word in words if not levels.leaks(channel, word.start, word.end)]
        return (
            tuple(replace(word, channel=self.label) for word in words) if self.is_labelled else tuple(words)
        )


def choose_tracks(recording: Recording, channels: Channels) -> list[Track]:
    """The tracks of a recording, in the order of its channels; one that knows its channel has that one alone.

    `separate` and `auto` read the recording once for it. Channels that are silent have no track.

    Raises:
        AudioError: as `open_audio`, for what has to be read.
    """
    known = recording.channel
    if channels not in ("separate", "auto"):
        chosen = int(channels) - 1 if channels != "mix" else None
        return [Track(recording, chosen if known is None else known)]
    levels = measure_levels(recording)
    count = len(levels.power)
    if count == 1 or (known is not None and known >= count):  # which reading it refuses
        return [Track(recording, known)]
    if known is not None:
        return [Track(recording, known, levels=levels)]
    heard = levels.heard() or [0]
    if channels == "auto" and levels.are_one(heard):
        return [Track(recording, levels.loudest(heard))]
    return [Track(recording, channel, of=len(heard), levels=levels, is_labelled=True) for channel in heard]


def measure_levels(recording: Recording) -> ChannelLevels:
    """Read a recording and measure its channels. Raises AudioError as `open_audio`."""
    powers = []
    products: np.ndarray | float = 0.0  # (channels, channels): sums of products of samples,
    fainter: np.ndarray | float = (
        0.0  # and of those where the first channel leaks: own energy, product, the other's energy
    )
    with open_audio(recording.audio, allow_truncated=recording.allow_truncated) as audio:
        # A block holds a whole number of frames, whatever the rate.
        edges = np.arange(round(_BLOCK * _FRAMES)) * audio.info.sample_rate // _FRAMES
        for samples in audio.channel_blocks(
            start=recording.start,
            duration=None if recording.whole else recording.duration,
            seconds=_BLOCK,
        ):
            first = edges[edges < len(samples)]
            frames = _frame_products(samples, first)
            products = products + frames.sum(axis=2)
            energy = np.diagonal(frames).T  # (T, channels) -> (channels, T)
            power = energy / np.diff(first, append=len(samples))
            leaking = (power[:, None] < 10 ** (LEAK / 10) * power) & (power >= FAINTEST**2)
            fainter = fainter + np.stack(
                [(leaking * part).sum(axis=2) for part in (energy[:, None], frames, energy[None])]
            )
            powers.append(power.astype(np.float32))
    loudness = np.sqrt(np.diagonal(products))
    with np.errstate(invalid="ignore", divide="ignore"):
        likeness = np.nan_to_num(products / np.outer(loudness, loudness))
        own, product, other = fainter  # type: ignore[misc]
        copies = np.nan_to_num(np.where(product**2 >= COPY * own * other, product / other, 0.0))
    return ChannelLevels(np.concatenate(powers, axis=1), likeness, copies)


def _frame_products(samples: np.ndarray, first: np.ndarray) -> np.ndarray:
    """`(n, channels)` samples -> `(channels, channels, T)` sums of products in frames that begin at `first`."""
    channels = samples.T.astype(np.float64)  # (n, channels) -> (channels, n)
    return np.stack([np.add.reduceat(one * channels, first, axis=1) for one in channels])
