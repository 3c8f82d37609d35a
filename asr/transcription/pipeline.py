"""Recordings of any length -> transcriptions: reading, the network and decoding each in a thread of its own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asr.decoding.confusion import ConfusionSet, ScoredText
from asr.decoding.hypothesis import Hypothesis, Word
from asr.decoding.threads import ahead
from asr.errors import AsrError
from asr.transcription.channels import Track
from asr.transcription.emitting import Emitted, emit_recordings, emit_waveform
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.recordings import Recording
from asr.transcription.transcript import (
    Alternatives,
    Transcription,
    gather_segments,
    merge_channels,
    spoken_words,
)
from asr.transcription.written import write_words

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber

OnWords = Callable[[Recording, tuple[Word, ...]], None]


class Outcome(NamedTuple):
    """What became of a recording, or the error that stood in the way.

    Attributes:
        recording: which.
        hypothesis: what was recognised.
        transcription: the same in segments, written as it is to be read where the transcriber has a tagger.
        error: why there is neither.
    """

    recording: Recording
    hypothesis: Hypothesis | None
    transcription: Transcription | None
    error: AsrError | None

    def result(self) -> Hypothesis:
        """The hypothesis; raises the error where there is none."""
        if self.hypothesis is None:
            assert self.error is not None
            raise self.error
        return self.hypothesis


def transcribe_recordings(
    transcriber: "Transcriber",
    batches: Iterable[Sequence[Recording]],
    *,
    config: PipelineConfig,
    progress: Callable[[float], None] = lambda _: None,
    on_words: OnWords | None = None,
) -> Iterator[Outcome]:
    """Transcribe batches of `plan_batches`, in their order.

    A recording that cannot be read comes back with its error and does not stop the others. While one batch is
    decoded, the next is in the network and the one after that is read.

    Args:
        transcriber: the model.
        batches: many short recordings, or a single one of any length.
        config: how they go through the network.
        progress: told how many seconds of audio have been transcribed since it was last told.
        on_words: told the words of each stretch of a recording, in order, as soon as they are there, one channel after the
            other; a tagger has seen no more than the stretch.
    """
    emitted = emit_recordings(transcriber, batches, config)
    return _decode(transcriber, emitted, config, progress, on_words)


def transcribe_waveform(
    transcriber: "Transcriber", waveform: np.ndarray, *, config: PipelineConfig
) -> Outcome:
    """Transcribe a `(N,)` waveform at the model's rate as `transcribe_recordings` does a file. AudioError: it has no channel 2."""
    [outcome] = _decode(transcriber, emit_waveform(transcriber, waveform, config), config, lambda _: None)
    return outcome


def _decode(
    transcriber: "Transcriber",
    emitted: Iterable[Emitted],
    config: PipelineConfig,
    progress: Callable[[float], None],
    on_words: OnWords | None = None,
) -> Iterator[Outcome]:
    """The outcome of each recording, once the last stretch of its last track is decoded."""
    parts: dict[Track, list[Hypothesis]] = {}
    several: dict[Track, list[Alternatives]] = {}
    done: dict[str, list[Outcome]] = {}
    failed: set[str] = set()

    def search(piece: Emitted) -> tuple[list[Hypothesis], tuple[ConfusionSet, ...]] | AsrError:
        if piece.error is not None or piece.emission is None:
            return piece.error or ([], ())
        try:
            if config.n_best == 1:
                return [transcriber.decoder(piece.emission)], ()
            return transcriber.decoder.several(piece.emission, config.n_best)
        except AsrError as error:
            return error

    for piece, found in ahead(search, emitted, config.threads):
        track, recording = piece.track, piece.track.recording
        if recording.name in failed:
            continue
        progress(piece.seconds / track.of)
        if isinstance(found, AsrError):
            failed.add(recording.name)
            yield Outcome(recording, None, None, found)
        elif piece.emission is not None:
            best = _own(_moved(found[0][0], piece.start), track)
            parts.setdefault(track, []).append(best)
            if on_words is not None and best.words:
                on_words(recording, _written(transcriber, best.words, whole=False))
            if config.n_best > 1:
                seconds = len(piece.emission) * transcriber.seconds_per_frame
                several.setdefault(track, []).append(_alternatives(piece.start, seconds, *found, track))
        elif piece.duration is not None:
            whole = _joined(parts.pop(track, []), space=transcriber.decoder.alphabet.space)
            words = _written(transcriber, whole.words)
            segments = gather_segments(words, duration=piece.duration, pause=config.pause)
            alternatives = tuple(several.pop(track, []))
            outcome = Outcome(recording, whole, replace(segments, alternatives=alternatives), None)
            done.setdefault(recording.name, []).append(outcome)
            if len(done[recording.name]) == track.of:
                yield _merged(done.pop(recording.name))


def _merged(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcomes of a recording's tracks as one."""
    if len(outcomes) == 1:
        return outcomes[0]
    transcription = merge_channels([one.transcription for one in outcomes if one.transcription is not None])
    score = sum(one.result().score for one in outcomes)
    hypothesis = Hypothesis(transcription.verbatim, (), score, spoken_words(transcription.words))
    return Outcome(outcomes[0].recording, hypothesis, transcription, None)


def _alternatives(
    start: float, seconds: float, found: Sequence[Hypothesis], sets: Sequence[ConfusionSet], track: Track
) -> Alternatives:
    """What was found in a stretch of some seconds, best first, and word by word."""
    texts = tuple(ScoredText(one.text, one.score) for one in found)
    words = tuple(one.moved(start) for one in sets)
    return Alternatives(round(start, 3), round(start + seconds, 3), texts, words, track.label)


def _own(hypothesis: Hypothesis, track: Track) -> Hypothesis:
    """Without the words that are not the track's own."""
    words = track.own(hypothesis.words)
    tokens = hypothesis.tokens if len(words) == len(hypothesis.words) else ()
    return replace(hypothesis, text=" ".join(word.text for word in words), tokens=tokens, words=words)


def _written(transcriber: "Transcriber", words: tuple[Word, ...], *, whole: bool = True) -> tuple[Word, ...]:
    """The words as they are to be read, where there is a tagger."""
    return words if transcriber.tagger is None else write_words(words, transcriber.tagger, whole=whole)


def _moved(hypothesis: Hypothesis, start: float) -> Hypothesis:
    """A stretch's hypothesis with the times of the recording, in which it begins at a second."""
    return replace(hypothesis, words=tuple(word.moved(start) for word in hypothesis.words))


def _joined(parts: Sequence[Hypothesis], *, space: int) -> Hypothesis:
    """Hypotheses of stretches as one of the recording."""
    tokens: list[int] = []
    for part in parts:
        if tokens and part.tokens and space >= 0:
            tokens.append(space)
        tokens += part.tokens
    words = tuple(word for part in parts for word in part.words)
    text = " ".join(part.text for part in parts if part.text)
    return Hypothesis(text, tuple(tokens), sum((part.score for part in parts), 0.0), words)
