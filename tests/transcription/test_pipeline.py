"""Recordings of any length through the pipeline, and the threads it runs in."""

import itertools
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.decoding.options import DecodingOptions
from asr.errors import AudioError, UsageError
from asr.transcription import activity
from asr.transcription.activity import energy_detector, silero_detector
from asr.transcription.batches import plan_batches
from asr.transcription.formats import FORMATS, render
from asr.transcription.loading import load
from asr.transcription.pipeline import Outcome, transcribe_recordings
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.prefetch import prefetch
from asr.transcription.recordings import Recording, find_recordings
from asr.transcription.stretches import StretchRules, cut_stretches
from asr.transcription.transcriber import Transcriber
from asr.transcription.windows import Windowing

SMALL = PipelineConfig(
    windowing=Windowing(2.0, 0.5, 2), stretches=StretchRules(longest=2.0), seconds_per_batch=6.0
)


@pytest.fixture
def transcriber(tiny_checkpoint: Path) -> Transcriber:
    return load(tiny_checkpoint, device="cpu", precision="float32")


def bursts(path: Path, *, count: int, rate: int = 16000, channels: int = 1) -> Path:
    """Bursts of noise of a second, a second and a half apart, in a whisper of noise."""
    generator = np.random.default_rng(0)
    gate = np.tile(np.repeat([0.3, 0.0], [rate, 3 * rate // 2]), count)
    soundfile.write(path, (gate + 1e-4)[:, None] * generator.standard_normal((len(gate), channels)), rate)
    return path


def run(transcriber: Transcriber, config: PipelineConfig, *files: Path) -> list[Outcome]:
    recordings, failures = find_recordings([str(file) for file in files])
    assert not failures
    told: list[float] = []
    batches = plan_batches(
        recordings, longest=config.windowing.longest, seconds_per_batch=config.seconds_per_batch
    )
    outcomes = list(transcribe_recordings(transcriber, batches, config=config, progress=told.append))
    done = [outcome.transcription.duration for outcome in outcomes if outcome.transcription]
    assert sum(told) == pytest.approx(sum(done), abs=1e-3)
    return outcomes


def test_alternatives_are_those_of_each_stretch_and_change_nothing_else(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    path = bursts(tmp_path / "long.wav", count=6)
    beam = transcriber.with_options(DecodingOptions("beam"))
    config = replace(SMALL, vad="energy")
    (plain,) = run(beam, config, path)
    (several,) = run(beam, replace(config, n_best=4), path)
    assert plain.transcription is not None
    assert several.transcription is not None
    stretches = several.transcription.alternatives
    assert plain.transcription == replace(several.transcription, alternatives=())
    assert plain.hypothesis == several.hypothesis
    assert len(stretches) == 6
    assert " ".join(one.texts[0].text for one in stretches) == several.transcription.text
    for one in stretches:
        assert len({text for text, _ in one.texts}) == len(one.texts) == 4
        assert [score for _, score in one.texts] == sorted((score for _, score in one.texts), reverse=True)
        assert " ".join(filter(None, (word.choices[0].text for word in one.words))) == one.texts[0].text
        assert all(one.start <= word.start <= word.end <= one.end for word in one.words)
    assert all(left.end <= right.start < right.end for left, right in itertools.pairwise(stretches))
    assert beam.alternatives(path, 4, pipeline=config) == stretches
    for form in set(FORMATS) - {"json"}:
        assert render(plain.transcription, form) == render(several.transcription, form)


def test_a_short_recording_has_alternatives_of_its_whole(transcriber: Transcriber) -> None:
    waveform = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    beam = transcriber.with_options(DecodingOptions("beam"))
    (one,) = beam.alternatives(waveform, 3)
    assert (one.start, round(one.end, 1)) == (0.0, 1.0)
    assert one.texts[0].text == beam.transcribe(waveform).text
    assert len(one.texts) == 3
    assert [len(only.texts) for only in transcriber.alternatives(waveform, 3)] == [1]
    with pytest.raises(UsageError, match="at least 2"):
        beam.alternatives(waveform, 1)
    with pytest.raises(UsageError, match="at least 1"):
        PipelineConfig(n_best=0)


@pytest.mark.parametrize("vad", ["none", "energy"])
@pytest.mark.parametrize("rate", [16000, 11025])
def test_a_long_recording_has_words_in_order_within_its_duration(
    transcriber: Transcriber, tmp_path: Path, vad: str, rate: int
) -> None:
    config = PipelineConfig(SMALL.windowing, SMALL.stretches, vad, SMALL.seconds_per_batch)
    (outcome,) = run(transcriber, config, bursts(tmp_path / "long.wav", count=8, rate=rate))
    transcription = outcome.transcription
    assert transcription is not None
    assert transcription.duration == pytest.approx(20.0, abs=0.01)
    times = [time for word in transcription.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(0 <= time <= 20.1 for time in times)
    assert transcription.text == " ".join(word.text for word in transcription.words)


def test_energy_finds_the_bursts(tmp_path: Path) -> None:
    waveform, _ = soundfile.read(bursts(tmp_path / "long.wav", count=4), dtype="float32")
    blocks = (waveform[at : at + 7000] for at in range(0, len(waveform), 7000))
    detect = energy_detector(sample_rate=16000, piece=3.0)
    found = list(cut_stretches(blocks, detect, rules=StretchRules(), sample_rate=16000))
    assert [round(stretch.first / 16000, 1) for stretch in found] == [0.0, 2.0, 4.5, 7.0]
    assert all(abs(len(stretch.waveform) / 16000 - 2) < 0.6 for stretch in found)


def test_silero_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    activity._silero_model.cache_clear()
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    with pytest.raises(UsageError, match=r"pip install 'silero-vad>="):
        silero_detector(sample_rate=16000)


def test_silero_takes_noise_for_no_speech(tmp_path: Path) -> None:
    pytest.importorskip("silero_vad", reason="silero-vad is not installed: pip install '.[vad]'")
    waveform, _ = soundfile.read(bursts(tmp_path / "long.wav", count=2), dtype="float32")
    detect = silero_detector(sample_rate=16000)
    assert list(cut_stretches([waveform], detect, rules=StretchRules(), sample_rate=16000)) == []


@pytest.mark.parametrize("channels", [1, 2])
def test_memory_does_not_grow_with_the_recording(
    transcriber: Transcriber, tmp_path: Path, channels: int
) -> None:
    peaks = []
    for count in (32, 96):  # what is read ahead is less than the shorter one
        path = bursts(tmp_path / f"{count}.wav", count=count, channels=channels)
        tracemalloc.start()
        run(transcriber, replace(SMALL, channels="separate"), path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_a_long_recording_that_breaks_off_is_an_error_and_stops_nobody(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    good, broken = bursts(tmp_path / "good.wav", count=1), tmp_path / "broken.flac"
    soundfile.write(broken, np.random.default_rng(0).uniform(-1, 1, 160000), 16000)
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    outcomes = {outcome.recording.name: outcome for outcome in _outcomes(transcriber, good, broken)}
    assert isinstance(outcomes["broken"].error, AudioError)
    assert outcomes["good"].transcription is not None


def _outcomes(transcriber: Transcriber, *files: Path) -> list[Outcome]:
    recordings, _ = find_recordings([str(file) for file in files])
    batches = plan_batches(recordings, longest=3.0, seconds_per_batch=6.0)
    return list(transcribe_recordings(transcriber, batches, config=SMALL))


def test_batches_hold_every_recording_once_within_the_budget() -> None:
    recordings = [
        Recording(str(number), Path(f"{number}.wav"), "", float(seconds))
        for number, seconds in enumerate([3, 1, 50, 2, 2, 1, 9, 70, 4])
    ]
    recordings.append(Recording("video", Path("video.mp4"), "", None))
    batches = plan_batches(recordings, longest=36.0, seconds_per_batch=10.0)
    assert sorted(recording.name for batch in batches for recording in batch) == sorted(
        recording.name for recording in recordings
    )
    for batch in batches:
        durations = [recording.duration for recording in batch]
        assert len(batch) == 1 or max(durations) * len(batch) <= 10.0  # type: ignore[type-var, operator]


def test_prefetch_keeps_order_and_hands_on_errors() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("broken")

    taken: list[int] = []
    with pytest.raises(ValueError, match="broken"):
        taken.extend(prefetch(items(), ahead=2))
    assert taken == list(range(5))


def test_prefetch_stops_its_thread_when_the_taker_stops() -> None:
    before = threading.active_count()
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    for item in prefetch(items(), ahead=2):
        if item == 3:
            break
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert len(made) < 10
