"""Bootstrap intervals against an independent resampling, utterance by utterance."""

import math
import random
import statistics

import pytest

from asr.evaluation.scoring import ErrorCounts
from asr.evaluation.significance import bootstrap_interval, paired_bootstrap


def some_counts(count: int, seed: int) -> list[ErrorCounts]:
    generator = random.Random(seed)
    found = []
    for _ in range(count):
        wrong = min(generator.randint(0, 6), generator.randint(0, 6))
        found.append(
            ErrorCounts(generator.randint(0, 12), wrong, generator.randint(0, 1), generator.randint(0, 1))
        )
    return found


def resampled_rates(units: list[list[ErrorCounts]], *, times: int, seed: int) -> list[float]:
    """Kaldi's compute-wer-bootci, written plainly: draw units with replacement, pool, divide."""
    generator = random.Random(seed)
    rates = []
    for _ in range(times):
        drawn = [count for unit in generator.choices(units, k=len(units)) for count in unit]
        rates.append(sum(count.errors for count in drawn) / sum(count.reference_length for count in drawn))
    return rates


def test_interval_by_utterance_agrees_with_an_independent_resampling() -> None:
    counts = some_counts(150, seed=1)
    rates = resampled_rates([[count] for count in counts], times=4000, seed=2)
    found = bootstrap_interval(counts)
    mean, deviation = statistics.fmean(rates), statistics.pstdev(rates)
    assert found.mean == pytest.approx(mean, abs=0.05 * deviation)
    assert found.deviation == pytest.approx(deviation, rel=0.05)
    assert found.normal == pytest.approx(
        (mean - 1.96 * deviation, mean + 1.96 * deviation), abs=0.15 * deviation
    )
    ordered = sorted(rates)
    assert (found.low, found.high) == pytest.approx((ordered[100], ordered[3900]), abs=0.15 * deviation)


def test_interval_by_speaker_agrees_with_an_independent_resampling_of_speakers() -> None:
    counts = some_counts(120, seed=3)
    speakers = [f"s{number % 8}" for number in range(120)]
    # Some speakers are much harder, so that drawing speakers differs from drawing utterances.
    counts = [
        count + ErrorCounts(substitutions=5) if speaker in ("s0", "s1") else count
        for count, speaker in zip(counts, speakers, strict=True)
    ]
    units = [
        [count for count, speaker in zip(counts, speakers, strict=True) if speaker == name]
        for name in dict.fromkeys(speakers)
    ]
    rates = resampled_rates(units, times=4000, seed=4)
    found = bootstrap_interval(counts, groups=speakers)
    assert found.deviation == pytest.approx(statistics.pstdev(rates), rel=0.05)
    assert found.mean == pytest.approx(statistics.fmean(rates), abs=0.05 * found.deviation)
    assert found.deviation > 1.5 * bootstrap_interval(counts).deviation


def test_deviation_agrees_with_the_formula_for_utterances_of_one_word() -> None:
    counts = [ErrorCounts(substitutions=1)] * 30 + [ErrorCounts(hits=1)] * 70
    found = bootstrap_interval(counts, resamples=20_000)
    assert found.mean == pytest.approx(0.3, abs=0.002)
    assert found.deviation == pytest.approx(math.sqrt(0.3 * 0.7 / 100), rel=0.03)


def test_paired_difference_agrees_with_an_independent_resampling() -> None:
    first = some_counts(100, seed=5)
    second = [
        ErrorCounts(count.hits + 1, count.substitutions - 1, count.deletions, count.insertions)
        if count.substitutions and number % 3 == 0
        else ErrorCounts(
            count.hits, count.substitutions, count.deletions, count.insertions + (number % 10 == 1)
        )
        for number, count in enumerate(first)
    ]
    generator = random.Random(6)
    differences = []
    for _ in range(4000):
        drawn = generator.choices(range(100), k=100)
        length = sum(first[index].reference_length for index in drawn)
        differences.append(sum(first[index].errors - second[index].errors for index in drawn) / length)
    found = paired_bootstrap(first, second)
    assert found.difference.mean == pytest.approx(
        statistics.fmean(differences), abs=0.05 * found.difference.deviation
    )
    assert found.difference.deviation == pytest.approx(statistics.pstdev(differences), rel=0.05)
    assert found.improved == pytest.approx(sum(value > 0 for value in differences) / 4000, abs=0.02)


def test_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    counts = some_counts(50, seed=7)
    assert bootstrap_interval(counts, seed=1) == bootstrap_interval(counts, seed=1)
    assert bootstrap_interval(counts, seed=1) != bootstrap_interval(counts, seed=2)


def test_nothing_to_count_gives_no_interval() -> None:
    assert math.isnan(bootstrap_interval([]).low)
    assert math.isnan(bootstrap_interval([ErrorCounts(insertions=2)]).high)


def test_resamples_of_empty_references_alone_are_drawn_again() -> None:
    found = bootstrap_interval([ErrorCounts(insertions=1), ErrorCounts(hits=1)])
    assert 0 <= found.low <= found.high < float("inf")


def test_different_references_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="different references"):
        paired_bootstrap([ErrorCounts(hits=2)], [ErrorCounts(hits=3)])
