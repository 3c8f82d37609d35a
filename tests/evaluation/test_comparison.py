"""Which system is better, by how much, and what changed."""

import json
from pathlib import Path

import pytest

from asr.errors import EvaluationError
from asr.evaluation.comparison import System, compare_systems, holm
from asr.evaluation.comparison_output import as_markdown, write_comparison
from asr.evaluation.ranking import rank_systems
from asr.evaluation.scoring import score

REFERENCES = [(f"u{number}", "a b c d e f") for number in range(60)]


def system(name: str, hypothesis_of: dict[int, str], default: str = "a b c d e f") -> System:
    """A system that says `default` but where it is told otherwise."""
    return System(
        name,
        score(
            (key, text, hypothesis_of.get(number, default)) for number, (key, text) in enumerate(REFERENCES)
        ),
    )


def test_a_clearly_better_system_wins_with_its_numbers() -> None:
    bad = system("A", dict.fromkeys(range(0, 60, 2), "a x c d e f"))
    good = system("B", {0: "a x c d e f"})
    (found,) = compare_systems([bad, good], resamples=2000)
    assert found.difference == pytest.approx(29 / 360)
    assert found.fixed == 29
    assert found.broken == 0
    assert found.p < 0.001
    assert found.verdict.startswith("B is better by 8.1 points, 95 % interval ")
    assert found.verdict.endswith("p < 0.001")
    (other,) = compare_systems([good, bad], resamples=2000)
    assert other.verdict.startswith("B is better by 8.1 points")


def test_interval_of_the_verdict_is_of_the_winner_s_gain() -> None:
    bad = system("A", dict.fromkeys(range(0, 60, 2), "a x c d e f"))
    good = system("B", {})
    (one,), (other,) = compare_systems([bad, good]), compare_systems([good, bad])
    assert one.verdict == other.verdict
    assert "interval -" not in one.verdict


def test_a_small_difference_is_not_called_one() -> None:
    (found,) = compare_systems([system("A", {0: "a b c"}), system("B", {1: "x b c d e f"})], resamples=500)
    assert found.verdict.startswith("No difference shown between A and B: B is better by 0.6 points")


def test_equal_systems_are_said_to_be_equal() -> None:
    (found,) = compare_systems([system("A", {0: "a"}), system("B", {1: "a"})], resamples=500)
    assert "have the same WER" in found.verdict


def test_words_fixed_and_broken_and_insertions_are_counted() -> None:
    first = system("A", {0: "a x c d e f", 1: "a b c d e f g", 2: "a b c d e"})
    second = system("B", {1: "a b c d e f h", 2: "a b c d e", 3: "a y c d e f"})
    (found,) = compare_systems([first, second], resamples=100)
    assert [(change.word, change.fixed, change.broken) for change in found.words] == [("b", 1, 1)]
    assert (found.dropped, found.added) == (1, 1)
    assert [(change.first.id, change.gain) for change in found.utterances] == [("u0", 1), ("u3", -1)]


def test_three_systems_give_three_corrected_comparisons() -> None:
    systems = [
        system(name, dict.fromkeys(range(0, 60, step), "a x c d e f"))
        for name, step in (("A", 2), ("B", 3), ("C", 30))
    ]
    found = compare_systems(systems, resamples=200)
    assert [(item.first.name, item.second.name) for item in found] == [("A", "B"), ("A", "C"), ("B", "C")]
    assert all(item.p >= item.test.p for item in found)
    assert [item.p for item in found] == holm([item.test.p for item in found])


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


def test_speakers_give_an_interval_of_their_own() -> None:
    first = system("A", dict.fromkeys(range(10), "x"))
    second = system("B", {})
    (found,) = compare_systems([first, second], speakers=[f"s{number // 10}" for number in range(60)])
    assert found.by_speaker is not None
    assert found.by_speaker.difference.deviation > found.bootstrap.difference.deviation


def test_other_utterances_or_references_cannot_be_compared() -> None:
    whole = system("A", {})
    part = System("B", score((key, text, text) for key, text in REFERENCES[:-2]))
    with pytest.raises(EvaluationError, match="utt u58: in A, but not in B, and 1 more"):
        compare_systems([whole, part])
    with pytest.raises(EvaluationError, match="utt u58: in A, but not in B, and 1 more"):
        compare_systems([part, whole])
    other = System("B", score((key, text.replace("c", "k"), text) for key, text in REFERENCES))
    with pytest.raises(EvaluationError, match="utt u0: reference 'a b c d e f' in A, 'a b k d e f' in B"):
        compare_systems([whole, other])


def test_folder_says_the_same_in_all_three_files(tmp_path: Path) -> None:
    systems = [system("A <1>", {0: "a x c d e f"}), system("B", {})]
    found = compare_systems(systems, resamples=100)
    ranking = rank_systems(systems, found, resamples=100)
    page = write_comparison(tmp_path, ranking, found, title="T <x>", settings={"k": "<v>"}, version="1")
    values = json.loads((tmp_path / "comparison.json").read_text("utf-8"))
    assert values["comparisons"][0]["verdict"] == found[0].verdict
    assert values["comparisons"][0]["words"] == [{"word": "b", "fixed": 1, "broken": 0}]
    html = page.read_text("utf-8")
    assert "A &lt;1&gt;" in html
    assert "A <1>" not in html
    assert "<del>b</del><ins>x</ins>" in html
    assert found[0].verdict in as_markdown(ranking, found, title="T", settings={})
