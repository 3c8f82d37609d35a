"""A text that is to be read: every recognised word is in it, with its times."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.decoding.hypothesis import Word
from asr.errors import WritingError
from asr.transcription.formats import render
from asr.transcription.transcript import Transcription, gather_segments, spoken_words
from asr.transcription.written import write_words
from asr.writing.tagger import Lexicon, Tagger, Written, read_tagger


class Ruled(Tagger):
    """In place of a network: `marks` behind words; a word before a long pause ends a sentence, the next one has a capital."""

    def __init__(self, language: str = "en", **marks: str) -> None:
        super().__init__(Lexicon(("a",), 1, np.zeros(1, np.uint8), {}, language=language), None)  # type: ignore[arg-type]
        object.__setattr__(self, "marks", marks)

    def write(
        self, words: Sequence[str], pauses: np.ndarray | None = None, *, whole: bool = True
    ) -> list[Written]:
        assert pauses is not None
        assert len(pauses) == len(words)
        ends = [not pause < 1 for pause in pauses]
        begins = [True, *ends][: len(words)]
        return [
            Written(
                word.capitalize() if begin else word.lower(),
                self.marks.get(word.lower(), "." if end else ""),  # type: ignore[attr-defined]
            )
            for word, begin, end in zip(words, begins, ends, strict=True)
        ]


def said(text: str, *, pauses: Sequence[float] = ()) -> list[Word]:
    """A word a second, of half a second, and a longer pause behind some."""
    words, start = [], 0.0
    for number, word in enumerate(text.split()):
        words.append(Word(word, start, start + 0.5, 0.9 - 0.01 * number))
        start += 1 + (pauses[number] if number < len(pauses) else 0)
    return words


def written(text: str, tagger: Tagger, **given: Sequence[float]) -> Transcription:
    words = said(text, **given)
    return gather_segments(write_words(words, tagger), duration=60.0)


def test_figures_stand_for_their_words() -> None:
    words = said("IT COSTS TWENTY FIVE DOLLARS TODAY")
    it, costs, money, today = write_words(words, Ruled())
    assert [it.text, costs.text, money.text, today.text] == ["It", "costs", "$25", "today."]
    assert (money.start, money.end, money.confidence) == (2.0, 4.5, pytest.approx(0.86))
    assert money.spoken == tuple(words[2:5])
    assert (today.ends_sentence, costs.ends_sentence) == (True, False)


@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(
            [
                "ONE",
                "TWENTY",
                "FIVE",
                "HUNDRED",
                "DOLLARS",
                "PERCENT",
                "HALF",
                "PAST",
                "AND",
                "A",
                "THE",
                "OH",
                "FIRST",
                "OF",
                "MAY",
                "DOG",
            ]
        ),
        max_size=25,
    ),
    pauses=st.lists(st.floats(0, 3), max_size=25),
)
def test_words_and_times_survive_whatever_is_written(words: list[str], pauses: list[float]) -> None:
    spoken = said(" ".join(words), pauses=pauses)
    transcription = gather_segments(write_words(spoken, Ruled(dog=",")), duration=99.0)
    assert spoken_words(transcription.words) == tuple(spoken)
    assert spoken_words(word for segment in transcription.segments for word in segment.words) == tuple(spoken)
    assert transcription.verbatim == " ".join(words)
    assert transcription.text == " ".join(segment.text for segment in transcription.segments)


def test_segments_are_sentences() -> None:
    text = "WE CAME HOME THEN IT RAINED"
    transcription = written(text, Ruled(home="."), pauses=[0, 0.4])
    assert [segment.text for segment in transcription.segments] == ["We came home.", "then it rained."]
    # A pause of half a second parts bare words, one of two seconds a sentence, too.
    bare = gather_segments(said(text, pauses=[0, 0.4]), duration=60.0)
    assert [segment.text for segment in bare.segments] == text.split()
    long = written(text, Ruled(), pauses=[0, 0, 0, 1.6])
    assert [segment.text for segment in long.segments] == ["We came home then.", "It rained."]


def test_every_format() -> None:
    transcription = written("SHE PAID TWENTY DOLLARS", Ruled())
    assert render(transcription, "txt") == "She paid $20.\n"
    assert "She paid $20." in render(transcription, "srt")
    assert [line.split()[4] for line in render(transcription, "ctm").splitlines() if line[0] != ";"] == [
        "SHE", "PAID", "TWENTY", "DOLLARS",
    ]  # fmt: skip
    grid = render(transcription, "textgrid")
    assert '"She paid $20."' in grid
    assert '"TWENTY"' in grid
    record = json.loads(render(transcription, "json"))
    assert (record["text"], record["verbatim"]) == ("She paid $20.", "SHE PAID TWENTY DOLLARS")
    money = record["segments"][0]["words"][2]
    assert (money["text"], money["start"], money["end"]) == ("$20.", 2.0, 3.5)
    assert [(word["text"], word["start"]) for word in money["spoken"]] == [("TWENTY", 2.0), ("DOLLARS", 3.0)]
    bare = json.loads(render(gather_segments(said("SHE PAID"), duration=9.0), "json"))
    assert "verbatim" not in bare
    assert "spoken" not in bare["segments"][0]["words"][0]


def test_a_tagger_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "en.tagger").write_bytes(b"no tagger")
    with pytest.raises(WritingError, match=r"en\.tagger"):
        read_tagger(tmp_path / "en.tagger")
    with pytest.raises(WritingError, match=r"none\.tagger"):
        read_tagger(tmp_path / "none.tagger")
