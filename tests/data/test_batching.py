from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asr.data.augmentation.config import AugmentationConfig
from asr.data.augmentation.waveform_augmentation import WaveformAugmentation, change_speed
from asr.data.batching import Sample, SpeechDataset, collate
from asr.data.bucketing import SampleKey
from asr.data.manifest import Utterance
from asr.data.tokenizer import TokenizerConfig, build_tokenizer
from asr.errors import AudioError, TrainingError, TranscriptError


def test_collation_pads_with_zeros_and_keeps_the_order() -> None:
    batch = collate(
        [
            Sample(np.ones(3, np.float32), [1], "a"),
            Sample(np.full(5, 2.0, np.float32), [2, 3], "b"),
        ]
    )
    assert batch.waveforms.tolist() == [[1, 1, 1, 0, 0], [2, 2, 2, 2, 2]]
    assert batch.waveform_lengths.tolist() == [3, 5]
    assert batch.tokens.tolist() == [[1, 0], [2, 3]]
    assert batch.token_lengths.tolist() == [1, 2]
    assert batch.ids == ["a", "b"]


def test_augmentation_depends_on_seed_epoch_and_utterance_only(tone: Callable[..., Path]) -> None:
    utterances = [Utterance(str(number), tone(f"{number}.wav"), 1.0, text="A") for number in range(3)]
    augmentation = WaveformAugmentation(AugmentationConfig(speeds=(0.8, 0.9, 1.0, 1.1, 1.2)))

    def lengths(seed: int) -> list[int]:
        dataset = SpeechDataset(
            utterances,
            build_tokenizer(TokenizerConfig(), ["A"]),
            sample_rate=16000,
            augmentation=augmentation,
            seed=seed,
        )
        keys = [SampleKey(number, epoch) for number in range(3) for epoch in range(6)]
        there_and_back = [dataset[key].waveform for key in (*keys, *reversed(keys))]
        for first, again in zip(there_and_back, reversed(there_and_back), strict=True):
            np.testing.assert_array_equal(first, again)
        return [len(waveform) for waveform in there_and_back[: len(keys)]]

    assert len(set(lengths(1))) > 1
    assert lengths(1) != lengths(2)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_changes_duration_and_pitch_together(speed: float) -> None:
    time = np.arange(16000) / 16000
    changed = change_speed(np.sin(2 * np.pi * 500 * time).astype(np.float32), speed, sample_rate=16000)
    assert len(changed) == pytest.approx(16000 / speed, abs=2)
    peak = np.argmax(np.abs(np.fft.rfft(changed))) * 16000 / len(changed)
    assert peak == pytest.approx(500 * speed, abs=2)


def test_transcripts_are_checked_before_training_starts(tone: Callable[..., Path]) -> None:
    tokenizer = build_tokenizer(TokenizerConfig(alphabet="A"), [])
    with pytest.raises(TrainingError, match="utt u: no transcript"):
        SpeechDataset([Utterance("u", tone(), 1.0)], tokenizer, sample_rate=16000)
    with pytest.raises(TranscriptError, match="utt u: character 'B'"):
        SpeechDataset([Utterance("u", tone(), 1.0, text="AB")], tokenizer, sample_rate=16000)


def test_what_cannot_be_read_is_left_out_of_the_batch_and_named(
    tone: Callable[..., Path], tmp_path: Path
) -> None:
    tokenizer = build_tokenizer(TokenizerConfig(alphabet="A"), [])
    utterances = [
        Utterance("good", tone(), 1.0, text="A"),
        Utterance("gone", tmp_path / "gone.wav", 1.0, text="A"),
    ]
    dataset = SpeechDataset(utterances, tokenizer, sample_rate=16000, tolerant=True)
    batch = collate([dataset[SampleKey(number, 0)] for number in (1, 0)])
    assert batch.ids == ["good"]
    assert batch.waveforms.shape == (1, 16000)
    assert batch.unreadable == [f"utt gone: {tmp_path / 'gone.wav'}: no such audio file"]
    nothing = collate([dataset[SampleKey(1, 0)]])
    assert nothing.ids == []
    assert nothing.waveforms.shape[0] == nothing.tokens.shape[0] == len(nothing.token_lengths) == 0
    with pytest.raises(AudioError, match="no such audio file"):
        SpeechDataset(utterances, tokenizer, sample_rate=16000)[SampleKey(1, 0)]
