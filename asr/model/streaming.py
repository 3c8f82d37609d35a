"""Live recognition: samples go in as they come, log-probabilities come out as soon as they are settled.

What comes out is what the model says of the whole file, whatever the sizes of the pieces. Every part of a
one-directional model looks at a bounded stretch of time, or carries a state from left to right: each is a
stage that keeps the frames or the state it needs, and passes on what can no longer change.
"""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from asr.decoding.emission import Emission
from asr.errors import AudioError, CheckpointError
from asr.model.acoustic import AcousticModel
from asr.model.encoder import Encoder
from asr.model.features import DELTA_REACH, Features, deltas
from asr.model.recurrent import RecurrentLayer, State
from asr.model.subsampling import ConvolutionalSubsampling, FrameStacking

# (1, t, F), or None for no frames.
Frames = Tensor | None


class StreamingEmitter:
    """One utterance, piece by piece. The model is shared, the state is the emitter's own.

    Args:
        model: one-directional, its features not normalised over the utterance; in eval mode.

    Raises:
        CheckpointError: a model that has to hear the end before it can say anything.
    """

    def __init__(self, model: AcousticModel) -> None:
        check_streamable(model)
        self.model = model
        self._stages = _stages(model)
        self._finished = False
        self._peeked: Emission | None = None

    @property
    def latency(self) -> float:
        """Seconds of sound after a frame's beginning that must be heard before it is settled."""
        step = 1 / self.model.sample_rate  # from one frame to the next; the first stage's are samples
        seconds = step
        for stage in self._stages:
            if isinstance(stage, _Window):
                seconds += (stage.size - 1 - stage.before) * step
                step *= stage.stride
        return seconds

    def feed(self, samples: np.ndarray) -> Emission:
        """Hear `(N,)` float32 samples in [-1, 1] at the model's rate.

        Returns:
            The emission of the frames that are newly settled; there may be none.

        Raises:
            AudioError: not one channel of finite floats, or after `finish`.
        """
        if self._finished:
            raise AudioError("the utterance is finished; begin another for more sound")
        samples = np.asarray(samples)
        if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
            raise AudioError(
                f"samples of {samples.dtype} and shape {samples.shape}; expected floats of shape (samples,)"
            )
        if not np.isfinite(samples).all():
            raise AudioError("samples hold NaN or infinity; expected values in [-1, 1]")
        if not len(samples):
            return self._emission(None)
        device = next(self.model.parameters()).device
        # (N,) -> (1, N, 1): every stage takes frames, and the first one's are samples.
        frames: Frames = torch.tensor(samples, dtype=torch.float32, device=device).view(1, -1, 1)
        with torch.inference_mode():
            for stage in self._stages:
                frames = stage.push(frames)
                if stage is self._stages[0] and frames is not None:
                    self._peeked = None
        return self._emission(frames)

    def finish(self) -> Emission:
        """Say that the utterance is over: the emission of the frames that were still open. Nothing may follow."""
        rest = self._flushed(self._stages) if not self._finished else None
        self._finished = True
        return self._emission(rest)

    def peek(self) -> Emission:
        """The emission of the open frames as they would be if the utterance ended now; it goes on all the same.

        It is the same object until there is a new frame of features.
        """
        if self._peeked is None:
            self._peeked = self._emission(self._flushed([copy.copy(stage) for stage in self._stages]))
        return self._peeked

    def _flushed(self, stages: Sequence["_Stage"]) -> Frames:
        frames: Frames = None
        with torch.inference_mode():
            for stage in stages:
                frames = _joined([stage.push(frames), stage.finish()])
        return frames

    def _emission(self, hidden: Frames) -> Emission:
        if hidden is None:
            phones = self.model.config.phones
            return Emission.empty(letters=self.model.vocabulary_size, phones=1 + len(phones) if phones else 0)
        with torch.inference_mode():
            letters, of_phones = self.model.log_probs(hidden)
        return Emission(letters[0].cpu().numpy(), None if of_phones is None else of_phones[0].cpu().numpy())


def check_streamable(model: AcousticModel) -> None:
    """Raise CheckpointError for a model that has to hear the end before it can say anything."""
    reason = _obstacle(model)
    if reason:
        raise CheckpointError(
            f"this model cannot recognise live: {reason}; train one such as configs/an4_live.yaml"
        )


def is_streamable(model: AcousticModel) -> bool:
    """Whether a `StreamingEmitter` can run the model."""
    return not _obstacle(model)


def _obstacle(model: AcousticModel) -> str:
    if model.config.encoder.bidirectional:
        return "its network reads utterances from both ends (model.bidirectional)"
    if model.config.features.normalisation == "utterance":
        return "its features are normalised over the whole utterance (features.normalisation)"
    return ""


class _Stage:
    """A part of the model that is fed frame by frame.

    State is replaced, never changed in place: a shallow copy is a snapshot.
    """

    def push(self, frames: Frames) -> Frames:
        """Take `(1, t, F)` frames more, give those that are settled."""
        raise NotImplementedError

    def finish(self) -> Frames:
        """Give what was held back."""
        return None


class _Window(_Stage):
    """A function of the frames from `before` back to `size - 1 - before` ahead, every `stride` frames.

    Args:
        function: `(1, t, F)` -> `(1, (t - size) // stride + 1, F')`, each output from its own window alone.
        size, stride, before: frames.
        repeat: beyond the ends the first and last frame go on; otherwise zeros do.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        *,
        size: int,
        stride: int = 1,
        before: int = 0,
        repeat: bool = False,
    ) -> None:
        self.function = function
        self.size, self.stride, self.before, self.repeat = size, stride, before, repeat
        self.held: Frames = None

    def push(self, frames: Frames) -> Frames:
        """Apply the function wherever its window is full."""
        if frames is None:
            return None
        if self.held is None:
            frames = torch.cat([self._edge(frames[:, :1], self.before), frames], dim=1)
        else:
            frames = torch.cat([self.held, frames], dim=1)
        count = (frames.shape[1] - self.size) // self.stride + 1 if frames.shape[1] >= self.size else 0
        self.held = frames[:, count * self.stride :]
        if count == 0:
            return None
        return self.function(frames[:, : (count - 1) * self.stride + self.size])

    def finish(self) -> Frames:
        """The last windows, which reach beyond the end."""
        if self.held is None or not self.held.shape[1]:
            return None
        return self.push(self._edge(self.held[:, -1:], self.size - 1 - self.before))

    def _edge(self, frame: Tensor, count: int) -> Tensor:
        return (frame if self.repeat else torch.zeros_like(frame)).expand(-1, count, -1)


class _Samples(_Window):
    """Samples -> frames of features; what does not fill a window at the end is no frame."""

    def finish(self) -> Frames:
        return None


class _Each(_Stage):
    """A function of each frame by itself."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def push(self, frames: Frames) -> Frames:
        """Apply the function."""
        return None if frames is None else self.function(frames)


class _Recurrent(_Stage):
    """A recurrent layer with its projection, normalisation and residual connection."""

    def __init__(self, encoder: Encoder, number: int) -> None:
        layer = encoder.layers[number]
        assert isinstance(layer, RecurrentLayer)
        self.encoder = encoder
        self.layer = layer
        self.number = number
        self.state: State | None = None

    def push(self, frames: Frames) -> Frames:
        """Run on from where the last piece ended."""
        if frames is None:
            return None
        outputs, self.state = self.layer.run(frames, self.state)
        if self.encoder.config.projection:
            outputs = self.encoder.projections[self.number](outputs)
        return self.encoder.residual(frames, self.encoder.norms[self.number](outputs, None))


def _joined(pieces: Sequence[Frames]) -> Frames:
    real = [piece for piece in pieces if piece is not None]
    return torch.cat(real, dim=1) if real else None


def _stages(model: AcousticModel) -> list[_Stage]:
    """The model from samples to encodings."""
    encoder = model.encoder
    stages: list[_Stage] = [
        *_feature_stages(model.features),
        *_subsampling_stages(encoder),
        _Each(lambda x: encoder.norm(x, None)),
    ]
    for number in range(encoder.config.layers):
        if encoder.halves(number):
            stages.append(_stacking(encoder.halving))
        stages.append(_Recurrent(encoder, number))
    if encoder.look_ahead is not None:
        stages.append(_Window(encoder.look_ahead.mix, size=encoder.look_ahead.frames + 1))
    return stages


def _feature_stages(features: Features) -> list[_Stage]:
    stages: list[_Stage] = [
        _Samples(
            lambda samples: features.static(samples[:, :, 0]),
            size=features.window_samples,
            stride=features.hop_samples,
        )
    ]
    static = features.size // (1 + features.config.deltas)

    def with_deltas(frames: Tensor) -> Tensor:
        """Frames that have all their neighbours, with the slope of their last coefficients beside them."""
        inner = slice(DELTA_REACH, frames.shape[1] - DELTA_REACH)
        whole = torch.tensor([frames.shape[1]], device=frames.device)
        slope = deltas(frames[:, :, -static:], whole)
        return torch.cat([frames, slope], dim=2)[:, inner]

    stages += [
        _Window(with_deltas, size=2 * DELTA_REACH + 1, before=DELTA_REACH, repeat=True)
        for _ in range(features.config.deltas)
    ]
    return [*stages, _Each(features.normalised)]


def _subsampling_stages(encoder: Encoder) -> list[_Stage]:
    front = encoder.subsampling
    if isinstance(front, FrameStacking):
        return [_stacking(front)]
    assert isinstance(front, ConvolutionalSubsampling)
    channels = front.second.in_channels
    first, second = (
        _Window(_along_time(convolution, inputs), size=3, stride=stride, before=1)
        for convolution, inputs, stride in zip(
            (front.first, front.second), (1, channels), front.strides, strict=True
        )
    )
    return [first, second, _Each(front.project)]


def _along_time(convolution: nn.Conv2d, channels: int) -> Callable[[Tensor], Tensor]:
    """A convolution over `(1, t, C * F)` that pads frequency, but not time: the window has its neighbours."""

    def convolve(frames: Tensor) -> Tensor:
        image = frames.unflatten(2, (channels, -1)).transpose(1, 2)  # (1, t, C * F) -> (1, C, t, F)
        image = nn.functional.conv2d(
            image, convolution.weight, convolution.bias, stride=convolution.stride, padding=(0, 1)
        )
        return torch.relu(image).transpose(1, 2).flatten(2)  # (1, C', t', F') -> (1, t', C' * F')

    return convolve


def _stacking(stacking: FrameStacking) -> _Stage:
    count = stacking.count

    def stack(frames: Tensor) -> Tensor:
        return frames.unflatten(1, (-1, count)).flatten(2)  # (1, t, F) -> (1, t / count, count * F)

    return _Window(stack, size=count, stride=count)
