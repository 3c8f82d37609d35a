"""Frames in which a network is sure of the units of words -> when each unit begins and ends."""

from collections.abc import Iterator, Sequence

import numpy as np

from asr.alignment.phone_models import HOP, PhoneModels
from asr.alignment.spelling import SpelledText
from asr.alignment.text_path import PlacedWord, TextPath

_REACH = 0.12  # seconds that a unit goes on beyond its peak, where there are no models of phones


def unit_times(
    text: SpelledText,
    path: TextPath,
    *,
    seconds_per_frame: float,
    duration: float,
    models: PhoneModels | None,
    features: np.ndarray | None,
) -> list[np.ndarray | None]:
    """For each word `(L, 2)` seconds of its units; None for one that is left out.

    Args:
        text: what was looked for.
        path: where it is.
        seconds_per_frame: of the path's frames.
        duration: of the recording, in seconds.
        models: of phones' sounds; None, and stretches that they do not fit, go by the path's peaks.
        features: `(T, D)` of the recording for the models.
    """
    times: list[np.ndarray | None] = [None] * len(path.words)
    for first, last, start, end in _stretches(path, seconds_per_frame, duration):
        placed = [(at, word) for at, word in enumerate(path.words[first:last], first) if word is not None]
        if not placed:
            continue
        peaks = np.concatenate([word.spans for _, word in placed]) * seconds_per_frame
        found = None
        if models is not None and features is not None:
            found = _by_models(models, features, text, placed, peaks, start=start, end=end)
        if found is None:
            found = _by_peaks(peaks, duration)
        cuts = np.cumsum([len(word.spans) for _, word in placed])[:-1]
        for (at, _), own in zip(placed, np.split(found, cuts), strict=True):
            times[at] = own
    return times


def _stretches(path: TextPath, rate: float, duration: float) -> Iterator[tuple[int, int, float, float]]:
    """Runs of words without other speech between them: the first, the one after the last, and the seconds that they have."""
    first, start = 0, 0.0
    for word, begin, end in path.fillers.tolist():
        if word > first:
            yield first, word, start, begin * rate
        first, start = word, end * rate
    yield first, len(path.words), start, duration


def _by_models(
    models: PhoneModels,
    features: np.ndarray,
    text: SpelledText,
    placed: Sequence[tuple[int, PlacedWord]],
    peaks: np.ndarray,
    *,
    start: float,
    end: float,
) -> np.ndarray | None:
    """`(L, 2)` seconds of phones, by the models of their sounds; None where they do not fit."""
    low, high = int(start / HOP), min(len(features), max(int(np.ceil(end / HOP)), int(start / HOP) + 1))
    phones = [token - 1 for at, word in placed for token in text.ways[at][word.way].tokens]
    pauses = [
        position in text.ways[at][word.way].begins
        for at, word in placed
        for position in range(len(word.spans))
    ]
    centres = np.round(peaks.mean(axis=1) / HOP).astype(np.int64) - low
    spans = models.place(features[low:high], phones, pauses=pauses, centres=centres)
    return None if spans is None else (spans + low) * HOP


def _by_peaks(peaks: np.ndarray, duration: float) -> np.ndarray:
    """`(L, 2)` seconds of units from those of their peaks: each goes halfway to its neighbours, as far as `_REACH` beyond its peak."""
    halfway = (peaks[:-1, 1] + peaks[1:, 0]) / 2
    first = np.maximum(np.concatenate([[0.0], halfway]), peaks[:, 0] - _REACH)
    last = np.minimum(np.concatenate([halfway, [duration]]), peaks[:, 1] + _REACH)
    return np.stack(
        [np.minimum(first, peaks[:, 0]), np.maximum(last, np.minimum(peaks[:, 1], duration))], axis=1
    )
