"""Recordings of any length -> transcriptions: reading, the network and decoding each in a thread of its own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asr.data.audio import open_audio, read_audio
from asr.data.padded_budget import fill_batches
from asr.decoding.emission import Emission
from asr.decoding.hypothesis import Hypothesis, Word
from asr.errors import AsrError, UsageError
from asr.transcription.activity import VoiceActivity, choose_detector
from asr.transcription.prefetch import prefetch
from asr.transcription.recordings import Recording
from asr.transcription.stretches import Stretch, StretchRules, cut_stretches
from asr.transcription.transcript import PAUSE, Alternatives, ScoredText, Transcription, gather_segments
from asr.transcription.windows import Windowing
from asr.transcription.written import write_words

if TYPE_CHECKING:
    from asr.transcription.transcriber import Transcriber

OnWords = Callable[[Recording, tuple[Word, ...]], None]

_BLOCK = 10.0  # seconds of a waveform that are looked at together


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

    Raises:
        UsageError: `n_best` below 1.
    """

    windowing: Windowing = field(default_factory=Windowing)
    stretches: StretchRules = field(default_factory=StretchRules)
    vad: VoiceActivity = "none"
    seconds_per_batch: float = 120.0
    pause: float = PAUSE
    threads: int = 1
    n_best: int = 1

    def __post_init__(self) -> None:
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
    """A short recording as it was read: its waveform, or the error."""

    recording: Recording
    waveform: np.ndarray | None
    error: AsrError | None


class _Emitted(NamedTuple):
    """Some stretches of a recording, gone through the network.

    Attributes:
        recording: what they are of.
        starts: seconds from its beginning.
        emissions: of each.
        seconds: how much of the recording has been gone through since the last piece.
        duration: of the whole recording, with its last piece; None before.
        error: what ended it.
    """

    recording: Recording
    starts: tuple[float, ...]
    emissions: tuple[Emission, ...]
    seconds: float
    duration: float | None
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
        on_words: told the words of each stretch of a recording, in order, as soon as they are there; a tagger has seen no more
            than the stretch.
    """
    emitted = _emit(transcriber, prefetch(_read(transcriber, batches, config)), config)
    return _decode(transcriber, prefetch(emitted, ahead=2), config, progress, on_words)


def transcribe_waveform(
    transcriber: "Transcriber", waveform: np.ndarray, *, config: PipelineConfig
) -> Outcome:
    """Transcribe a `(N,)` waveform at the model's rate as `transcribe_recordings` does a file."""
    seconds = len(waveform) / transcriber.sample_rate
    recording = Recording("waveform", Path("waveform"), "waveform", seconds)
    if config.vad == "none" and seconds <= config.windowing.longest:
        emitted = _emit_short(transcriber, [_Read(recording, waveform, None)], config)
    else:
        size = round(_BLOCK * transcriber.sample_rate)
        blocks = (waveform[at : at + size] for at in range(0, len(waveform), size))
        emitted = _emit_blocks(transcriber, recording, blocks, config)
    [outcome] = _decode(transcriber, emitted, config, lambda _: None)
    return outcome


def _decode(
    transcriber: "Transcriber",
    emitted: Iterable[_Emitted],
    config: PipelineConfig,
    progress: Callable[[float], None],
    on_words: OnWords | None = None,
) -> Iterator[Outcome]:
    """The outcome of each recording, once its last stretch is decoded."""
    parts: dict[str, list[Hypothesis]] = {}
    several: dict[str, list[Alternatives]] = {}
    failed: set[str] = set()
    for piece in emitted:
        recording = piece.recording
        if recording.name in failed:
            continue
        if piece.error is None:
            try:
                found = transcriber.decoder.n_best_batch(
                    piece.emissions, config.n_best, threads=config.threads
                )
            except AsrError as error:
                piece = piece._replace(error=error)
            else:
                best = [_moved(texts[0], start) for start, texts in zip(piece.starts, found, strict=True)]
                parts.setdefault(recording.name, []).extend(best)
                if on_words is not None:
                    for words in (part.words for part in best if part.words):
                        on_words(recording, _written(transcriber, words))
                if config.n_best > 1:
                    seconds = [len(emission) * transcriber.seconds_per_frame for emission in piece.emissions]
                    several.setdefault(recording.name, []).extend(
                        map(_alternatives, piece.starts, seconds, found)
                    )
        progress(piece.seconds)
        if piece.error is not None:
            failed.add(recording.name)
            yield Outcome(recording, None, None, piece.error)
        elif piece.duration is not None:
            whole = _joined(parts.pop(recording.name, []), space=transcriber.decoder.alphabet.space)
            words = _written(transcriber, whole.words)
            segments = gather_segments(words, duration=piece.duration, pause=config.pause)
            alternatives = tuple(several.pop(recording.name, []))
            yield Outcome(recording, whole, replace(segments, alternatives=alternatives), None)


def _alternatives(start: float, seconds: float, found: Sequence[Hypothesis]) -> Alternatives:
    """What was found in a stretch of some seconds, best first."""
    texts = tuple(ScoredText(one.text, one.score) for one in found)
    return Alternatives(round(start, 3), round(start + seconds, 3), texts)


def _written(transcriber: "Transcriber", words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words as they are to be read, where there is a tagger."""
    return words if transcriber.tagger is None else write_words(words, transcriber.tagger)


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
) -> Iterator[list[_Read] | Recording]:
    """Short recordings, read; long ones as they are."""
    for batch in batches:
        if len(batch) == 1 and (batch[0].duration is None or batch[0].duration > config.windowing.longest):
            yield batch[0]
            continue
        read = []
        for recording in batch:
            try:
                waveform = read_audio(
                    recording.audio,
                    sample_rate=transcriber.sample_rate,
                    start=recording.start,
                    duration=None if recording.whole else recording.duration,
                    channel=recording.channel,
                    allow_truncated=recording.allow_truncated,
                )
                transcriber.check_length(waveform, str(recording.audio))
                read.append(_Read(recording, waveform, None))
            except AsrError as error:
                read.append(_Read(recording, None, error))
        yield read


def _emit(
    transcriber: "Transcriber", read: Iterable[list[_Read] | Recording], config: PipelineConfig
) -> Iterator[_Emitted]:
    for item in read:
        if isinstance(item, Recording):
            try:
                yield from _emit_long(transcriber, item, config)
            except AsrError as error:
                yield _Emitted(item, (), (), item.duration or 0.0, None, error)
        else:
            yield from _emit_short(transcriber, item, config)


def _emit_short(
    transcriber: "Transcriber", batch: Sequence[_Read], config: PipelineConfig
) -> Iterator[_Emitted]:
    """Recordings that go through the network together; cut into stretches where something else finds them."""
    stretches = [
        []
        if item.waveform is None
        else list(_stretches(transcriber, [item.waveform], item.recording, config))
        if config.vad != "none"
        else [Stretch(0, item.waveform)]
        for item in batch
    ]
    flat = [_long_enough(transcriber, stretch.waveform) for group in stretches for stretch in group]
    emissions = iter(transcriber.emit(flat) if flat else [])
    rate = transcriber.sample_rate
    for item, group in zip(batch, stretches, strict=True):
        if item.waveform is None:
            yield _Emitted(item.recording, (), (), item.recording.duration or 0.0, None, item.error)
            continue
        seconds = len(item.waveform) / rate
        starts = tuple(stretch.first / rate for stretch in group)
        yield _Emitted(item.recording, starts, tuple(next(emissions) for _ in group), seconds, seconds)


def _emit_long(
    transcriber: "Transcriber", recording: Recording, config: PipelineConfig
) -> Iterator[_Emitted]:
    """A recording of any length, stretch by stretch."""
    rate = transcriber.sample_rate
    with open_audio(recording.audio, allow_truncated=recording.allow_truncated) as audio:
        duration = recording.duration or audio.info.duration
        if config.vad == "none" and duration <= config.windowing.longest:
            waveform = audio.read(sample_rate=rate)
            transcriber.check_length(waveform, recording.source)
            yield from _emit_short(transcriber, [_Read(recording, waveform, None)], config)
            return
        blocks = audio.blocks(
            sample_rate=rate,
            start=recording.start,
            duration=None if recording.whole else recording.duration,
            channel=recording.channel,
        )
        with closing(prefetch(blocks, ahead=2)) as ahead:  # a file must not be closed while it is read
            yield from _emit_blocks(transcriber, recording, ahead, config)


def _emit_blocks(
    transcriber: "Transcriber", recording: Recording, blocks: Iterable[np.ndarray], config: PipelineConfig
) -> Iterator[_Emitted]:
    """A waveform of any length that comes in blocks, stretch by stretch."""
    rate = transcriber.sample_rate
    samples, told = 0, 0.0

    def counted() -> Iterator[np.ndarray]:
        nonlocal samples
        for block in blocks:
            samples += len(block)
            yield block

    stretches = _stretches(transcriber, counted(), recording, config)
    budget = round(config.seconds_per_batch * rate)
    for group in fill_batches(stretches, lambda stretch: len(stretch.waveform), most=budget):
        found = transcriber.emit([_long_enough(transcriber, stretch.waveform) for stretch in group])
        reached = (group[-1].first + len(group[-1].waveform)) / rate
        starts = tuple(stretch.first / rate for stretch in group)
        yield _Emitted(recording, starts, tuple(found), max(0.0, reached - told), None)
        told = max(told, reached)
    yield _Emitted(recording, (), (), max(0.0, samples / rate - told), samples / rate)


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
