"""The matched-pairs test on cases worked by hand."""

import math

import pytest

from asr.evaluation.matched_pairs import Segment, cut_segments, matched_pairs


@pytest.mark.parametrize(
    ("first", "second", "segments"),
    [
        ("CCCC", "CCCC", []),
        ("SCCC", "CCCC", [Segment(1, 0)]),
        # One correct word between does not part segments, two do.
        ("SCSC", "CCCC", [Segment(2, 0)]),
        ("SCCS", "CCCC", [Segment(1, 0), Segment(1, 0)]),
        # Both must be right.
        ("SCCS", "CSCC", [Segment(2, 1)]),
        ("CCI", "CC", [Segment(1, 0)]),
        ("CC", "CCII", [Segment(0, 2)]),
        ("ICC", "CC", [Segment(1, 0)]),
        # An insertion between the two good words begins anew.
        ("SCICC", "CCCC", [Segment(2, 0)]),
        ("II", "", [Segment(2, 0)]),
        ("", "", []),
    ],
)
def test_segments_of_an_utterance(first: str, second: str, segments: list[Segment]) -> None:
    assert cut_segments(first, second) == segments


def test_statistic_of_a_hand_made_set() -> None:
    found = matched_pairs([("SCC", "CCC"), ("SCC", "CCC"), ("CCC", "CCS"), ("SSC", "CCC")])
    # Differences 1, 1, -1, 2: mean 0.75, variance (n - 1) 1.5833.
    assert found.segments == 4
    assert found.statistic == pytest.approx(0.75 / math.sqrt(1.58333333 / 4), rel=1e-6)
    assert found.p == pytest.approx(0.2332, abs=1e-4)


def test_swapping_the_systems_changes_the_sign_alone() -> None:
    pairs = [("SCCCI", "CCSC"), ("CSSCC", "CCCCCI"), ("DCC", "CCC")]
    one, other = matched_pairs(pairs), matched_pairs([(second, first) for first, second in pairs])
    assert one.statistic == pytest.approx(-other.statistic)
    assert one.p == pytest.approx(other.p)


def test_equal_systems_do_not_differ() -> None:
    assert matched_pairs([("SCC", "SCC"), ("CCD", "CCD")]).p == 1.0


def test_different_references_are_refused() -> None:
    with pytest.raises(ValueError, match="references of 2 and 3 words"):
        matched_pairs([("CC", "CCC")])
