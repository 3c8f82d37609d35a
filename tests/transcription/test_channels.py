"""Recordings of several channels: each is transcribed as if it were alone, and what leaks from another is not."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asr.cli.transcription_options import add_channels_option
from asr.data.audio import read_audio
from asr.data.manifest import Utterance
from asr.data.tokenizer import BLANK_SYMBOL, CharacterTokenizer
from asr.decoding.emission import Emission
from asr.decoding.hypothesis import Word
from asr.decoding.options import DecodingOptions
from asr.errors import AudioError, UsageError
from asr.model.acoustic import AcousticModel, AcousticModelConfig
from asr.model.checkpoint import Checkpoint
from asr.model.encoder import EncoderConfig
from asr.transcription import channels as channels_module
from asr.transcription.channels import CHANNELS, LEAK, Channels, Track, choose_tracks, measure_levels
from asr.transcription.emitter import EmitterInfo
from asr.transcription.pipeline import Outcome, transcribe_recordings
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.recordings import Recording, find_recordings
from asr.transcription.stretches import StretchRules
from asr.transcription.torch_emitter import TorchEmitter
from asr.transcription.transcriber import Transcriber, build_decoder
from asr.transcription.windows import Windowing

RATE = 16000
SHORT = PipelineConfig()
LONG = PipelineConfig(Windowing(2.0, 0.5, 2), StretchRules(longest=2.0), vad="energy", seconds_per_batch=6.0)


class Listening:
    """An emitter that counts the samples that it is given."""

    def __init__(self, emitter: TorchEmitter) -> None:
        self.emitter = emitter
        self.samples = 0

    @property
    def info(self) -> EmitterInfo:
        return self.emitter.info

    def emit(self, waveforms: Sequence[np.ndarray], *, network_beam: int = 0) -> list[Emission]:
        self.samples += sum(map(len, waveforms))
        return self.emitter.emit(waveforms, network_beam=network_beam)


@pytest.fixture
def transcriber() -> Transcriber:
    """An untrained model that says something all the time."""
    torch.manual_seed(0)
    config = AcousticModelConfig(encoder=EncoderConfig(layers=1, hidden_size=16, channels=4))
    model = AcousticModel(config, vocabulary_size=5).eval()
    with torch.no_grad():
        model.head.weight.mul_(20)
    checkpoint = Checkpoint(model, CharacterTokenizer([BLANK_SYMBOL, *" ABC"]))
    emitter = Listening(TorchEmitter(checkpoint, device="cpu", precision="float32"))
    return Transcriber(emitter, build_decoder(emitter.info, DecodingOptions()))


def voice(seed: int, *spoken: tuple[float, float], seconds: float, rate: int = RATE) -> np.ndarray:
    """`(N,)` noise from one second to another, and a whisper of it all the time."""
    time = np.arange(round(seconds * rate)) / rate
    gate = sum(((time >= start) & (time < end)).astype(float) for start, end in spoken) if spoken else 0.0
    return (0.1 * gate + 1e-4) * np.random.default_rng(seed).standard_normal(len(time))


def write(path: Path, *channels: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), rate, subtype="FLOAT")
    return path


def recording(path: Path, **facts: object) -> Recording:
    [found], _ = find_recordings([str(path)])
    return replace(found, **facts)


def transcribe(
    transcriber: Transcriber, recordings: Sequence[Recording], config: PipelineConfig
) -> list[Outcome]:
    told: list[float] = []
    outcomes = list(transcribe_recordings(transcriber, [recordings], config=config, progress=told.append))
    assert sum(told) == pytest.approx(sum(one.duration or 0.0 for one in recordings), abs=1e-3)
    return outcomes


def heard(transcriber: Transcriber, path: Path, config: PipelineConfig, channels: Channels) -> Outcome:
    [outcome] = transcribe(transcriber, [recording(path)], replace(config, channels=channels))
    return outcome


def unlabelled(words: Sequence[Word]) -> list[Word]:
    return [replace(word, channel=None) for word in words]


@pytest.mark.parametrize(("config", "seconds"), [(SHORT, 4.0), (LONG, 12.0)])
def test_each_channel_is_transcribed_as_if_it_were_alone(
    transcriber: Transcriber, tmp_path: Path, config: PipelineConfig, seconds: float
) -> None:
    one, two = voice(1, (0.2, 2.5), (8, 9), seconds=seconds), voice(2, (1.0, 3.9), (10, 11), seconds=seconds)
    outcome = heard(transcriber, write(tmp_path / "call.wav", one, two), config, "separate")
    transcription = outcome.transcription
    assert transcription is not None
    for channel, waveform in enumerate((one, two)):
        alone = heard(transcriber, write(tmp_path / "alone.wav", waveform), config, "mix").hypothesis
        assert alone is not None
        found = [word for word in transcription.words if word.channel == channel]
        levels = measure_levels(recording(tmp_path / "call.wav"))
        kept = [word for word in alone.words if not levels.leaks(channel, word.start, word.end)]
        assert kept
        assert unlabelled(found) == kept
    assert [segment.start for segment in transcription.segments] == sorted(
        segment.start for segment in transcription.segments
    )
    assert transcription.text == " ".join(word.text for word in transcription.words) == outcome.result().text
    assert outcome.result().words == transcription.words
    assert {line.split(":")[0] for line in transcription.lines} == {"Channel 1", "Channel 2"}


def test_recordings_of_one_channel_and_of_two_go_together(transcriber: Transcriber, tmp_path: Path) -> None:
    one, two = voice(1, (0.1, 0.9), seconds=2.0), voice(2, (1.0, 1.9), seconds=2.0)
    mono = write(tmp_path / "mono.wav", one)
    call = write(tmp_path / "call.wav", one, two)
    missing = Recording("gone", tmp_path / "gone.wav", "gone.wav", 2.0)
    config = PipelineConfig(channels="separate")
    outcomes = transcribe(transcriber, [recording(mono), missing, recording(call)], config)
    found = {outcome.recording.name: outcome for outcome in outcomes}
    assert isinstance(found["gone"].error, AudioError)
    assert found["mono"].transcription == transcriber.transcription(mono)
    assert found["call"].transcription == transcriber.transcription(call, channels="separate")


def test_a_silent_channel_costs_nothing(transcriber: Transcriber, tmp_path: Path) -> None:
    one = voice(1, (0.1, 0.9), seconds=2.0)
    call = write(tmp_path / "call.wav", np.zeros_like(one), one)
    emitter = transcriber.emitter
    assert isinstance(emitter, Listening)
    found = transcriber.transcription(call, channels="separate")
    assert emitter.samples == len(one)
    assert {segment.channel for segment in found.segments} == {1}
    # Nothing but zeros beside it: the one channel there is.
    assert unlabelled(found.words) == list(transcriber.transcription(call, channels="auto").words)


@pytest.mark.parametrize("gain", [1.0, 0.25, -0.5, 3.0])
def test_channels_of_the_same_signal_are_one(transcriber: Transcriber, tmp_path: Path, gain: float) -> None:
    one = voice(1, (0.1, 0.9), seconds=2.0)
    call = write(tmp_path / "call.wav", one, gain * one)
    found = transcriber.transcription(call, channels="auto")
    alone = transcriber.transcription(
        write(tmp_path / "alone.wav", one if abs(gain) <= 1 else gain * one), channels="auto"
    )
    assert found == alone
    assert not found.has_channels


def test_channels_of_different_signals_are_told_apart(transcriber: Transcriber, tmp_path: Path) -> None:
    one, two = voice(1, (0.1, 0.9), seconds=2.0), voice(2, (1.0, 1.9), seconds=2.0)
    call = write(tmp_path / "call.wav", one + 0.1 * two, two + 0.1 * one)
    found = transcriber.transcription(call, channels="auto")
    assert found == transcriber.transcription(call, channels="separate")
    assert found.has_channels


@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_levels_are_those_of_every_hundredth_of_a_second(tmp_path: Path, rate: int) -> None:
    one, two = voice(1, (3, 14), seconds=21.234, rate=rate), voice(2, (18, 20), seconds=21.234, rate=rate)
    levels = measure_levels(recording(write(tmp_path / "call.wav", one, two, rate=rate)))
    for power, waveform in zip(levels.power, (one, two), strict=True):
        for frame in (0, 299, 300, 999, 1000, 1399, 1400, 1801, 2122):
            piece = waveform[frame * rate // 100 : (frame + 1) * rate // 100]
            assert power[frame] == pytest.approx(np.mean(piece**2), rel=1e-3)
    assert levels.power.shape == (2, 2124)
    assert levels.likeness == pytest.approx(np.eye(2), abs=0.02)


@pytest.mark.parametrize(("decibels", "leaks"), [(LEAK - 1, True), (LEAK + 1, False)])
def test_what_is_much_fainter_than_in_another_channel_leaks(
    tmp_path: Path, decibels: float, leaks: bool
) -> None:
    one = voice(1, (0.5, 1.0), seconds=2.0)
    call = write(tmp_path / "call.wav", one, 10 ** (decibels / 20) * one + voice(2, seconds=2.0))
    levels = measure_levels(recording(call))
    assert levels.leaks(1, 0.5, 1.0) is leaks
    assert not levels.leaks(0, 0.5, 1.0)
    assert not levels.leaks(1, 1.5, 2.5)  # a whisper in both, and past the end


@pytest.mark.parametrize("delay", [0, 100])
@pytest.mark.parametrize("config", [SHORT, LONG])
def test_what_leaks_is_not_written_twice(
    transcriber: Transcriber,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: PipelineConfig,
    delay: int,
) -> None:
    seconds = 4.0 if config is SHORT else 12.0
    one, two = voice(1, (0.2, 1.5), (5, 7), seconds=seconds), voice(2, (2.0, 3.5), (9, 11), seconds=seconds)
    call = write(tmp_path / "call.wav", one + 0.1 * np.roll(two, delay), two + 0.1 * np.roll(one, delay))

    def stray() -> list[Word]:
        """Words of channel 2 that lie within what is said in channel 1."""
        words = heard(transcriber, call, config, "separate").result().words
        assert {word.channel for word in words} == {0, 1}
        return [word for word in words if word.channel == 1 and word.start > 0.2 and word.end < 1.5]

    assert stray() == []
    monkeypatch.setattr(channels_module, "LEAK", -60.0)
    assert stray()


def test_a_copy_is_subtracted_and_an_echo_is_not(tmp_path: Path) -> None:
    one, two = voice(1, (0.2, 2.5), seconds=4.0), voice(2, (2.0, 3.5), seconds=4.0)
    copied = recording(write(tmp_path / "copied.wav", one - 0.05 * two, two + 0.1 * one))
    levels = measure_levels(copied)
    assert levels.copies == pytest.approx(np.array([[0, -0.05], [0.1, 0]]), abs=2e-3)
    freed = read_audio(copied.audio, sample_rate=RATE, channel=1, weights=levels.weights(1))
    assert np.std(freed - two) < 0.01 * np.std(two)  # as it leaks back by a twentieth of a tenth
    echoed = recording(write(tmp_path / "echoed.wav", one, two + 0.1 * np.roll(one, 100)))
    assert measure_levels(echoed).weights(1).tolist() == [0, 1]


def test_an_utterance_that_knows_its_channel_has_that_one_without_leaks(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    one, two = voice(1, (0.2, 1.5), seconds=4.0), voice(2, (2.0, 3.5), seconds=4.0)
    call = write(tmp_path / "call.wav", one + 0.1 * np.roll(two, 100), two + 0.1 * np.roll(one, 100))
    utterances = [Utterance(f"u{n}", call, 3.5, start=0.1, channel=n) for n in (0, 1)]
    whole = {
        one.recording.name: one.result()
        for one in transcriber.transcribe_utterances(utterances, pipeline=PipelineConfig(channels="mix"))
    }
    for outcome in transcriber.transcribe_utterances(
        utterances, pipeline=PipelineConfig(channels="separate")
    ):
        name, hypothesis = outcome.recording.name, outcome.result()
        assert not any(word.channel is not None for word in hypothesis.words)
        other = (0.1, 1.4) if name == "u1" else (1.9, 3.4)
        assert not [word for word in hypothesis.words if word.start > other[0] and word.end < other[1]]
        assert set() < set(hypothesis.words) < set(whole[name].words)
        assert hypothesis.text == " ".join(word.text for word in hypothesis.words)


def test_one_channel_of_two_is_that_alone(transcriber: Transcriber, tmp_path: Path) -> None:
    one, two = voice(1, (0.1, 0.9), seconds=2.0), voice(2, (1.0, 1.9), seconds=2.0)
    call, alone = write(tmp_path / "call.wav", one, two), write(tmp_path / "alone.wav", two)
    assert transcriber.transcription(call, channels="2") == transcriber.transcription(alone)
    with pytest.raises(AudioError, match="1 channels; expected to read channel 1, counted from 0"):
        transcriber.transcription(alone, channels="2")
    with pytest.raises(AudioError, match="one channel"):
        transcriber.transcription(two.astype(np.float32), channels="2")
    with pytest.raises(UsageError, match="channels 'both'; expected mix, separate, auto, 1, 2"):
        transcriber.transcription(call, channels="both")  # type: ignore[arg-type]


def test_alternatives_say_their_channel(transcriber: Transcriber, tmp_path: Path) -> None:
    one, two = voice(1, (0.1, 0.9), seconds=2.0), voice(2, (1.0, 1.9), seconds=2.0)
    call = write(tmp_path / "call.wav", one, two)
    found = transcriber.alternatives(call, 2, pipeline=PipelineConfig(channels="separate"))
    assert [stretch.channel for stretch in found] == [0, 1]


def test_tracks_come_in_the_order_of_channels_and_one_channel_is_not_measured_away(
    tone: Callable[..., Path],
) -> None:
    found = choose_tracks(recording(tone("three.wav", channels=3)), "separate")
    assert [(track.channel, track.of) for track in found] == [(0, 3), (1, 3), (2, 3)]
    assert [track.channel for track in choose_tracks(recording(tone("one.wav")), "separate")] == [None]
    silent = recording(write(tone("s.wav").with_name("silent.wav"), np.zeros(8000), np.zeros(8000)))
    assert [track.channel for track in choose_tracks(silent, "auto")] == [0]


def test_a_track_without_levels_believes_every_word() -> None:
    words = (Word("a", 0.0, 0.1, 1.0),)
    assert Track(Recording("r", Path("r.wav"), "r", 1.0), 0).own(words) == words


def test_the_command_offers_every_choice() -> None:
    parser = argparse.ArgumentParser()
    add_channels_option(parser)
    assert all(parser.parse_args(["--channels", one]).channels == one for one in CHANNELS)
    assert f"{{{','.join(CHANNELS)}}}" in parser.format_help()
