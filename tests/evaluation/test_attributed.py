"""Who said it counts: cpWER and tcpWER against meeteval's own examples and counting by hand."""

import json
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.errors import EvaluationError, UsageError
from asr.evaluation.attributed import SessionScore, score_speakers
from asr.evaluation.formats import read_segments
from asr.evaluation.formats.nist import Segment
from asr.evaluation.normalisation import find_normaliser
from asr.evaluation.scoring import ErrorCounts, score
from asr.evaluation.transcript import Transcript

BASIC = find_normaliser("basic")


def said(*speakers: str, session: str = "s") -> list[Segment]:
    """Segments of ten seconds, a speaker each, one after the other."""
    return [
        Segment(
            (session, "1"),
            10.0 * number,
            10.0 * number + 9,
            Transcript(f"u{number}", text, f"line {number}", speaker=f"spk{number}"),
            False,
        )
        for number, text in enumerate(speakers)
    ]


def scored(
    reference: list[Segment],
    hypothesis: list[Segment],
    *,
    collar: float = 5.0,
    missing_as_empty: bool = False,
) -> list[SessionScore]:
    pytest.importorskip("meeteval")
    return score_speakers(
        reference, hypothesis, normaliser=BASIC, collar=collar, missing_as_empty=missing_as_empty
    )


@pytest.mark.parametrize(
    ("reference", "hypothesis", "counts", "missed", "extra"),
    [
        (["a b c", "d e f"], ["a b c", "d e f"], ErrorCounts(hits=6), 0, 0),
        (["a b c", "d e f"], ["d e f", "a b c"], ErrorCounts(hits=6), 0, 0),
        (["a b", "c d"], ["a b", "c d", "e f"], ErrorCounts(hits=4, insertions=2), 0, 1),
        (["a", "b", "c d"], ["a", "b"], ErrorCounts(hits=2, deletions=2), 1, 0),
    ],
)
def test_meeteval_s_examples_of_cp_wer_have_its_figures(
    reference: list[str], hypothesis: list[str], counts: ErrorCounts, missed: int, extra: int
) -> None:
    found = scored(said(*reference), said(*hypothesis))[0].cp
    assert (found.words, found.missed, found.extra) == (counts, missed, extra)
    assert found.speakers == len(reference)


speeches = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=3
)


@settings(max_examples=50, deadline=None)
@given(speeches, speeches)
def test_cp_wer_is_the_best_of_all_assignments(reference: list[str], hypothesis: list[str]) -> None:
    found = scored(said(*reference), said(*hypothesis))[0].cp
    size = max(len(reference), len(hypothesis))
    ours = reference + [""] * (size - len(reference))
    fewest = min(
        score(("u", one, other) for one, other in zip(ours, order, strict=True)).words.errors
        for order in permutations(hypothesis + [""] * (size - len(hypothesis)))
    )
    assert found.words.errors == fewest


def test_time_constrains_what_may_be_the_same_word() -> None:
    early, late = said("hello there"), said("x", "hello there")[1:]
    for collar, errors in ((1.0, 4), (60.0, 0)):
        found = scored(early, late, collar=collar)[0]
        assert found.cp.words.errors == 0
        assert found.tcp.words.errors == errors


def test_sessions_add_up_and_texts_are_normalised() -> None:
    reference = said("A, b!", session="one") + said("c d", session="two")
    hypothesis = said("a b", session="one") + said("c x", "...", session="two")
    one, two, total = scored(reference, hypothesis)
    assert (one.session, two.session, total.session) == ("one", "two", "all")
    assert total.cp.words == one.cp.words + two.cp.words == ErrorCounts(hits=3, substitutions=1)
    assert total.cp.extra == 0
    assert one.assignment == (("spk0", "spk0"),)


def test_sessions_on_one_side_only_are_all_named() -> None:
    reference = said("a", session="one") + said("a", session="two")
    hypothesis = said("a", session="one") + said("a", session="three")
    with pytest.raises(EvaluationError, match="without a reference: three; without a hypothesis: two"):
        scored(reference, hypothesis)
    found = scored(reference, hypothesis[:1], missing_as_empty=True)
    assert found[1].cp.words == ErrorCounts(deletions=1)
    assert found[1].cp.missed == 1


def test_alternatives_ignored_stretches_and_bad_collars_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ref.stm"
    path.write_text("m 1 anna 0 1 { a / b }\nm 1 anna 1 2 (uh) a\n")
    with pytest.raises(EvaluationError, match=r"ref.stm:1, .*ref.stm:2: alternatives or optional words"):
        scored(read_segments(path), said("a", session="m"))
    path.write_text("m 1 anna 0 1 a\nm 1 anna 1 2 IGNORE_TIME_SEGMENT_IN_SCORING\n")
    with pytest.raises(EvaluationError, match=r"ref.stm:2: stretches to be ignored"):
        scored(read_segments(path), said("a", session="m"))
    with pytest.raises(UsageError, match=r"collar -1 s; expected 0 s or more"):
        scored(said("a"), said("a"), collar=-1)
    with pytest.raises(EvaluationError, match="all references are empty"):
        scored(said("..."), said("a"))


def test_without_meeteval_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "meeteval.io", None)
    with pytest.raises(UsageError, match="speaker-attributed scores need meeteval: `pip install"):
        score_speakers(said("a"), said("a"), normaliser=BASIC)


def test_stm_seglst_and_ctm_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "x.stm").write_text("m 1 anna 0.5 2.5 Hello there\nm 1 bob 3 4 yes\n")
    values = [
        {"session_id": "m", "speaker": "anna", "start_time": 0.5, "end_time": 2.5, "words": "Hello there"},
        {"session_id": "m", "speaker": "bob", "start_time": 3, "end_time": 4, "words": "yes"},
    ]
    (tmp_path / "x.json").write_text(json.dumps(values, indent=1))
    (tmp_path / "x.ctm").write_text("m anna 0.5 1 Hello\nm anna 1.5 1 there\nm bob 3 1 yes\n")

    def read(name: str) -> list[tuple[str, str | None, float, float, str]]:
        return [
            (one.recording[0], one.transcript.speaker, one.start, one.end, one.transcript.text)
            for one in read_segments(tmp_path / name)
        ]

    assert read("x.stm") == read("x.json")
    assert read("x.ctm") == [
        ("m", "anna", 0.5, 1.5, "Hello"), ("m", "anna", 1.5, 2.5, "there"), ("m", "bob", 3.0, 4.0, "yes"),
    ]  # fmt: skip
    for name in ("x.json", "x.ctm"):
        found = scored(read_segments(tmp_path / "x.stm"), read_segments(tmp_path / name))[-1]
        assert found.cp.words == found.tcp.words == ErrorCounts(hits=3), name


def test_meeteval_reads_the_same_from_the_files(tmp_path: Path) -> None:
    meeteval = pytest.importorskip("meeteval")
    (tmp_path / "ref.stm").write_text(
        "m 1 anna 0 2 hello there all\nm 1 bob 3 4 yes\nm 1 anna 5 9 we go on\nn 1 bob 0 1 well then\n"
    )
    (tmp_path / "hyp.stm").write_text(
        "m 1 0 0 2 hello here all\nm 1 1 3 4 yes we\nm 1 0 6 9 go on\nm 1 2 9 10 on\nn 1 0 0 1 then well\n"
    )
    ours = scored(read_segments(tmp_path / "ref.stm"), read_segments(tmp_path / "hyp.stm"))
    theirs = meeteval.wer.cpwer(str(tmp_path / "ref.stm"), str(tmp_path / "hyp.stm"))
    timed = meeteval.wer.tcpwer(str(tmp_path / "ref.stm"), str(tmp_path / "hyp.stm"), collar=5)
    assert {item.session: item.cp.words.rate for item in ours[:-1]} == {
        name: rate.error_rate for name, rate in theirs.items()
    }
    assert {item.session: item.tcp.words.errors for item in ours[:-1]} == {
        name: rate.errors for name, rate in timed.items()
    }


def test_all_bad_segments_of_a_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    good = {"session_id": 1, "speaker": 0, "start_time": 0, "end_time": 1, "words": ""}
    path.write_text(json.dumps([good, good | {"end_time": -1}, "x", good | {"words": None, "speaker": " "}]))
    with pytest.raises(EvaluationError) as error:
        read_segments(path)
    assert str(error.value).splitlines() == [
        f"{path}: segment 2: from 0 s to -1 s, which is before",
        f"{path}: segment 3: a JSON str, no object",
        f"{path}: segment 4: speaker is ' ', no name; words is None, no text",
        "expected session_id, speaker, words, start_time, end_time",
    ]
    path.write_text('[{"session_id":')
    with pytest.raises(EvaluationError, match=r"x.json:1: not JSON"):
        read_segments(path)
    path.write_text("[]")
    with pytest.raises(EvaluationError, match=r"no segment in it"):
        read_segments(path)
    (tmp_path / "x.txt").write_text("u1 words\n")
    with pytest.raises(EvaluationError, match=r"of format kaldi, which has no times and speakers"):
        read_segments(tmp_path / "x.txt")


def test_a_session_that_meeteval_does_not_score_is_named() -> None:
    crowd = said(*(["a"] * 21), session="crowd")
    with pytest.raises(EvaluationError, match="session crowd: meeteval cannot score it"):
        scored(crowd, crowd)
