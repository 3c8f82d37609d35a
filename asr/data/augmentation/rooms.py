"""Rooms: simulated impulse responses, and sound in a room."""

import numpy as np

from asr.data.augmentation.noise import power
from asr.errors import ConfigError

_SPEED_OF_SOUND = 343.0  # m/s
_ORDER = 4  # walls that the images of the source are seen in, one after the other


def check_simulation() -> None:
    """Raise ConfigError where pyroomacoustics is not installed."""
    try:
        import pyroomacoustics  # noqa: F401
    except ImportError:
        raise ConfigError(
            "data.augmentation.reverberation: simulated rooms need pyroomacoustics; `pip install pyroomacoustics`, or "
            "name a folder of impulse responses (data.augmentation.reverberation.responses)"
        ) from None


def simulate_response(rt60: float, *, sample_rate: int, generator: np.random.Generator) -> np.ndarray:
    """Impulse response of a drawn place in a drawn room whose sound falls by 60 dB in `rt60` seconds.

    Early reflections are those of the image method (Allen & Berkley 1979; pyroomacoustics); from where they become many,
    noise that decays (Polack 1988) takes over at their level.

    Returns:
        `(n,)` float32; the direct sound comes first, and is 1.
    """
    import pyroomacoustics

    size = generator.uniform([3.0, 3.0, 2.4], [9.0, 7.0, 3.6])
    length, width, height = size.tolist()
    # Sabine's formula; a wall cannot take in more than comes.
    volume, surface = length * width * height, 2 * (length * width + length * height + width * height)
    absorption = min(0.99, 24 * np.log(10) / _SPEED_OF_SOUND * volume / surface / rt60)
    room = pyroomacoustics.ShoeBox(
        size, fs=sample_rate, materials=pyroomacoustics.Material(absorption), max_order=_ORDER
    )
    near, far = np.full(3, 0.4), size - 0.4
    source, microphone = generator.uniform(near, far), generator.uniform(near, far)
    distance = max(0.2, float(np.linalg.norm(source - microphone)))
    room.add_source(source).add_microphone(microphone)
    room.image_source_model()
    images = room.sources[0].images  # (3, n)
    damping = room.sources[0].damping[0]  # (n,)
    distances = np.maximum(0.2, np.linalg.norm(images - microphone[:, None], axis=0))
    response = np.zeros(round(rt60 * sample_rate) + 1)
    arrivals = np.round((distances - distance) / _SPEED_OF_SOUND * sample_rate).astype(int)
    early = (arrivals >= 0) & (arrivals < len(response))
    np.add.at(response, arrivals[early], (damping * distance / distances)[early])
    # The first image of too high an order is about as far away as the shortest way through the room `_ORDER` times.
    mixed = min(len(response) - 1, int(_ORDER * min(length, width, height) / _SPEED_OF_SOUND * sample_rate))
    # exp(-2 x decay x t) falls by 60 dB, in energy, in rt60.
    decay = 3 * np.log(10) / rt60
    seconds = np.arange(len(response)) / sample_rate
    # What the early reflections were before they decayed: their mean energy a sample.
    level = np.mean(np.square(response[1:mixed] * np.exp(decay * seconds[1:mixed]))) if mixed > 1 else 0.0
    tail = generator.standard_normal(len(response) - mixed) * np.sqrt(level)
    response[mixed:] = tail * np.exp(-decay * seconds[mixed:])
    return response.astype(np.float32)


def reverberate(waveform: np.ndarray, response: np.ndarray) -> np.ndarray:
    """A waveform `(N,)` in a room, as loud as before and not shifted in time: `(N,)` float32.

    Args:
        waveform: the sound.
        response: `(n,)` impulse response of the room; what is before its loudest sample, the direct sound, is cut off.
    """
    from scipy.signal import oaconvolve

    response = response[int(np.argmax(np.abs(response))) :]
    there = oaconvolve(waveform, response)[: len(waveform)]
    loud = power(there)
    if loud == 0:
        return waveform
    return (there * (np.sqrt(power(waveform)) / np.sqrt(loud))).astype(np.float32)
