"""A bidirectional network on live sound: the last seconds again and again, each time with what follows them.

A frame is settled once the network has read `right` seconds after it. Work is bounded: every `step` of new
sound costs one pass over `left + step + right` seconds, however long the recording has lasted.

Features are normalised over what has been heard so far, up to the last `history` seconds, not over the window
alone: a window that holds nothing but a pause would blow its faint noise up to the loudness of speech. Long
pauses are left out of the statistics, since utterances that a model is trained on have none. As the
first second says too little about the recording, no frame is settled before `warm_up` seconds are heard;
what ends before that is normalised as a whole, like a file.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from asr.decoding.emission import Emission
from asr.errors import AudioError
from asr.model.features import Features
from asr.transcription.silence import is_silent
from asr.transcription.torch_emitter import TorchEmitter
from asr.transcription.window_config import WindowConfig

_MARGIN = 0.2  # seconds around loud frames that count with them


class WindowedEmitter:
    """Live emitter of a bidirectional model (see `live.LiveEmitter`).

    Args:
        emitter: the model, its device and precision.
        config: the windows.
    """

    def __init__(self, emitter: TorchEmitter, config: WindowConfig | None = None) -> None:
        self.config = config or WindowConfig()
        self._model = emitter.model
        self._device, self._autocast = emitter.device, emitter.autocast
        # The same features without their normalisation, which is done here over more than one window.
        self._raw_features = Features(replace(self._model.config.features, normalisation="none"))
        self._raw_features.to(self._device)
        self._is_normalised = self._model.config.features.normalisation == "utterance"
        self._subsampling = self._model.config.encoder.subsampling
        self._samples = np.empty(0, np.float32)  # not yet in any feature frame, or shared with the next
        self._features = torch.empty(0, self._raw_features.size, device=self._device)
        self._first = 0  # feature frame of the recording that `_features` begins with
        self._settled = 0  # encoder frames given out
        self._unread = 0  # feature frames since the last pass
        self._sound_until = -self._frames(self.config.history)  # feature frame up to which there was sound
        self._nothing = emitter.info.no_frames()
        self._tail = self._nothing

    def feed(self, samples: np.ndarray) -> Emission:
        """Take in `(N,)` float32 samples at the model's rate; the emission of the frames that they settle.

        Raises:
            AudioError: wrong shape, or NaN.
        """
        self._take(samples)
        if self._unread < self._frames(self.config.step):
            return self._nothing
        right = round(self.config.right / self._model.seconds_per_frame)
        heard = self._first + len(self._features)
        return self._emit(right if heard >= self._frames(self.config.warm_up) else heard)

    def peek(self) -> Emission:
        """The emission of the frames after the settled ones, as they look so far; costs nothing."""
        return self._tail

    def finish(self) -> Emission:
        """The emission of all that is left; nothing may be fed afterwards."""
        if len(self._features) == 0:
            return self._nothing
        return self._emit(0)

    def _take(self, samples: np.ndarray) -> None:
        """Samples -> feature frames, as many as are whole."""
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError(
                f"live samples of shape {samples.shape}; expected (samples,), no NaN or infinity"
            )
        self._samples = np.concatenate([self._samples, samples.astype(np.float32)])
        window, hop = self._raw_features.window_samples, self._raw_features.hop_samples
        count = 1 + (len(self._samples) - window) // hop
        if count < 1:
            return
        used = self._samples[: (count - 1) * hop + window]
        with torch.inference_mode():
            waveform = torch.from_numpy(used).to(self._features.device).unsqueeze(0)
            features, _ = self._raw_features(waveform, torch.tensor([len(used)], device=waveform.device))
            self._features = torch.cat([self._features, features[0]])
        self._samples = self._samples[count * hop :]
        self._unread += count
        if not is_silent(used, sample_rate=self._model.sample_rate):
            self._sound_until = self._first + len(self._features)

    def _emit(self, right: int) -> Emission:
        """One pass; settles all frames but the last `right`."""
        left = round(self.config.left / self._model.seconds_per_frame)
        start = max(self._first, (self._settled - left) * self._subsampling)
        with torch.inference_mode(), self._autocast():
            features = self._normalised()[start - self._first :].unsqueeze(0)  # (T, F) -> (1, T, F)
            lengths = torch.tensor([features.shape[1]], device=features.device)
            heads = self._model.heads(features, lengths)
        phones = None if heads.phones is None else heads.phones[0].cpu().numpy()
        emission = Emission(heads.letters[0].cpu().numpy(), phones)
        # What is normalised over nothing but silence is as loud as speech.
        if self._sound_until <= self._first + len(self._features) - self._frames(self.config.history):
            emission = emission.silenced()
        emission = emission[self._settled - start // self._subsampling :]
        ready = max(0, len(emission) - right)
        self._settled += ready
        self._unread = 0
        self._tail = emission[ready:]
        self._forget()
        return emission[:ready]

    def _normalised(self) -> Tensor:
        if not self._is_normalised:
            return self._features
        heard = self._features[-self._frames(self.config.history) :]
        if self._first or len(heard) >= self._frames(self.config.warm_up):
            heard = heard[self._is_loud(heard)]
        deviation = (heard.var(dim=0, unbiased=False) + 1e-5).sqrt()
        return (self._features - heard.mean(dim=0)) / deviation

    def _is_loud(self, features: Tensor) -> Tensor:
        """`(T,)` bool, the frames of `(T, F)` raw features in the louder half of their range, or near one."""
        # The first cepstral coefficient is a sum over the log-mel bins, as their mean is.
        is_mfcc = self._model.config.features.kind == "mfcc"
        loudness = features[:, 0] if is_mfcc else features.mean(dim=1)
        low, high = torch.quantile(loudness, loudness.new_tensor([0.05, 0.95]))
        loud = (loudness >= (low + high) / 2).float().view(1, 1, -1)
        margin = self._frames(_MARGIN)
        return nn.functional.max_pool1d(loud, 2 * margin + 1, stride=1, padding=margin).view(-1) > 0

    def _forget(self) -> None:
        """Drop the features that neither a window nor the normalisation will want again."""
        left = round(self.config.left / self._model.seconds_per_frame)
        last = self._first + len(self._features)
        keep = min((self._settled - left) * self._subsampling, last - self._frames(self.config.history))
        keep -= keep % self._subsampling  # windows begin where an encoder frame does
        if keep > self._first:
            self._features = self._features[keep - self._first :].clone()
            self._first = keep

    def _frames(self, seconds: float) -> int:
        """Feature frames of a time."""
        return max(1, round(seconds * self._model.sample_rate / self._raw_features.hop_samples))
