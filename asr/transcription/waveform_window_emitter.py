"""Any network on live sound, as waveforms in and emissions out: the last seconds again and again.

For networks whose features cannot be reached, such as ONNX files. As `windowed_emitter`, but the features are normalised
over the window alone, so that windows are longer: a pause that fills one may be heard as speech.
"""

import numpy as np

from asr.decoding.emission import Emission
from asr.errors import AudioError
from asr.transcription.emitter import Emitter
from asr.transcription.silence import emit_sound
from asr.transcription.window_config import WindowConfig


class WaveformWindowEmitter:
    """Live emitter of any network (see `live.LiveEmitter`).

    Args:
        emitter: the network.
        config: the windows; every pass reads `history` seconds at most.
    """

    def __init__(self, emitter: Emitter, config: WindowConfig | None = None) -> None:
        self.config = config or WindowConfig()
        self._emitter = emitter
        info = emitter.info
        self._rate = info.sample_rate
        self._hop = round(info.seconds_per_frame * info.sample_rate)  # samples from one frame to the next
        self._right = round(self.config.right / info.seconds_per_frame)
        self._samples = np.empty(0, np.float32)
        self._first = 0  # frame of the recording that `_samples` begins with
        self._settled = 0  # frames given out
        self._unread = 0  # samples since the last pass
        self._nothing = info.no_frames()
        self._tail = self._nothing

    def feed(self, samples: np.ndarray) -> Emission:
        """Take in `(N,)` float32 samples at the model's rate; the emission of the frames that they settle.

        Raises:
            AudioError: wrong shape, or NaN.
        """
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError(
                f"live samples of shape {samples.shape}; expected (samples,), no NaN or infinity"
            )
        self._samples = np.concatenate([self._samples, samples.astype(np.float32)])
        self._unread += len(samples)
        if self._unread < self.config.step * self._rate:
            return self._nothing
        heard = self._first * self._hop + len(self._samples)
        return self._emit(self._right if heard >= self.config.warm_up * self._rate else heard)

    def peek(self) -> Emission:
        """The emission of the frames after the settled ones, as they look so far; costs nothing."""
        return self._tail

    def finish(self) -> Emission:
        """The emission of all that is left; nothing may be fed afterwards."""
        return self._emit(0)

    def _emit(self, right: int) -> Emission:
        """One pass; settles all frames but the last `right`."""
        if len(self._samples) < self._emitter.info.minimum_samples:
            return self._nothing
        (emission,) = emit_sound(self._emitter, [self._samples])
        emission = emission[self._settled - self._first :]
        ready = max(0, len(emission) - right)
        self._settled += ready
        self._unread = 0
        self._tail = emission[ready:]
        # What a pass reads of the past leaves room for the sound that comes before the next.
        keep = round((self.config.history - self.config.step) * self._rate)
        drop = min(self._settled - self._first, (len(self._samples) - keep) // self._hop)
        if drop > 0:
            self._samples = self._samples[drop * self._hop :]
            self._first += drop
        return emission[:ready]
