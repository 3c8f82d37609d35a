"""Any audio or video file, or a pipe -> a mono float32 waveform at the rate the model wants.

`open_audio` opens sound for everything in this package. WAV, FLAC, MP3, OGG, Opus, NIST SPHERE (PCM, mu-law,
A-law), AIFF, CAF, ... are read by libsndfile where they lie; what it does not know (m4a, wma, amr, gsm, webm,
video, shorten) is decoded by ffmpeg, torchcodec or sph2pipe to a temporary copy; what comes through a pipe is
copied first. Several channels are averaged, unless one is asked for; other rates are resampled with soxr. What was
done to the sound is logged; what makes it useless (empty, truncated, NaN) is an error.
"""

from asr.data.audio.opening import AUDIO_ENDINGS, STDIN, is_stream
from asr.data.audio.reading import (
    AudioFile,
    AudioInfo,
    audio_blocks,
    audio_info,
    header_info,
    open_audio,
    read_audio,
    read_utterance,
    resample,
)

__all__ = [
    "AUDIO_ENDINGS",
    "STDIN",
    "AudioFile",
    "AudioInfo",
    "audio_blocks",
    "audio_info",
    "header_info",
    "is_stream",
    "open_audio",
    "read_audio",
    "read_utterance",
    "resample",
]
