"""Recordings of any length -> emissions of their stretches: reading and the network, each in a thread of its own."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asr.allocator import give_back_freed_memory
from asr.data.audio import open_audio, read_audio
from asr.data.padded_budget import fill_batches
from asr.decoding.emission import Emission
from asr.errors import AsrError, AudioError
from asr.transcription.activity import choose_detector
from asr.transcription.channels import Track, choose_tracks
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.prefetch import prefetch
from asr.transcription.recordings import Recording
from asr.transcription.stretches import Stretch, cut_stretches

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber

_BLOCK = 10.0  # seconds of a waveform that are looked at together
_AHEAD = 32  # stretches that the network is ahead of the searches


class Emitted(NamedTuple):
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


class _Read(NamedTuple):
    """A short track as it was read: its waveform, or the error."""

    track: Track
    waveform: np.ndarray | None
    error: AsrError | None


def emit_recordings(
    transcriber: "Transcriber", batches: Iterable[Sequence[Recording]], config: PipelineConfig
) -> Iterator[Emitted]:
    """The stretches of recordings in their order, each recording's tracks one after the other; errors take a track's place.

    While one batch is in the network, the next is read.
    """
    return prefetch(_emit(transcriber, prefetch(_read(transcriber, batches, config)), config), ahead=_AHEAD)


def emit_waveform(
    transcriber: "Transcriber", waveform: np.ndarray, config: PipelineConfig
) -> Iterator[Emitted]:
    """The stretches of a `(N,)` waveform at the model's rate. Raises AudioError: it has no channel 2."""
    if config.channels == "2":
        raise AudioError("waveform of one channel; expected a file of two, of which channels 2 is one")
    seconds = len(waveform) / transcriber.sample_rate
    track = Track(Recording("waveform", Path("waveform"), "waveform", seconds), None)
    if config.vad == "none" and seconds <= config.windowing.longest:
        return _emit_short(transcriber, [_Read(track, waveform, None)], config)
    size = round(_BLOCK * transcriber.sample_rate)
    blocks = (waveform[at : at + size] for at in range(0, len(waveform), size))
    return _emit_blocks(transcriber, track, blocks, config)


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
) -> Iterator[Emitted]:
    for item in read:
        if isinstance(item, Track):
            try:
                yield from _emit_long(transcriber, item, config)
            except AsrError as error:
                yield Emitted(item, seconds=item.recording.duration or 0.0, error=error)
        else:
            yield from _emit_short(transcriber, item, config)


def _emit_short(
    transcriber: "Transcriber", batch: Sequence[_Read], config: PipelineConfig
) -> Iterator[Emitted]:
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
            yield Emitted(item.track, seconds=item.track.recording.duration or 0.0, error=item.error)
            continue
        for stretch in group:
            yield Emitted(item.track, stretch.first / rate, next(emissions))
        seconds = len(item.waveform) / rate
        yield Emitted(item.track, seconds=seconds, duration=seconds)


def _emit_long(transcriber: "Transcriber", track: Track, config: PipelineConfig) -> Iterator[Emitted]:
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
) -> Iterator[Emitted]:
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
        give_back_freed_memory()
        for stretch, emission in zip(group, found, strict=True):
            reached = max(told, (stretch.first + len(stretch.waveform)) / rate)
            yield Emitted(track, stretch.first / rate, emission, reached - told)
            told = reached
    yield Emitted(track, seconds=max(0.0, samples / rate - told), duration=samples / rate)


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
