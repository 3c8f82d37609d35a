"""Recordings of any length -> transcriptions: reading, the network and decoding each in a thread of its own."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asr.data.audio import open_audio, read_audio
from asr.data.padded_budget import fill_batches
from asr.decoding.confusion import ConfusionSet, ScoredText
from asr.decoding.emission import Emission
from asr.decoding.hypothesis import Hypothesis, Word
from asr.decoding.threads import ahead
from asr.errors import AsrError, AudioError, UsageError
from asr.transcription.activity import VoiceActivity, choose_detector
from asr.transcription.channels import CHANNELS, Channels, Track, choose_tracks
from asr.transcription.prefetch import prefetch
from asr.transcription.recordings import Recording
from asr.transcription.stretches import Stretch, StretchRules, cut_stretches
from asr.transcription.transcript import (
    PAUSE,
    Alternatives,
    Transcription,
    gather_segments,
    merge_channels,
    spoken_words,
)
from asr.transcription.windows import Windowing
from asr.transcription.written import write_words

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber

OnWords = Callable[[Recording, tuple[Word, ...]], None]

_BLOCK = 10.0  # seconds of a waveform that are looked at together
_AHEAD = 32  # stretches that the network is ahead of the searches


@dataclass(frozen=True)
class PipelineConfig:
    """How recordings go through the network.

    Attributes:
        windowing: of long recordings, where the network itself looks for pauses.
        stretches: where recordings are cut.
        vad: what finds the pauses; "none" is the network itself, and short recordings stay whole.
        seconds_per_batch: padded seconds that go through the network together.
        pause: seconds between two words that part two segments.
        threads: of the beam search.
        n_best: texts of each stretch; above 1 they are the transcription's `alternatives`.
        channels: what is made of recordings of several channels, whose channel nothing else says: "mix" adds them up,
            "separate" transcribes each by itself, "auto" does that where they do not carry the same signal, "1" and "2" take
            one of them. See `channels.choose_tracks`.

    Raises:
        UsageError: `n_best` below 1, or `channels` something else.
    """

    windowing: Windowing = field(default_factory=Windowing)
    stretches: StretchRules = field(default_factory=StretchRules)
    vad: VoiceActivity = "none"
    seconds_per_batch: float = 120.0
    pause: float = PAUSE
    threads: int = 1
    n_best: int = 1
    channels: Channels = "mix"

    def __post_init__(self) -> None:
        if self.channels not in CHANNELS:
            raise UsageError(f"channels {self.channels!r}; expected {', '.join(CHANNELS)}")
        if self.n_best < 1:
            raise UsageError(f"n-best {self.n_best}; expected at least 1")


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


class _Read(NamedTuple):
    """A short track as it was read: its waveform, or the error."""

    track: Track
    waveform: np.ndarray | None
    error: AsrError | None


class _Emitted(NamedTuple):
    """A stretch of a track, gone through the network, or the end of the track.

    Attributes:
        track: what it is of.
        start: seconds from its beginning.
        emission: of the stretch; None at the end.
        seconds: how much of the track has been gone through since the last one.
        duration: of the whole track, at its end.
        error: what ended it.
    """

    track: Track
    start: float = 0.0
    emission: Emission | None = None
    seconds: float = 0.0
    duration: float | None = None
    error: AsrError | None = None


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
    emitted = _emit(transcriber, prefetch(_read(transcriber, batches, config)), config)
    return _decode(transcriber, prefetch(emitted, ahead=_AHEAD), config, progress, on_words)


def transcribe_waveform(
    transcriber: "Transcriber", waveform: np.ndarray, *, config: PipelineConfig
) -> Outcome:
    """Transcribe a `(N,)` waveform at the model's rate as `transcribe_recordings` does a file. AudioError: it has no channel 2."""
    if config.channels == "2":
        raise AudioError("waveform of one channel; expected a file of two, of which channels 2 is one")
    seconds = len(waveform) / transcriber.sample_rate
    track = Track(Recording("waveform", Path("waveform"), "waveform", seconds), None)
    if config.vad == "none" and seconds <= config.windowing.longest:
        emitted = _emit_short(transcriber, [_Read(track, waveform, None)], config)
    else:
        size = round(_BLOCK * transcriber.sample_rate)
        blocks = (waveform[at : at + size] for at in range(0, len(waveform), size))
        emitted = _emit_blocks(transcriber, track, blocks, config)
    [outcome] = _decode(transcriber, emitted, config, lambda _: None)
    return outcome


def _decode(
    transcriber: "Transcriber",
    emitted: Iterable[_Emitted],
    config: PipelineConfig,
    progress: Callable[[float], None],
    on_words: OnWords | None = None,
) -> Iterator[Outcome]:
    """The outcome of each recording, once the last stretch of its last track is decoded."""
    parts: dict[Track, list[Hypothesis]] = {}
    several: dict[Track, list[Alternatives]] = {}
    done: dict[str, list[Outcome]] = {}
    failed: set[str] = set()

    def search(piece: _Emitted) -> tuple[list[Hypothesis], tuple[ConfusionSet, ...]] | AsrError:
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


def _read(
    transcriber: "Transcriber", batches: Iterable[Sequence[Recording]], config: PipelineConfig
) -> Iterator[list[_Read] | Track]:
    """Tracks of short recordings, read; those of long ones as they are."""
    for batch in batches:
        is_long = len(batch) == 1 and (batch[0].duration or math.inf) > config.windowing.longest
        tracks, broken = [], []
        for recording in batch:
            try:
                tracks.append(choose_tracks(recording, config.channels))
            except AsrError as error:
                broken.append(_Read(Track(recording, None), None, error))
        if broken:
            yield broken
        # First channels together, then second ones: no batch is larger than the one that was planned.
        for group in zip_longest(*tracks):
            chosen = [track for track in group if track is not None]
            if is_long:
                yield from chosen
            else:
                yield [_read_track(transcriber, track) for track in chosen]


def _read_track(transcriber: "Transcriber", track: Track) -> _Read:
    recording = track.recording
    try:
        waveform = read_audio(
            recording.audio,
            sample_rate=transcriber.sample_rate,
            start=recording.start,
            duration=None if recording.whole else recording.duration,
            channel=track.channel,
            weights=track.weights,
            allow_truncated=recording.allow_truncated,
        )
        transcriber.check_length(waveform, str(recording.audio))
    except AsrError as error:
        return _Read(track, None, error)
    return _Read(track, waveform, None)


def _emit(
    transcriber: "Transcriber", read: Iterable[list[_Read] | Track], config: PipelineConfig
) -> Iterator[_Emitted]:
    for item in read:
        if isinstance(item, Track):
            try:
                yield from _emit_long(transcriber, item, config)
            except AsrError as error:
                yield _Emitted(item, seconds=item.recording.duration or 0.0, error=error)
        else:
            yield from _emit_short(transcriber, item, config)


def _emit_short(
    transcriber: "Transcriber", batch: Sequence[_Read], config: PipelineConfig
) -> Iterator[_Emitted]:
    """Recordings that go through the network together; cut into stretches where something else finds them."""
    stretches = [
        []
        if item.waveform is None
        else list(_stretches(transcriber, [item.waveform], item.track.recording, config))
        if config.vad != "none"
        else [Stretch(0, item.waveform)]
        for item in batch
    ]
    flat = [_long_enough(transcriber, stretch.waveform) for group in stretches for stretch in group]
    emissions = iter(transcriber.emit(flat) if flat else [])
    rate = transcriber.sample_rate
    for item, group in zip(batch, stretches, strict=True):
        if item.waveform is None:
            yield _Emitted(item.track, seconds=item.track.recording.duration or 0.0, error=item.error)
            continue
        for stretch in group:
            yield _Emitted(item.track, stretch.first / rate, next(emissions))
        seconds = len(item.waveform) / rate
        yield _Emitted(item.track, seconds=seconds, duration=seconds)


def _emit_long(transcriber: "Transcriber", track: Track, config: PipelineConfig) -> Iterator[_Emitted]:
    """A track of any length, stretch by stretch."""
    rate, recording = transcriber.sample_rate, track.recording
    with open_audio(recording.audio, allow_truncated=recording.allow_truncated) as audio:
        duration = recording.duration or audio.info.duration
        if config.vad == "none" and duration <= config.windowing.longest:
            waveform = audio.read(sample_rate=rate, channel=track.channel, weights=track.weights)
            transcriber.check_length(waveform, recording.source)
            yield from _emit_short(transcriber, [_Read(track, waveform, None)], config)
            return
        blocks = audio.blocks(
            sample_rate=rate,
            start=recording.start,
            duration=None if recording.whole else recording.duration,
            channel=track.channel,
            weights=track.weights,
        )
        with closing(prefetch(blocks, ahead=2)) as ahead:  # a file must not be closed while it is read
            yield from _emit_blocks(transcriber, track, ahead, config)


def _emit_blocks(
    transcriber: "Transcriber", track: Track, blocks: Iterable[np.ndarray], config: PipelineConfig
) -> Iterator[_Emitted]:
    """A waveform of any length that comes in blocks, stretch by stretch."""
    rate = transcriber.sample_rate
    samples, told = 0, 0.0

    def counted() -> Iterator[np.ndarray]:
        nonlocal samples
        for block in blocks:
            samples += len(block)
            yield block

    stretches = _stretches(transcriber, counted(), track.recording, config)
    budget = round(config.seconds_per_batch * rate)
    for group in fill_batches(stretches, lambda stretch: len(stretch.waveform), most=budget):
        found = transcriber.emit([_long_enough(transcriber, stretch.waveform) for stretch in group])
        for stretch, emission in zip(group, found, strict=True):
            reached = max(told, (stretch.first + len(stretch.waveform)) / rate)
            yield _Emitted(track, stretch.first / rate, emission, reached - told)
            told = reached
    yield _Emitted(track, seconds=max(0.0, samples / rate - told), duration=samples / rate)


def _stretches(
    transcriber: "Transcriber",
    blocks: Iterable[np.ndarray],
    recording: Recording,
    config: PipelineConfig,
) -> Iterator[Stretch]:
    detect = choose_detector(config.vad, transcriber, windowing=config.windowing, where=str(recording.audio))
    return cut_stretches(blocks, detect, rules=config.stretches, sample_rate=transcriber.sample_rate)


def _long_enough(transcriber: "Transcriber", waveform: np.ndarray) -> np.ndarray:
    """With silence at the end, where it is too short for a frame."""
    missing = transcriber.minimum_samples - len(waveform)
    return np.pad(waveform, (0, missing)) if missing > 0 else waveform
