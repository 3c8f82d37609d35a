"""Varying utterances by a configuration."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from asr.data.augmentation.config import (
    AugmentationConfig,
    BandConfig,
    ClippingConfig,
    CodecConfig,
    GainConfig,
    NoiseConfig,
    NonSpeechConfig,
    ReverberationConfig,
    SilenceConfig,
    TelephoneConfig,
)
from asr.data.augmentation.waveform_augmentation import Varied, WaveformAugmentation
from asr.data.batching import SpeechDataset
from asr.data.bucketing import SampleKey
from asr.data.manifest import Utterance, write_manifest
from asr.data.packing import pack
from asr.data.shards import PackedCorpus, PackedDataset
from asr.data.tokenizer import TokenizerConfig, build_tokenizer
from asr.errors import ConfigError

RATE = 16000
SPEECH = (0.3 * np.sin(np.arange(16000) ** 1.3 / 90)).astype(np.float32)


def vary(seed: int = 1, waveform: np.ndarray = SPEECH, **groups: Any) -> Varied:
    augmentation = WaveformAugmentation(AugmentationConfig(**{"speeds": (1.0,), **groups}))
    return augmentation(
        waveform, sample_rate=RATE, generator=np.random.default_rng(seed), speech=lambda _: SPEECH[::-1]
    )


def everything(tmp_path: Path) -> AugmentationConfig:
    """All that can happen, each half of the time."""
    response = np.zeros(3000, np.float32)
    response[[100, 900, 2200]] = 0.9, 0.4, 0.1
    soundfile.write(tmp_path / "response.wav", response, RATE)
    noises = tmp_path / "noises"
    noises.mkdir(exist_ok=True)
    noise = np.random.default_rng(5).uniform(-0.5, 0.5, 24000)
    soundfile.write(noises / "noise.flac", noise, RATE)
    write_manifest(tmp_path / "responses.jsonl", [Utterance("r", tmp_path / "response.wav", 3000 / RATE)])
    return AugmentationConfig(
        (0.9, 1.0, 1.1),
        NonSpeechConfig(0.2),
        SilenceConfig(0.5),
        ReverberationConfig(0.5, str(tmp_path / "responses.jsonl")),
        NoiseConfig(0.5, recordings=str(noises)),
        ClippingConfig(0.5),
        BandConfig(0.5),
        TelephoneConfig(0.5),
        CodecConfig(0.5, ("vorbis", "mp3")),
        GainConfig(0.5),
    )


def test_by_default_speed_alone_varies() -> None:
    config = AugmentationConfig()
    assert [getattr(config, field.name).probability for field in fields(config)[1:]] == [0] * 9
    varied = vary()
    assert varied.steps == ()
    np.testing.assert_array_equal(varied.waveform, SPEECH)


def test_silence_before_and_behind_is_fainter_by_45_decibels_and_speech_is_kept() -> None:
    lengths = set()
    for seed in range(20):
        found, is_speech, (step,) = vary(seed, silence=SilenceConfig(1.0, longest=0.25))
        before, behind = (round(float(part.split()[0]) * RATE) for part in step.split(" and "))
        assert is_speech
        assert abs(len(found) - len(SPEECH) - before - behind) <= 2 * 0.005 * RATE + 2
        assert len(found) <= len(SPEECH) + 0.5 * RATE
        first = int(np.argmax(np.abs(found) > 0.05))
        assert abs(first - before) < 0.02 * RATE
        assert 0 < np.sqrt(np.mean(found[: before - 100] ** 2)) < 0.3 / 10 ** (40 / 20) or before < 200
        lengths.add(len(found))
    assert len(lengths) > 15
    assert AugmentationConfig((0.8,), silence=SilenceConfig(0.1, longest=0.5)).longest(4.0) == 6.0


def test_noise_is_as_far_below_the_speech_as_drawn() -> None:
    for seed in range(10):
        found, _, (step,) = vary(seed, noise=NoiseConfig(1.0, snr=(3.0, 20.0)))
        wanted = float(step.split(" at ")[1].removesuffix(" dB"))
        snr = 10 * np.log10(np.mean(SPEECH**2) / np.mean((found - SPEECH) ** 2))
        assert 3 <= snr <= 20
        assert snr == pytest.approx(wanted, abs=0.1)


def test_recorded_noises_are_half_of_them_and_go_on_over_and_over(tmp_path: Path) -> None:
    recorded = np.random.default_rng(1).uniform(-0.5, 0.5, 4000).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", recorded, RATE, subtype="FLOAT")
    noise = NoiseConfig(1.0, snr=(0.0, 0.0), kinds=("white",), recordings=str(tmp_path))
    added = [vary(seed, noise=noise) for seed in range(40)]
    found = [one.waveform - SPEECH for one in added if one.steps[0].startswith("recorded noise")]
    assert 10 < len(found) < 30
    for one in found:
        np.testing.assert_allclose(one[:4000], one[4000:8000], atol=1e-4)


def test_non_speech_has_the_utterances_length_and_no_transcript() -> None:
    kinds = set()
    for seed in range(60):
        found, is_speech, (step,) = vary(seed, non_speech=NonSpeechConfig(1.0))
        assert not is_speech
        assert found.shape == SPEECH.shape
        assert np.abs(found).max() <= 1
        kinds.add(step.removesuffix(" alone"))
    assert kinds == set(NonSpeechConfig().kinds)


def test_happens_as_often_as_it_should() -> None:
    count = sum(bool(vary(seed, clipping=ClippingConfig(0.3)).steps) for seed in range(500))
    assert 110 < count < 190


def test_a_telephone_has_no_other_band() -> None:
    steps = vary(band=BandConfig(1.0), telephone=TelephoneConfig(1.0)).steps
    assert len(steps) == 1
    assert steps[0].startswith("telephone")


def test_all_of_it_depends_on_seed_epoch_and_utterance_only(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    utterances = []
    for number in range(6):
        soundfile.write(tmp_path / f"{number}.wav", generator.uniform(-0.3, 0.3, 8000 + 900 * number), RATE)
        seconds = (8000 + 900 * number) / RATE
        utterances.append(Utterance(str(number), tmp_path / f"{number}.wav", seconds, text="A"))
    pack(utterances, tmp_path / "shards", sample_rate=RATE)
    tokenizer = build_tokenizer(TokenizerConfig(), ["A"])
    augmentation = WaveformAugmentation(everything(tmp_path))
    keys = [SampleKey(number, epoch) for number in range(6) for epoch in range(8)]
    for dataset in (
        SpeechDataset(utterances, tokenizer, sample_rate=RATE, augmentation=augmentation, seed=4),
        PackedDataset(
            PackedCorpus(str(tmp_path / "shards")), tokenizer, augmentation=augmentation, seed=4, window=1
        ),
    ):
        first = {key: dataset[key] for key in keys}
        for key in reversed(keys):
            again = dataset[key]
            np.testing.assert_array_equal(first[key].waveform, again.waveform)
            assert first[key].tokens == again.tokens
        assert len({sample.waveform.tobytes() for sample in first.values()}) == len(keys)
        assert 2 < sum(not sample.tokens for sample in first.values()) < 20
        assert all(np.isfinite(sample.waveform).all() for sample in first.values())


def test_simulated_rooms_are_drawn_from_the_generator_too() -> None:
    pytest.importorskip("pyroomacoustics", reason="rooms are simulated with pyroomacoustics")
    one, again, other = (vary(seed, reverberation=ReverberationConfig(1.0)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.waveform, again.waveform)
    assert one.steps == again.steps != other.steps
    assert len(one.waveform) == len(SPEECH)


def test_all_that_cannot_be_is_listed() -> None:
    config = AugmentationConfig(
        (0.0,),
        noise=NoiseConfig(1.5, snr=(20.0, 5.0), kinds=("loud",)),  # type: ignore[arg-type]
        silence=SilenceConfig(0.1, longest=-1.0),
        gain=GainConfig(peak=(-10.0, 3.0)),
        codec=CodecConfig(kinds=()),
    )
    with pytest.raises(ConfigError) as caught:
        WaveformAugmentation(config)
    for part in (
        "data.augmentation.speeds [0.0]; expected speeds above 0",
        "data.augmentation.noise.probability 1.5; expected 0 to 1",
        "noise.snr [20.0, 5.0]; expected two numbers from -60 to 120, the smaller one first",
        "noise.kinds ['loud']; expected some of white, pink, brown, hum, babble",
        "silence.longest -1.0; expected seconds, 0 or more",
        "gain.peak [-10.0, 3.0]; expected two numbers from -96 to 0",
        "codec.kinds []; expected some of opus, vorbis, mp3",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["no-such-folder", "empty"])
def test_places_without_sound_are_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    place = str(tmp_path / name)
    with pytest.raises(ConfigError, match=rf"data\.augmentation\.noise\.recordings .*{name}"):
        WaveformAugmentation(AugmentationConfig(noise=NoiseConfig(0.1, recordings=place)))
    with pytest.raises(ConfigError, match=rf"data\.augmentation\.reverberation\.responses .*{name}"):
        WaveformAugmentation(AugmentationConfig(reverberation=ReverberationConfig(0.1, responses=place)))
    # What is never drawn need not be there.
    WaveformAugmentation(AugmentationConfig(noise=NoiseConfig(recordings=place)))


def test_a_broken_utterance_in_a_babble_leaves_the_sample_out(
    tone: Callable[..., Path], tmp_path: Path
) -> None:
    utterances = [
        Utterance("good", tone(), 1.0, text="A"),
        Utterance("gone", tmp_path / "gone.wav", 1.0, text="A"),
    ]
    augmentation = WaveformAugmentation(AugmentationConfig(noise=NoiseConfig(1.0, kinds=("babble",))))
    dataset = SpeechDataset(
        utterances,
        build_tokenizer(TokenizerConfig(alphabet="A"), []),
        sample_rate=RATE,
        augmentation=augmentation,
        tolerant=True,
    )
    errors = [dataset[SampleKey(0, epoch)].error for epoch in range(4)]
    assert all(not error or ("utt good: " in error and "gone.wav" in error) for error in errors)
    assert any(errors)
    assert replace(AugmentationConfig(), speeds=(1.0,)).longest(2.0) == 2.0
