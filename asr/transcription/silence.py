"""Sound too faint to be speech.

Features are normalised over an utterance, so that to the network nothing is faint: it finds words in digital silence.
"""

from collections.abc import Sequence

import numpy as np

from asr.decoding.emission import Emission
from asr.transcription.emitter import Emitter

# Root mean square of a tenth of a second: -86 dB, one and a half steps of 16 bits. Speech whose loudest sample is 20 steps high
# (-64 dB), hardly to be understood, is above it.
FAINTEST = 5e-5


def is_silent(waveform: np.ndarray, *, sample_rate: int) -> bool:
    """Whether no tenth of a second of a `(N,)` waveform is as loud as the faintest speech."""
    size = max(1, sample_rate // 10)
    whole = len(waveform) // size * size
    pieces = [waveform[:whole].reshape(-1, size)] if whole else []
    if whole < len(waveform):
        pieces.append(waveform[None, whole:])
    return not any((np.square(piece, dtype=np.float64).mean(axis=1) >= FAINTEST**2).any() for piece in pieces)


def emit_sound(emitter: Emitter, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
    """As `Emitter.emit`, but where there is hardly any sound, nobody speaks."""
    emissions = emitter.emit(waveforms, network_beam=network_beam)
    return [
        emission.silenced() if is_silent(waveform, sample_rate=emitter.info.sample_rate) else emission
        for waveform, emission in zip(waveforms, emissions, strict=True)
    ]
