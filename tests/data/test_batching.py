from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.data.augmentation import AugmentationConfig, WaveformAugmentation, change_speed
from asr.data.batching import BucketBatchSampler, Sample, SampleKey, SpeechDataset, collate
from asr.data.manifest import Utterance
from asr.data.tokenizer import TokenizerConfig, build_tokenizer
from asr.errors import ConfigError, TrainingError, TranscriptError

DURATIONS = st.lists(st.floats(0.1, 20.0), min_size=1, max_size=60)


@settings(deadline=None)
@given(DURATIONS, st.integers(0, 3), st.booleans(), st.integers(1, 4))
def test_each_utterance_is_in_one_batch_within_the_budget(
    durations: list[float], epoch: int, shuffle: bool, world_size: int
) -> None:
    if len(durations) < world_size:
        return
    samplers = [
        BucketBatchSampler(
            durations,
            seconds_per_batch=25.0,
            utterances_per_batch=7,
            shuffle=shuffle,
            rank=rank,
            world_size=world_size,
        )
        for rank in range(world_size)
    ]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    try:
        len(samplers[0])
    except ConfigError as error:
        assert "of one utterance each cannot be shared evenly" in str(error)  # noqa: PT017
        assert world_size > 1
        return
    batches = [list(sampler) for sampler in samplers]
    assert len({len(ours) for ours in batches}) == 1, "every rank has equally many batches"
    assert [len(sampler) for sampler in samplers] == [len(ours) for ours in batches]
    flat = [batch for ours in batches for batch in ours]
    seen = sorted(key.number for batch in flat for key in batch)
    assert seen == list(range(len(durations)))
    for batch in flat:
        assert 1 <= len(batch) <= 7
        assert len(batch) * max(durations[key.number] for key in batch) <= 25.0
        assert {key.epoch for key in batch} == {epoch}


def sampler_of(durations: list[float], **options: object) -> BucketBatchSampler:
    return BucketBatchSampler(durations, seconds_per_batch=30.0, utterances_per_batch=8, **options)  # type: ignore[arg-type]


def test_epochs_differ_and_repeat_with_the_seed() -> None:
    durations = list(np.linspace(1, 10, 50))

    def batches(seed: int, epoch: int) -> list[list[SampleKey]]:
        sampler = sampler_of(durations, seed=seed)
        sampler.set_epoch(epoch)
        return [[key.number for key in batch] for batch in sampler]

    assert batches(1, 3) == batches(1, 3)
    assert batches(1, 3) != batches(1, 4)
    assert batches(1, 3) != batches(2, 3)


def test_the_very_first_batch_is_the_most_costly() -> None:
    durations = list(np.random.default_rng(0).uniform(1, 10, 80))
    sampler = sampler_of(durations)
    costs = [len(batch) * max(durations[key.number] for key in batch) for batch in sampler]
    assert costs[0] == max(costs)


def test_batches_hold_little_padding() -> None:
    durations = np.random.default_rng(0).uniform(1, 10, 500)
    sampler = sampler_of(list(durations))
    padded = sum(len(batch) * max(durations[key.number] for key in batch) for batch in sampler)
    assert padded < 1.2 * durations.sum()


def test_an_utterance_over_the_budget_is_an_error_and_not_left_out() -> None:
    with pytest.raises(ConfigError, match=r"lasts 31.0 s, data.seconds_per_batch is 30.0"):
        sampler_of([1.0, 31.0])


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


def test_ranks_of_a_step_get_batches_of_like_length_and_cost() -> None:
    durations = np.random.default_rng(1).uniform(0.5, 17.0, 2000)
    sampler = BucketBatchSampler(
        durations, seconds_per_batch=40, utterances_per_batch=12, seed=1, world_size=4
    )
    batches = sampler.batches(1)
    costs = np.array([len(batch) * durations[batch].max() for batch in batches]).reshape(-1, 4)
    assert costs.max(axis=1).sum() < 1.05 * costs.mean(axis=1).sum()
