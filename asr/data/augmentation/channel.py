"""What a recording goes through: microphone, telephone, file."""

import io

import numpy as np
import soundfile

from asr.data.audio import resample

TELEPHONE_RATE = 8000
_TELEPHONE_BAND = (300.0, 3400.0)
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_MOST_COMPRESSION = 0.999  # libsndfile refuses more of MP3
_FILES = {"opus": ("OGG", "OPUS"), "vorbis": ("OGG", "VORBIS"), "mp3": ("MP3", "MPEG_LAYER_III")}


def clip(waveform: np.ndarray, *, excess: float) -> np.ndarray:
    """Cut off what is above a level `excess` decibels below the loudest sample; `(N,)` -> `(N,)`."""
    most = np.abs(waveform).max(initial=0.0) * 10 ** (-excess / 20)
    return np.clip(waveform, -most, most)


def band_pass(waveform: np.ndarray, low: float, high: float, *, sample_rate: int) -> np.ndarray:
    """Frequencies from `low` to `high` Hz, 3 dB fainter there (Butterworth, order 4); `(N,)` -> `(N,)` float32.

    From half the sample rate on nothing is taken away.
    """
    from scipy.signal import butter, sosfilt

    band, kind = ([low, high], "bandpass") if high < sample_rate / 2 else (low, "highpass")
    sections = butter(4, band, btype=kind, fs=sample_rate, output="sos")
    return sosfilt(sections, waveform).astype(np.float32)


def telephone(waveform: np.ndarray, law: str, *, sample_rate: int) -> np.ndarray:
    """Through a telephone, by "mu-law" or "A-law"; `(N,)` -> `(N,)` float32."""
    narrow = band_pass(waveform, *_TELEPHONE_BAND, sample_rate=sample_rate)
    if sample_rate != TELEPHONE_RATE:
        narrow = resample(narrow, sample_rate, TELEPHONE_RATE)
    coded = companded(narrow, law, sample_rate=TELEPHONE_RATE)
    if sample_rate != TELEPHONE_RATE:
        coded = resample(coded, TELEPHONE_RATE, sample_rate)
    return _fitted(coded, len(waveform))


def companded(waveform: np.ndarray, law: str, *, sample_rate: int) -> np.ndarray:
    """In 8 bits a sample by "mu-law" or "A-law" (ITU-T G.711); `(N,)` -> `(N,)` float32."""
    subtype = {"mu-law": "ULAW", "A-law": "ALAW"}[law]
    return _through_file(waveform, sample_rate=sample_rate, format="RAW", subtype=subtype)


def through_codec(waveform: np.ndarray, codec: str, *, sample_rate: int, compression: float) -> np.ndarray:
    """As a lossy file holds it; `(N,)` -> `(N,)` float32.

    Args:
        waveform: the sound.
        codec: of `CodecConfig.kinds`; "opus" at a sample rate that it does not know changes nothing.
        sample_rate: in Hz.
        compression: 0 to 1, as libsndfile has it.
    """
    if codec == "opus" and sample_rate not in OPUS_RATES:
        return waveform
    format, subtype = _FILES[codec]
    found = _through_file(
        waveform,
        sample_rate=sample_rate,
        format=format,
        subtype=subtype,
        compression_level=min(compression, _MOST_COMPRESSION),
    )
    return _fitted(found, len(waveform))


def amplify(waveform: np.ndarray, *, peak: float) -> np.ndarray:
    """So loud that the loudest sample has `peak` decibels, 0 the most that there is, in 16 bits; `(N,)` -> `(N,)` float32."""
    loudest = np.abs(waveform).max(initial=0.0)
    if loudest == 0:
        return waveform
    steps = np.round(waveform * (10 ** (peak / 20) * 32767 / loudest))
    return (steps / 32768).astype(np.float32)


def _through_file(
    waveform: np.ndarray, *, sample_rate: int, format: str, subtype: str, **settings: float
) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(file, np.clip(waveform, -1, 1), sample_rate, format=format, subtype=subtype, **settings)
    file.seek(0)
    raw = {"samplerate": sample_rate, "channels": 1, "subtype": subtype} if format == "RAW" else {}
    return soundfile.read(file, dtype="float32", format=format if raw else None, **raw)[0]


def _fitted(waveform: np.ndarray, samples: int) -> np.ndarray:
    """As many samples as asked for: a resampler or a codec may leave some out at the end, or add some."""
    return np.pad(waveform[:samples], (0, max(0, samples - len(waveform))))
