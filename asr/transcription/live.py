"""Speech while it is spoken: samples go in piece by piece, partial and final results come out.

A segment ends at a pause, which is a run of the network's own blanks. Its result is final then, and forgotten: a
session runs for days in the memory of one segment. Until then the segment's partial result says what it looks
like so far, and how many of its words will stay.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

from asr.decoding.decoder import Decoder
from asr.decoding.emission import Emission
from asr.decoding.hypothesis import Hypothesis, Word
from asr.errors import ConfigError
from asr.transcription.emitter import Emitter
from asr.transcription.onnx_emitter import OnnxEmitter
from asr.transcription.transcript import WrittenWord
from asr.transcription.waveform_window_emitter import WaveformWindowEmitter
from asr.transcription.window_config import WindowConfig
from asr.transcription.written import place_pieces, write_pieces
from asr.writing.readable import Piece
from asr.writing.tagger import Tagger

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber

_WORDS_AHEAD = 3  # behind a settled word before its mark and its capital are settled, too


class LiveEmitter(Protocol):
    """A network that hears a recording piece by piece."""

    def feed(self, samples: np.ndarray) -> Emission:
        """Take in `(N,)` float32 samples; the emission of the frames now settled."""
        ...

    def peek(self) -> Emission:
        """The emission of the frames after those, as they look so far. The same object while nothing changes."""
        ...

    def finish(self) -> Emission:
        """The emission of all the frames left, once no more samples come."""
        ...


@dataclass(frozen=True)
class LiveConfig:
    """How live speech is cut, and how the network hears it.

    Attributes:
        pause: seconds of blanks that end a segment.
        longest_segment: seconds after which a segment ends at its longest pause so far, however short.
        window: of a bidirectional network.
    """

    pause: float = 0.8
    longest_segment: float = 20.0
    window: WindowConfig = field(default_factory=WindowConfig)

    def __post_init__(self) -> None:
        if not 0 < self.pause < self.longest_segment <= 600:
            raise ConfigError(
                f"live: pause {self.pause} s, longest_segment {self.longest_segment} s; expected "
                "0 < pause < longest_segment <= 600"
            )


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What a session says of one segment of speech.

    Attributes:
        kind: "partial" while the segment lasts, "final" once.
        segment: counted from 0.
        text: of the segment.
        words: with seconds from the beginning of the session, and confidence; `WrittenWord`s where there is a tagger.
        settled: how many of the first words will stay as they are; all of a final result.
        start, end: seconds from the beginning of the session, from the first word to the last.
    """

    kind: Literal["partial", "final"]
    segment: int
    text: str
    words: tuple[Word, ...]
    settled: int
    start: float
    end: float


class _Kept(NamedTuple):
    """What of a segment is written already and stays: the recognised words, and the pieces that stand for them."""

    spoken: tuple[str, ...]
    pieces: tuple[Piece, ...]


class LiveSession:
    """One speaker's recording, while it is made.

    Args:
        emitter: hears the samples.
        decoder: of the same model.
        config: where segments end.
        tagger: of a text that is to be read; None leaves the words as they are recognised.
    """

    def __init__(
        self,
        emitter: LiveEmitter,
        decoder: Decoder,
        config: LiveConfig | None = None,
        tagger: Tagger | None = None,
    ) -> None:
        self.config = config or LiveConfig()
        self._emitter = emitter
        self._decoder = decoder
        self._tagger = tagger
        self._pause = max(1, round(self.config.pause / decoder.seconds_per_frame))
        self._longest = round(self.config.longest_segment / decoder.seconds_per_frame)
        self._segment = 0
        self._flushed = 0  # frames that a flush has taken, and that the emitter has yet to settle
        self._tail: Emission | None = None
        self._shown: LiveResult | None = None
        self._begin(0, None)

    def feed(self, samples: np.ndarray) -> list[LiveResult]:
        """Take in the next `(N,)` float32 samples in [-1, 1] at the model's rate, any number of them.

        Returns:
            Segments that have ended, then the newest partial result if it has changed; often nothing.

        Raises:
            AudioError: wrong shape, or NaN.
        """
        results = self._hear(self._emitter.feed(samples))
        tail = self._emitter.peek()
        if results or tail is not self._tail:
            self._tail = tail
            partial = self._partial(tail[self._flushed :])
            if partial is not None and partial != self._shown:
                self._shown = partial
                results.append(partial)
        return results

    def flush(self) -> list[LiveResult]:
        """End the segment here and now; the final result of what is heard so far, if there is anything. The session goes on."""
        rest = self._emitter.peek()[self._flushed :]
        self._stream.feed(rest)
        self._flushed += len(rest)
        return self._close(len(self._stream.emission))

    def finish(self) -> list[LiveResult]:
        """The final results of all that is left; nothing may be fed afterwards."""
        return self._hear(self._emitter.finish()) + self._close(len(self._stream.emission))

    def _begin(self, frame: int, emission: Emission | None) -> None:
        """Begin a segment at a frame of the session, with the frames of it that are there already."""
        self._first = frame
        self._stream = self._decoder.stream()
        self._shown = None
        self._kept: _Kept = _Kept((), ())
        if emission is not None:
            self._stream.feed(emission)

    def _hear(self, emission: Emission) -> list[LiveResult]:
        """Take in settled frames; segments that end in them."""
        results: list[LiveResult] = []
        taken = min(self._flushed, len(emission))
        self._flushed -= taken
        emission = emission[taken:]
        for frame in range(len(emission)):
            self._stream.feed(emission[frame : frame + 1])
            heard = self._stream.emission
            if len(heard) >= self._pause and self._decoder.is_quiet(heard[-self._pause :]).all():
                results += self._close(len(heard))
            elif len(heard) >= self._longest:
                results += self._close(self._best_cut())
        return results

    def _close(self, cut: int) -> list[LiveResult]:
        """End the segment after `cut` frames, and begin the next with the rest."""
        emission, rest, first = self._stream.emission[:cut], self._stream.emission[cut:], self._first
        results = []
        if not self._decoder.is_quiet(emission).all():
            hypothesis = self._stream.first(cut) if len(rest) else self._stream.best(final=True)
            results = [self._result("final", hypothesis)]
        results = [result for result in results if result.words]
        self._segment += len(results)
        self._begin(first + cut, rest)
        return results

    def _partial(self, tail: Emission) -> LiveResult | None:
        stream = self._stream.copy()
        stream.feed(tail)
        if self._decoder.is_quiet(stream.emission).all():
            return None
        result = self._result("partial", stream.best(), settled=len(self._stream.stable_words()))
        return result if result.words else None

    def _result(
        self, kind: Literal["partial", "final"], hypothesis: Hypothesis, *, settled: int | None = None
    ) -> LiveResult:
        """A hypothesis of the segment, its times those of the session."""
        begin = self._first * self._decoder.seconds_per_frame
        words = tuple(word.moved(begin) for word in hypothesis.words)
        settled = len(words) if settled is None else min(settled, len(words))
        text = hypothesis.text
        if self._tagger is not None:
            words, settled = self._written(words, settled, self._tagger, is_final=kind == "final")
            text = " ".join(word.text for word in words)
        return LiveResult(
            kind,
            self._segment,
            text,
            words,
            settled,
            words[0].start if words else begin,
            words[-1].end if words else begin,
        )

    def _written(
        self, words: tuple[Word, ...], settled: int, tagger: Tagger, *, is_final: bool
    ) -> tuple[tuple[WrittenWord, ...], int]:
        """The words as they are written, and how many of these will stay: those that stayed before are not written anew."""
        kept = self._kept
        if kept.spoken != tuple(word.text for word in words[: len(kept.spoken)]):
            kept = _Kept((), ())  # the last look at a segment found other words
        pieces = [*kept.pieces, *write_pieces(words, tagger, begin=len(kept.spoken), whole=is_final)]
        sure = len(words) if is_final else min(settled, len(words) - _WORDS_AHEAD)
        staying = [piece for piece in pieces if piece.last <= max(sure, len(kept.spoken))]
        until = staying[-1].last if staying else 0
        self._kept = _Kept(tuple(word.text for word in words[:until]), tuple(staying))
        return place_pieces(pieces, words), len(staying)

    def _best_cut(self) -> int:
        """The middle of the longest quiet stretch in the second half of the segment."""
        emission = self._stream.emission
        half = len(emission) // 2
        quiet = np.concatenate([[False], self._decoder.is_quiet(emission[half:]), [False]]).astype(np.int8)
        edges = np.flatnonzero(np.diff(quiet))
        if len(edges) == 0:
            return len(emission)
        begins, ends = edges[::2], edges[1::2]
        longest = int(np.argmax(ends - begins))
        return half + max(1, int(begins[longest] + ends[longest]) // 2)


def open_session(transcriber: "Transcriber", config: LiveConfig | None = None) -> LiveSession:
    """A live session with a transcriber's model and decoder.

    A one-directional network goes on from where it was; any other reads the last seconds again and again, of an ONNX file
    without its checkpoint together with its features.
    """
    config = config or LiveConfig()
    emitter = _live_emitter(transcriber.emitter, config.window)
    return LiveSession(emitter, transcriber.decoder, config, transcriber.tagger)


def _live_emitter(network: Emitter, window: WindowConfig) -> LiveEmitter:
    if isinstance(network, OnnxEmitter):
        if network.checkpoint is None:
            return WaveformWindowEmitter(network, window)
        network = network.original
    from asr.model.streaming import StreamingEmitter, is_streamable
    from asr.transcription.torch_emitter import TorchEmitter
    from asr.transcription.windowed_emitter import WindowedEmitter

    if not isinstance(network, TorchEmitter):
        return WaveformWindowEmitter(network, window)
    if is_streamable(network.model):
        return StreamingEmitter(network.model)
    return WindowedEmitter(network, window)
