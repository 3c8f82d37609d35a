"""The signal-to-noise ratio of a recording, estimated from the waveform alone."""

import numpy as np


def estimate_snr(waveform: np.ndarray, *, sample_rate: int) -> float | None:
    """Speech level over noise level in dB, from the energies of 20 ms frames.

    The quietest tenth of the frames is taken for noise, the loudest three tenths for speech and noise
    (after the frame-energy histogram of NIST's STNR). It ranks recordings; where nobody pauses it is
    too low. Frames of digital silence are left out.

    Args:
        waveform: `(N,)` floats.
        sample_rate: in Hz.

    Returns:
        dB, at most 60; None for less than ten frames of sound.
    """
    length = max(1, round(0.020 * sample_rate))
    count = len(waveform) // length
    frames = waveform[: count * length].reshape(count, length).astype(np.float64)
    energies = np.sort(frames.var(axis=1))
    energies = energies[energies > 1e-12]
    if len(energies) < 10:
        return None
    noise = energies[: len(energies) // 10].mean()
    speech = energies[-3 * len(energies) // 10 :].mean() - noise
    # Steady noise alone has a quietest and a loudest tenth too: there is no speech to speak of.
    if speech <= 0:
        return 0.0
    return round(float(np.clip(10 * np.log10(speech / noise), -10.0, 60.0)), 1)
