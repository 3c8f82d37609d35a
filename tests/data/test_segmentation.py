"""Cutting utterances at pauses: what the pieces must be, whatever the speech."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.data.segmentation import Segment, SegmentationConfig, cut_at_pauses
from asr.errors import ConfigError

RATE = 16000


def speech(*stretches: tuple[float, float]) -> np.ndarray:
    """Noise: (seconds, amplitude) after each other."""
    generator = np.random.default_rng(0)
    return np.concatenate(
        [generator.normal(size=round(seconds * RATE)) * amplitude for seconds, amplitude in stretches]
    ).astype(np.float32)


def test_cuts_lie_in_the_pauses_nearest_to_the_wanted_length():
    waveform = speech((2, 0.1), (0.3, 0.001), (2, 0.1), (0.3, 0.001), (4, 0.1), (0.4, 0.001), (3, 0.1))
    words = [(0.0, 2.0), (2.3, 4.3), (4.6, 8.6), (9.0, 12.0)]
    segments = cut_at_pauses(waveform, words, sample_rate=RATE, config=SegmentationConfig(seconds=4.0))
    assert [(segment.first, segment.last) for segment in segments] == [(0, 2), (2, 3), (3, 4)]
    assert 4.3 < segments[0].end < 4.6
    assert 8.6 < segments[1].end < 9.0


def test_the_quieter_of_two_pauses_is_taken():
    waveform = speech((3.6, 0.1), (0.4, 0.01), (0.2, 0.1), (0.4, 0.0001), (5, 0.1))
    words = [(0.0, 3.6), (4.0, 4.2), (4.6, 9.6)]
    first, second = cut_at_pauses(waveform, words, sample_rate=RATE)
    assert (first.last, second.first) == (2, 2)
    assert 4.2 < first.end < 4.6


def test_without_a_pause_an_utterance_stays_whole():
    waveform = speech((10, 0.1))
    touching = [(start, start + 1.0) for start in range(10)]
    assert cut_at_pauses(waveform, touching, sample_rate=RATE) == [Segment(0.0, 10.0, 0, 10)]
    loud = [(start + 0.1, start + 0.9) for start in range(10)]  # gaps, in which it is as loud as elsewhere
    waveform[: RATE // 2] = 0.0  # the quietest moment is not in them
    assert cut_at_pauses(waveform, loud, sample_rate=RATE) == [Segment(0.0, 10.0, 0, 10)]


def test_short_utterances_and_single_words_stay_whole():
    waveform = speech((3, 0.1), (1, 0.0), (2, 0.1))
    assert len(cut_at_pauses(waveform, [(0, 3), (4, 6)], sample_rate=RATE)) == 1
    assert len(cut_at_pauses(speech((20, 0.1)), [(5, 6)], sample_rate=RATE)) == 1
    assert len(cut_at_pauses(speech((20, 0.1)), [], sample_rate=RATE)) == 1


def test_digital_silence_is_no_trouble():
    segments = cut_at_pauses(np.zeros(10 * RATE, np.float32), [(0, 4), (5, 10)], sample_rate=RATE)
    assert [segment.last for segment in segments] == [1, 2]


@given(
    lengths=st.lists(st.tuples(st.floats(0.05, 3.0), st.floats(0.0, 1.0)), min_size=1, max_size=25),
    seconds=st.floats(1.5, 6.0),
)
def test_pieces_cover_the_utterance_and_split_no_word(lengths, seconds):
    words, stretches, time = [], [], 0.0
    for spoken, pause in lengths:
        words.append((time, time + spoken))
        stretches += [(spoken, 0.1), (pause, 0.001)]
        time += spoken + pause
    waveform = speech(*stretches)
    config = SegmentationConfig(seconds=seconds, shortest=1.0)
    segments = cut_at_pauses(waveform, words, sample_rate=RATE, config=config)
    assert segments[0].start == 0.0
    assert segments[-1].end == len(waveform) / RATE
    assert (segments[0].first, segments[-1].last) == (0, len(words))
    for left, right in itertools.pairwise(segments):
        assert left.end == right.start
        assert left.last == right.first
        assert words[left.last - 1][1] - 0.011 <= left.end <= words[right.first][0] + 0.011
    assert len(segments) == 1 or min(end - start for start, end, *_ in segments) >= 1.0


@pytest.mark.parametrize("wrong", [{"shortest": 0.0}, {"seconds": 1.0}, {"longer_than": 3.0}])
def test_impossible_lengths_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected 0 < shortest <= seconds <= longer than"):
        SegmentationConfig(**wrong)
