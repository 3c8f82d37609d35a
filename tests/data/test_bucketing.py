"""Which batches there are, who takes them, and how a position in an epoch is gone on from."""

import time
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.data.bucketing import BucketBatchSampler, SampleKey
from asr.errors import CheckpointError, ConfigError

DURATIONS = st.lists(st.floats(0.1, 20.0), min_size=1, max_size=60)


def samplers_of(durations: list[float], world_size: int, **options: object) -> list[BucketBatchSampler]:
    return [
        BucketBatchSampler(
            durations,
            **{"seconds_per_batch": 25.0, "utterances_per_batch": 7, **options},  # type: ignore[arg-type]
            rank=rank,
            world_size=world_size,
        )
        for rank in range(world_size)
    ]


@settings(deadline=None)
@given(DURATIONS, st.integers(0, 3), st.booleans(), st.integers(1, 5), st.booleans())
def test_each_utterance_is_in_one_batch_within_the_budget_and_ranks_have_equally_many(
    durations: list[float], epoch: int, shuffle: bool, world_size: int, sorta_grad: bool
) -> None:
    samplers = samplers_of(durations, world_size, shuffle=shuffle, sorta_grad=sorta_grad)
    for sampler in samplers:
        sampler.set_epoch(epoch)
    batches = [list(sampler) for sampler in samplers]
    assert len({len(ours) for ours in batches}) == 1
    assert [len(sampler) for sampler in samplers] == [len(ours) for ours in batches]
    flat = [batch for ours in batches for batch in ours]
    assert sorted(key.number for batch in flat for key in batch) == list(range(len(durations)))
    for batch in filter(None, flat):
        assert len(batch) <= 7
        assert len(batch) * max(durations[key.number] for key in batch) <= 25.0
        assert {key.epoch for key in batch} == {epoch}
    steps = list(zip(*batches, strict=True))
    assert all(any(step) for step in steps), "no step without any utterance"
    assert all(all(step) for step in steps[:-1]), "only the last step may have empty batches"


@settings(deadline=None)
@given(
    DURATIONS,
    st.integers(0, 2),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), max_size=4),
    st.integers(1, 5),
)
def test_an_epoch_goes_on_with_other_ranks_without_repeating_or_dropping(
    durations: list[float], epoch: int, stretches: list[tuple[int, int]], last: int
) -> None:
    seen: Counter[int] = Counter()
    state = None
    for world_size, batches in [*stretches, (last, 10**6)]:
        samplers = samplers_of(durations, world_size)
        for sampler in samplers:
            if state is None:
                sampler.set_epoch(epoch)
            else:
                sampler.load_state_dict(state)
                sampler.set_epoch(epoch)
        done = min(batches, len(samplers[0]))
        assert samplers[0].share(len(samplers[0])) == pytest.approx(1.0)
        for sampler in samplers:
            for batch in list(sampler)[:done]:
                seen.update(key.number for key in batch)
        state = samplers[-1].state_dict(batches_done=done)
    assert seen == Counter(range(len(durations)))


def test_a_position_is_that_of_the_training_and_not_of_the_loader_ahead_of_it() -> None:
    durations = list(np.random.default_rng(0).uniform(1, 10, 200))
    (sampler,) = samplers_of(durations, 1)
    sampler.set_epoch(2)
    whole = list(sampler)
    state = sampler.state_dict(batches_done=5)
    (other,) = samplers_of(durations, 1)
    other.load_state_dict(state)
    assert list(other) == whole[5:]
    assert other.batches_behind == 5
    other.set_epoch(3)
    sampler.set_epoch(3)
    assert list(other) == list(sampler)


def test_a_position_in_changed_data_is_an_error_and_between_epochs_is_none() -> None:
    (sampler,) = samplers_of([1.0, 2.0, 3.0], 1)
    (other,) = samplers_of([1.0, 2.0], 1)
    with pytest.raises(CheckpointError, match=r"2 utterances .*, then 3 utterances"):
        other.load_state_dict(sampler.state_dict(batches_done=1))
    other.load_state_dict(sampler.state_dict(batches_done=0))


def test_epochs_differ_and_repeat_with_the_seed() -> None:
    durations = list(np.linspace(1, 10, 50))

    def batches(seed: int, epoch: int) -> list[list[int]]:
        (sampler,) = samplers_of(durations, 1, seed=seed)
        sampler.set_epoch(epoch)
        return [[key.number for key in batch] for batch in sampler]

    assert batches(1, 3) == batches(1, 3)
    assert batches(1, 3) != batches(1, 4)
    assert batches(1, 3) != batches(2, 3)


@pytest.mark.parametrize("sorta_grad", [False, True])
def test_the_first_step_has_the_most_costly_batch(sorta_grad: bool) -> None:
    durations = list(np.random.default_rng(0).uniform(1, 10, 80))
    samplers = samplers_of(durations, 2, sorta_grad=sorta_grad)

    def cost(batch: list[SampleKey]) -> float:
        return len(batch) * max(durations[key.number] for key in batch)

    costs = [[cost(batch) for batch in sampler] for sampler in samplers]
    assert max(costs[0][0], costs[1][0]) == max(costs[0] + costs[1])


def test_sorta_grad_goes_from_short_to_long_in_the_first_epoch_only() -> None:
    durations = list(np.random.default_rng(0).uniform(1, 10, 300))
    (sampler,) = samplers_of(durations, 1, sorta_grad=True)

    def longest() -> list[float]:
        return [max(durations[key.number] for key in batch) for batch in sampler][1:]

    assert longest() == sorted(longest())
    sampler.set_epoch(1)
    assert longest() != sorted(longest())


def test_ranks_of_a_step_get_batches_of_like_length_and_cost() -> None:
    durations = np.random.default_rng(1).uniform(0.5, 17.0, 2000)
    (sampler, *_) = samplers_of(list(durations), 4, seconds_per_batch=40.0, utterances_per_batch=12, seed=1)
    sampler.set_epoch(1)
    costs = np.array([len(batch) * durations[batch].max() for batch in sampler.left()]).reshape(-1, 4)
    assert costs.max(axis=1).sum() < 1.05 * costs.mean(axis=1).sum()


def test_batches_hold_little_padding() -> None:
    durations = np.random.default_rng(0).uniform(1, 10, 500)
    (sampler,) = samplers_of(list(durations), 1, seconds_per_batch=30.0)
    padded = sum(len(batch) * max(durations[key.number] for key in batch) for batch in sampler)
    assert padded < 1.2 * durations.sum()


def test_an_utterance_over_the_budget_is_an_error_and_not_left_out() -> None:
    with pytest.raises(ConfigError, match=r"lasts 31.0 s, data.seconds_per_batch is 25.0"):
        samplers_of([1.0, 31.0], 1)


def test_many_utterances_are_shared_by_sixteen_ranks_in_seconds_and_little_memory() -> None:
    """About 1,700 hours, with LibriSpeech's spread of durations."""
    generator = np.random.default_rng(0)
    durations = np.clip(generator.normal(12.3, 3.8, 500_000), 1.3, 24.5)
    tracemalloc.start()
    began = time.process_time()
    (sampler,) = [
        BucketBatchSampler(durations, seconds_per_batch=600.0, utterances_per_batch=64, rank=5, world_size=16)
    ]
    orders = []
    for epoch in (1, 2):
        sampler.set_epoch(epoch)
        left = sampler.left()
        assert len(left) % 16 == 0
        flat = np.concatenate(left)
        assert len(flat) == 500_000
        assert len(np.unique(flat)) == 500_000
        padded = sum(len(batch) * durations[batch].max() for batch in left)
        assert padded < 1.05 * durations.sum()
        orders.append(left)
    seconds = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 15
    assert peak < 125e6
    # Neighbours of one epoch hardly ever meet again in the next.
    place = np.empty(500_000, dtype=np.int64)
    for number, batch in enumerate(orders[1]):
        place[batch] = number
    again = np.mean([len(batch) - len(np.unique(place[batch])) for batch in orders[0][:2000]])
    assert again < 5.0, "of some forty"
