"""A progress bar over seconds of audio."""

import sys
from collections.abc import Iterable

from asr.data.manifest import Utterance
from asr.transcription.recordings import Recording


class AudioProgress:
    """One bar, on a terminal; a context manager.

    Args:
        items: what is to be gone through.
        what: is done to it, in one word.
    """

    def __init__(self, items: "Iterable[Recording | Utterance]", what: str = "transcribing") -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=round(sum(item.duration or 0.0 for item in items), 1),
            unit="s",
            desc=what,
            disable=not sys.stderr.isatty(),
            bar_format="{desc}: {percentage:3.0f}% |{bar}| {n:.0f} of {total:.0f} s of audio, {remaining} left",
        )

    def advance(self, seconds: float) -> None:
        """Audio that is behind since the last time; below 0 where it is to be done again."""
        # Recordings whose length only their decoding tells are not in the total.
        self._bar.total = max(self._bar.total, self._bar.n + seconds)
        self._bar.update(seconds)

    def __enter__(self) -> "AudioProgress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
