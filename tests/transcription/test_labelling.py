"""Pseudo-labels: which transcripts are kept, and how many errors are expected of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from asr.cli import main
from asr.data.manifest import read_manifest
from asr.decoding.hypothesis import Hypothesis, Word
from asr.errors import EvaluationError
from asr.transcription.labelling import Evidence, Labelled, choose, expected_errors, fit_error_model


def evidence(*utterances: tuple[float, int, int]) -> Evidence:
    """Of confidence, errors, words."""
    return Evidence(*(np.array(column, np.float64) for column in zip(*utterances, strict=True)))


def drawn(count: int, seed: int) -> tuple[list[Labelled], Evidence]:
    """Utterances whose words are wrong as often as their confidence says, and what became of them."""
    generator = np.random.default_rng(seed)
    confidences = generator.uniform(0.3, 1.0, count).round(4)
    words = generator.integers(3, 20, count)
    errors = generator.binomial(words, 1 - confidences)
    labelled = [
        Labelled(f"u{n}", " ".join(["A"] * size), sure)
        for n, (size, sure) in enumerate(zip(words, confidences, strict=True))
    ]
    return labelled, Evidence(confidences, errors.astype(np.float64), words.astype(np.float64))


def test_an_utterance_is_as_sure_as_its_words_are_on_average() -> None:
    words = (Word("A", 0.0, 1.0, 0.9), Word("B", 1.0, 2.0, 0.5))
    assert Labelled.of("u", Hypothesis("A B", (), 0.0, words)) == ("u", "A B", 0.7)
    assert Labelled.of("u", Hypothesis("", (), 0.0)) == ("u", "", 0.0)


def test_errors_are_counted_in_words() -> None:
    labelled = [Labelled("a", "ONE TWO", 0.9), Labelled("b", "THREE", 0.2), Labelled("c", "", 0.0)]
    found = Evidence.of(labelled, ["ONE TOO TWO", "THREE", "FOUR"])
    assert found.errors.tolist() == [1, 0, 1]
    assert found.words.tolist() == [3, 1, 1]


def test_the_curve_falls_and_pools_what_is_out_of_order() -> None:
    model = fit_error_model(evidence((0.2, 6, 10), (0.4, 1, 10), (0.6, 3, 10), (0.9, 0, 10), (0.5, 7, 0)))
    assert model([0.2, 0.4, 0.6, 0.9]).tolist() == pytest.approx([0.6, 0.2, 0.2, 0.0])
    assert model([0.0, 0.3, 1.0]).tolist() == pytest.approx([0.6, 0.4, 0.0])
    # Weighted by words; the same confidence is one point.
    model = fit_error_model(evidence((0.5, 0, 30), (0.5, 4, 10), (0.7, 2, 10)))
    assert model([0.5, 0.7]).tolist() == pytest.approx([6 / 50, 6 / 50])


def test_as_many_are_kept_as_meet_the_goal() -> None:
    known = evidence((0.5, 5, 10), (0.7, 2, 10), (0.9, 0, 10))
    labelled = [
        Labelled("a", "A A A A", 0.9),
        Labelled("b", "B B B B", 0.7),
        Labelled("c", "C C", 0.5),
        Labelled("d", "", 0.0),
    ]
    _, expected = expected_errors(labelled, fit_error_model(known))
    assert expected.tolist() == pytest.approx([0.0, 0.1, 0.18])
    choice = choose(labelled, known, goal=0.1)
    assert (choice.threshold, choice.kept, choice.words) == (0.7, 2, 8)
    assert choice.expected == pytest.approx(0.1)
    assert choice.interval[0] <= 0.1 <= choice.interval[1]
    assert [choice.keeps(one) for one in labelled] == [True, True, False, False]
    assert choose(labelled, known, goal=0.5).kept == 3
    # Two of the same confidence are kept together, or not at all.
    twins = [labelled[0], labelled[1], Labelled("e", "B B B B B B", 0.7)]
    assert choose(twins, known, goal=0.11).kept == 1


def test_what_is_expected_is_what_comes_out() -> None:
    _, known = drawn(400, seed=1)
    labelled, truth = drawn(3000, seed=2)
    choice = choose(labelled, known, goal=0.15)
    kept = np.array([choice.keeps(one) for one in labelled])
    rate = truth.errors[kept].sum() / truth.words[kept].sum()
    assert 300 < choice.kept < 2700
    assert choice.expected <= 0.15
    assert rate == pytest.approx(choice.expected, abs=0.02)
    assert choice.interval[0] - 0.01 < rate < choice.interval[1] + 0.01


def test_a_goal_that_nothing_meets_and_nothing_recognised_are_errors() -> None:
    known = evidence((0.5, 5, 10), (0.9, 3, 10))
    with pytest.raises(EvaluationError, match=r"even the surest .* 30\.0% .* more than 10\.0%; allow more"):
        choose([Labelled("a", "A", 0.95)], known, goal=0.1)
    with pytest.raises(EvaluationError, match="nothing was recognised"):
        choose([Labelled("a", "", 0.0)], known, goal=0.1)
    with pytest.raises(EvaluationError, match="no words in the transcribed utterances"):
        choose([Labelled("a", "A", 0.95)], evidence((0.5, 0, 0)), goal=0.1)


@pytest.fixture
def speech(tone, tmp_path: Path) -> Path:
    """Six recordings without transcript, one with, and one that is gone."""
    lines = [
        {
            "id": f"n{number}",
            "audio": str(tone(f"{number}.wav", seconds=1.0 + 0.2 * number)),
            "duration": 1.0 + 0.2 * number,
        }
        for number in range(6)
    ]
    lines.append({"id": "known", "audio": lines[0]["audio"], "duration": 1.0, "text": "A"})
    (tmp_path / "speech.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    dev = [{**line, "id": f"d{line['id']}", "text": "A B"} for line in lines[:4]]
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(line) + "\n" for line in dev))
    return tmp_path / "speech.jsonl"


def test_the_command_keeps_what_it_is_sure_of_and_goes_on_where_it_was(
    speech: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out.jsonl"
    words = [
        "label",
        str(speech),
        str(out),
        "--dev",
        str(tmp_path / "dev.jsonl"),
        "--model",
        str(tiny_checkpoint),
    ]
    words += ["--device", "cpu", "--wer", "0.999999", "--picture", str(tmp_path / "labels.png")]
    unfinished = tmp_path / "out.jsonl.unfinished"
    # A model of random weights: nearly all of its words are wrong, and at this goal some may be kept or none.
    code = main(words)
    said = capsys.readouterr()
    assert code in (0, 1)
    lines = unfinished.read_text().splitlines() if code else []
    if code:
        assert "even the surest" in said.err or "nothing was recognised" in said.err
        assert len(lines) == 1 + 4 + 6  # nothing of the work is lost
        assert not out.exists()
    monkeypatch.setattr("asr.transcription.labelling.choose", _keep_all)
    assert main(words) == 0
    kept = read_manifest(out)
    assert {one.id for one in kept} <= {f"n{number}" for number in range(6)}
    assert all(one.text and set(one.extras) == {"confidence", "expected_errors", "weight"} for one in kept)
    assert (tmp_path / "labels.png").read_bytes().startswith(b"\x89PNG")
    assert not unfinished.exists()
    assert "utterances, " in capsys.readouterr().out


def _keep_all(labelled, evidence, *, goal):
    from asr.transcription.labelling import Choice

    kept = [one for one in labelled if one.words]
    model = fit_error_model(evidence)
    return Choice(0.0, len(kept), sum(one.words for one in kept), 0.5, (0.4, 0.6), model)


def test_what_was_recognised_is_not_recognised_again(
    speech: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from asr.cli import label

    out = tmp_path / "out.jsonl"
    words = [
        "label",
        str(speech),
        str(out),
        "--dev",
        str(tmp_path / "dev.jsonl"),
        "--model",
        str(tiny_checkpoint),
    ]
    monkeypatch.setattr("asr.transcription.labelling.choose", _keep_all)
    (tmp_path / "5.wav").rename(tmp_path / "gone.wav")
    assert main([*words, "--device", "cpu"]) == 1  # one could not be read: said, and the others kept
    assert "utt n5" in capsys.readouterr().err
    unfinished = tmp_path / "out.jsonl.unfinished"
    before = unfinished.read_text().splitlines()
    unfinished.write_text("\n".join(before) + "\n" + before[-1][:9])  # and a kill while a line was written
    (tmp_path / "gone.wav").rename(tmp_path / "5.wav")
    asked: list[str] = []
    recognise = label._recognise

    def recorded(kind, utterances, recogniser, journal):
        asked.extend(one.id for one in utterances if (kind, one.id) not in journal.done)
        return recognise(kind, utterances, recogniser, journal)

    monkeypatch.setattr(label, "_recognise", recorded)
    assert main([*words, "--device", "cpu"]) == 0
    assert asked == ["n5"]
    # Another way to decode begins anew.
    unfinished.write_text("\n".join(before) + "\n")
    asked.clear()
    assert main([*words, "--device", "cpu", "--decoding", "beam"]) == 0
    assert len(asked) == 4 + 6


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--wer", "0"], "above 0 and below 1"), (["--wer", "10"], "above 0 and below 1")],
)
def test_impossible_goals(
    options: list[str], message: str, speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", str(speech), "out.jsonl", "--dev", str(tmp_path / "dev.jsonl"), *options]) == 2
    assert message in capsys.readouterr().err


def test_manifests_that_fit_not(speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dev = str(tmp_path / "dev.jsonl")
    assert main(["label", dev, "out.jsonl", "--dev", dev]) == 1
    assert "every utterance has a transcript" in capsys.readouterr().err
    blank = tmp_path / "blank.jsonl"
    blank.write_text(speech.read_text(encoding="utf-8").splitlines()[0] + "\n")
    assert main(["label", str(speech), "out.jsonl", "--dev", str(blank)]) == 1
    assert "no transcripts" in capsys.readouterr().err
