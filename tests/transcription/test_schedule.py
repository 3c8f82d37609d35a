"""Batches handed out to workers: longest first, none twice, none lost."""

from pathlib import Path

import pytest

from asr.decoding.hypothesis import Hypothesis
from asr.transcription.batches import Batch
from asr.transcription.pipeline import Outcome
from asr.transcription.recordings import Recording
from asr.transcription.schedule import Schedule
from asr.transcription.transcript import Transcription


def batch(*seconds: float | None, name: str = "r") -> Batch:
    return tuple(
        Recording(f"{name}{number}", Path(f"{name}{number}.wav"), name, length)
        for number, length in enumerate(seconds)
    )


def outcome(recording: Recording) -> Outcome:
    transcription = Transcription("", (), (), recording.duration or 7.0)
    return Outcome(recording, Hypothesis("", (), 0.0), transcription, None)


def names(batches: list[Batch]) -> list[str]:
    return [one.name for batch in batches for one in batch]


def test_the_longest_goes_first_and_what_has_no_length_before_it() -> None:
    batches = [batch(3.0, name="a"), batch(4.0, 4.0, name="b"), batch(None, name="c"), batch(9.0, name="d")]
    schedule = Schedule(batches, tries=3, ahead=0)
    given = [names(schedule.hand_out(worker, workers=4)) for worker in range(5)]
    assert given == [["c0"], ["d0"], ["b0", "b1"], ["a0"], []]


def test_a_worker_has_work_in_store_but_no_more_than_its_share() -> None:
    schedule = Schedule([batch(10.0, name=f"b{n}") for n in range(20)], tries=3, ahead=15)
    # Two at hand are more than 15 s ahead.
    assert len(schedule.hand_out("one", workers=2)) == 2
    assert schedule.hand_out("one", workers=2) == []
    # Three batches for two workers: one each, then the last one to whoever is free.
    schedule = Schedule([batch(10.0, name=f"b{n}") for n in range(3)], tries=3, ahead=100)
    assert [len(schedule.hand_out(worker, workers=2)) for worker in "ab"] == [1, 1]
    schedule = Schedule(
        [batch(10.0, name="a"), *(batch(1.0, name=f"b{n}") for n in range(5))], tries=3, ahead=100
    )
    assert names(schedule.hand_out("one", workers=2)) == ["a0"]  # the long one alone
    assert len(schedule.hand_out("two", workers=2)) >= 2


def test_each_outcome_counts_once_and_a_lost_worker_costs_what_it_was_at() -> None:
    work = [batch(5.0, 5.0, name="a"), batch(4.0, name="b")]
    schedule = Schedule(work, tries=3, ahead=100)
    assert names(schedule.hand_out("one", workers=1)) == ["a0", "a1", "b0"]
    new, seconds = schedule.tell("one", 7.0, [outcome(work[0][0])])
    assert (names([tuple(one.recording for one in new)]), seconds) == (["a0"], 7.0)
    assert schedule.lose("one", "killed") == ([], -2.0)  # 5 of the 7 s have come to something
    # Again, the batch as it was, and alone.
    assert names(schedule.hand_out("two", workers=1)) == ["a0", "a1"]
    assert schedule.hand_out("two", workers=1) == []
    new, seconds = schedule.tell("two", 10.0, [outcome(one) for one in work[0]])
    assert [one.recording.name for one in new] == ["a1"]
    assert seconds == 5.0
    assert not schedule.is_done
    assert names(schedule.hand_out("two", workers=1)) == ["b0"]
    assert len(schedule.tell("two", 4.0, [outcome(work[1][0])])[0]) == 1
    assert schedule.is_done


def test_what_kills_each_worker_is_given_up_and_takes_nothing_with_it() -> None:
    work = [batch(5.0, name="bad"), *(batch(4.0, name=f"good{n}") for n in range(3))]
    schedule = Schedule(work, tries=3, ahead=100)
    done, given_up = [], []
    for worker in range(20):
        given = schedule.hand_out(worker, workers=1)
        if not given:
            break
        if "bad0" in names(given):
            given_up += schedule.lose(worker, "out of memory")[0]
            continue
        while given:
            done += schedule.tell(worker, 0.0, [outcome(one) for batch in given for one in batch])[0]
            given = schedule.hand_out(worker, workers=1)
            if "bad0" in names(given):
                given_up += schedule.lose(worker, "out of memory")[0]
                break
    assert schedule.is_done
    assert sorted(one.recording.name for one in done) == ["good00", "good10", "good20"]
    [failed] = given_up
    assert failed.recording.name == "bad0"
    with pytest.raises(
        Exception, match="given up after 3 workers were lost with it; the last one: out of memory"
    ):
        failed.result()
