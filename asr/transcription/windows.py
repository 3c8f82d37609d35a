"""Emissions of recordings of any length, in bounded memory: overlapping windows of the file."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asr.data.audio import audio_info, read_audio
from asr.errors import AudioError

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber


def emit_file(
    transcriber: "Transcriber",
    path: str | Path,
    *,
    window: float = 30.0,
    context: float = 3.0,
) -> np.ndarray:
    """Natural-log probabilities `(T', V)` float32 of a whole file.

    The file is read and emitted window by window; each window also hears `context` on both sides, whose
    frames are thrown away. A file that fits into one window is emitted as a whole.

    Args:
        transcriber: the model.
        path: any audio file.
        window, context: seconds.

    Raises:
        AudioError: unreadable, or too short for one frame.
    """
    step = transcriber.model.seconds_per_frame
    duration = audio_info(path).duration
    frames, margin = max(1, round(window / step)), round(context / step)
    shortest = transcriber.model.minimum_samples / transcriber.sample_rate
    if duration <= (frames + 2 * margin) * step:
        if duration < shortest:
            raise AudioError(f"{path}: {duration:.3f} s; expected at least {shortest:.3f} s, one frame")
        return transcriber.emit([read_audio(path, sample_rate=transcriber.sample_rate)])[0]
    pieces: list[np.ndarray] = []
    first = 0
    while True:
        left = max(0, first - margin)
        last = first + frames
        # What would be left over after this window, if it were too short for a frame, is taken along.
        is_last = duration - last * step < margin * step + shortest
        length = None if is_last else (last + margin - left) * step
        waveform = read_audio(path, sample_rate=transcriber.sample_rate, start=left * step, duration=length)
        log_probs = transcriber.emit([waveform])[0][first - left :]
        pieces.append(log_probs if is_last else log_probs[:frames])
        if is_last:
            return np.concatenate(pieces)
        first = last
