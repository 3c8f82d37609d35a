"""Emissions of recordings of any length, in bounded memory: overlapping windows, stitched where both are sure.

Consecutive windows overlap by twice the context. In the middle of the overlap each of them has heard enough on
both sides; they are joined at the frame there that both hold for a blank, so that no character is emitted twice
or lost.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from asr.decoding.alphabet import BLANK
from asr.decoding.emission import Emission
from asr.errors import AudioError, UsageError
from asr.options import option
from asr.transcription.emitter import Emitter


@dataclass(frozen=True, slots=True)
class Windowing:
    """How a long recording is cut.

    Attributes:
        batch: windows that go through the network together.
    """

    window: float = option(
        30.0, "seconds that go through the network whole; longer recordings are cut at pauses", metavar="S"
    )
    context: float = option(
        3.0,
        "seconds that a window hears on either side besides, while the network looks for pauses",
        metavar="S",
    )
    batch: int = 4

    def __post_init__(self) -> None:
        if not (
            self.window > 0 and self.context >= 0 and 2 * self.context <= self.window and self.batch >= 1
        ):
            raise UsageError(
                f"windows of {self.window} s with {self.context} s of context, {self.batch} at once; expected a "
                "context of at most half a window, and at least one at once"
            )

    @property
    def longest(self) -> float:
        """Seconds of a recording that is emitted whole."""
        return self.window + 2 * self.context


class _Window(NamedTuple):
    """A stretch of a recording: its waveform, and the encoder frame that it begins with."""

    waveform: np.ndarray
    first: int


def emit_blocks(
    emitter: Emitter,
    blocks: Iterable[np.ndarray],
    *,
    windowing: Windowing | None = None,
    where: str = "waveform",
) -> Iterator[Emission]:
    """The emission of a waveform that comes in blocks, in pieces.

    Together the pieces have the frames that the waveform would have as a whole. What fits into one window
    with its context is emitted as a whole. Memory is that of a batch of windows.

    Args:
        emitter: the network.
        blocks: `(N_i,)` float32 at the model's rate.
        windowing: how it is cut.
        where: the beginning of error messages.

    Raises:
        AudioError: too short for one frame.
    """
    windowing = windowing or Windowing()
    info = emitter.info
    step = round(info.seconds_per_frame * info.sample_rate)
    frames = max(2, round(windowing.window * info.sample_rate / step))
    margin = min(frames // 2, round(windowing.context * info.sample_rate / step))
    windows = _cut(
        blocks,
        step=step,
        frames=frames,
        margin=margin,
        shortest=info.minimum_samples,
        rate=info.sample_rate,
        where=where,
    )
    emitted = (
        (window.first, emission)
        for batch in iter(lambda: list(islice(windows, windowing.batch)), [])
        for window, emission in zip(batch, emitter.emit([window.waveform for window in batch]), strict=True)
    )
    yield from stitch(emitted, margin=margin)


def stitch(emitted: Iterable[tuple[int, Emission]], *, margin: int) -> Iterator[Emission]:
    """Join overlapping `(first frame, emission)` into pieces that touch.

    Args:
        emitted: windows in order, each beginning before the last one's end.
        margin: frames of context; the joint lies within half of it around the middle of the overlap.
    """
    held: Emission | None = None
    begin = 0  # first frame of `held`
    for first, emission in emitted:
        if held is None:
            held, begin = emission, first
            continue
        overlap = begin + len(held) - first
        reach = min(margin // 2, (overlap - 1) // 2)
        middle = overlap // 2
        low, high = middle - reach, middle + reach + 1
        both = (
            _blank(held[first - begin + low : first - begin + high])
            + _blank(emission[low:high])
            # Of frames that are blank to both, the one nearest to the middle.
            - 1e-3 * np.abs(np.arange(low, high) - middle)
        )
        joint = low + int(both.argmax()) if len(both) else middle
        yield held[: first - begin + joint]
        held, begin = emission[joint:], first + joint
    if held is not None:
        yield held


def _blank(emission: Emission) -> np.ndarray:
    """`(T',)` natural log of the probability that every head holds a frame for a blank."""
    letters = emission.letters[:, BLANK]
    return letters if emission.phones is None else letters + emission.phones[:, BLANK]


def _cut(
    blocks: Iterable[np.ndarray], *, step: int, frames: int, margin: int, shortest: int, rate: int, where: str
) -> Iterator[_Window]:
    """Windows of a waveform: `frames` encoder frames of `step` samples each, `margin` more on either side."""
    waiting: list[np.ndarray] = []
    held = 0  # samples in `waiting`, whose first sample begins encoder frame `left`
    left = first = 0
    for block in blocks:
        waiting.append(block)
        held += len(block)
        # A window goes out once what is left after it makes another.
        while held >= (first + frames + margin - left) * step + margin * step + shortest:
            waveform = np.concatenate(waiting)
            yield _Window(waveform[: (first + frames + margin - left) * step], left)
            first += frames
            drop = (first - margin - left) * step
            left = first - margin
            waiting, held = [waveform[drop:]], len(waveform) - drop
    waveform = np.concatenate(waiting) if waiting else np.empty(0, np.float32)
    if len(waveform) < shortest:
        raise AudioError(
            f"{where}: {len(waveform) / rate:.3f} s; expected at least {shortest / rate:.3f} s, one frame"
        )
    yield _Window(waveform, left)
