"""Stretches against a plain loop, and the windows' stitching."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asr.decoding.emission import Emission, join
from asr.errors import UsageError
from asr.transcription.stretches import Activity, StretchRules, cut_stretches
from asr.transcription.windows import stitch

quick = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

RATE, STEP = 100, 10


def stretches(speech: list[bool], rules: StretchRules, *, pieces: list[int]) -> list[tuple[int, int]]:
    """First and last sample of each stretch of a waveform that counts its own samples."""
    waveform = np.arange(len(speech) * STEP, dtype=np.float32)
    borders = [0, *pieces, len(speech)]

    def detect(blocks):
        for low, high in itertools.pairwise(borders):
            for _ in range(high - low):
                next(blocks)
            yield Activity(np.array(speech[low:high], dtype=bool), STEP)

    blocks = (waveform[at : at + STEP] for at in range(0, len(waveform), STEP))
    found = list(cut_stretches(blocks, lambda tape: detect(iter(tape)), rules=rules, sample_rate=RATE))
    for first, piece in found:
        assert piece.tolist() == list(range(first, first + len(piece)))
    return [(first, first + len(piece)) for first, piece in found]


def test_a_pause_parts_and_margins_are_kept() -> None:
    speech = [False] * 20 + [True] * 10 + [False] * 5 + [True] * 5 + [False] * 10 + [True] * 3 + [False] * 30
    rules = StretchRules(pause=0.8, margin=0.4, longest=30)
    assert stretches(speech, rules, pieces=[]) == [(160, 440), (460, 570)]


@quick
@given(st.lists(st.booleans(), min_size=1, max_size=120), st.data())
def test_stretches_hold_all_speech_and_keep_the_rules(speech: list[bool], data: st.DataObject) -> None:
    pieces = sorted(data.draw(st.sets(st.integers(1, max(1, len(speech) - 1)), max_size=8)))
    pieces = [piece for piece in pieces if piece < len(speech)]
    rules = StretchRules(pause=0.4, margin=0.1, longest=2.0)
    found = stretches(speech, rules, pieces=pieces)
    assert found == stretches(speech, rules, pieces=[])  # whatever the pieces
    covered = np.zeros(len(speech) * STEP, dtype=int)
    for first, last in found:
        covered[first:last] += 1
        assert last - first <= (rules.longest + 2 * rules.margin) * RATE
    assert (covered[np.repeat(speech, STEP)] == 1).all()
    assert covered.max() <= 1  # nothing is heard twice
    quiet = np.array([not any(speech[max(0, at - 1) : at + 2]) for at in range(len(speech))])
    edges = [first for first, _ in found] + [last - 1 for _, last in found]
    # A stretch begins and ends at most a margin away from speech.
    assert not quiet[[edge // STEP for edge in edges]].any()


@pytest.mark.parametrize("wrong", [{"pause": 0.0}, {"margin": 0.9}, {"longest": 0.5}])
def test_rules_that_cannot_be_are_refused(wrong: dict) -> None:
    with pytest.raises(UsageError, match="expected"):
        StretchRules(**wrong)


@quick
@given(st.integers(0, 3000))
def test_stitched_windows_spell_what_the_whole_spells(seed: int) -> None:
    generator = np.random.default_rng(seed)
    frames, margin, window = 97, 6, 20
    whole = np.log(generator.dirichlet(np.full(4, 0.3), size=frames)).astype(np.float32)
    windows = []
    for first in range(0, frames, window):
        left, right = max(0, first - margin), min(frames, first + window + margin)
        windows.append((left, Emission(whole[left:right])))
        if right == frames:
            break
    assert np.array_equal(join(list(stitch(windows, margin=margin))).letters, whole)


def test_windows_are_joined_where_both_hold_for_a_blank() -> None:
    sure, unsure = np.log([0.98, 0.02]), np.log([0.02, 0.98])
    left = np.array([unsure] * 20)
    right = np.array([unsure] * 20)
    left[14] = right[4] = sure  # frame 14 of the whole
    left[:, 1] += 0.5  # to tell them apart
    first, second = stitch([(0, Emission(left)), (10, Emission(right))], margin=5)
    assert len(first) == 14
    assert len(first) + len(second) == 30
