"""Every format, read back by independent parsers where there are any; the rules of cues as properties."""

import csv
import io
import itertools
import json
import math
import re
import subprocess
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nist import SCLITE, needs_sclite

from asr.decoding.hypothesis import AlignedWord, TimedUnit, Word
from asr.errors import UsageError
from asr.evaluation.formats.nist import read_stm
from asr.transcription.formats import FORMATS, SubtitleRules, render, transcription_record
from asr.transcription.formats.subtitles import make_cues
from asr.transcription.transcript import (
    NOT_IN_TEXT,
    NOT_SPOKEN,
    REPEATED,
    REPEATED_IN_TEXT,
    Misfit,
    Transcription,
    gather_segments,
    merge_channels,
)

quick = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

WORDS = (
    Word("one", 0.25, 0.5, 0.9),
    Word("<two>", 0.6, 1.0, 0.8),
    Word("three", 2.0, 2.5, 0.7),
)
TRANSCRIPTION = gather_segments(WORDS, duration=3.0)
EMPTY = gather_segments([], duration=3.0)


@st.composite
def transcriptions(draw: st.DrawFn) -> Transcription:
    words, at = [], 0.0
    for _ in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from([0.03, 0.06, 0.2, 0.6, 3.0]))
        length = draw(st.sampled_from([0.03, 0.2, 0.9, 9.0]))
        text = draw(st.text("abc-'", min_size=1, max_size=20))
        words.append(Word(text, round(at, 3), round(at + length, 3), 0.5))
        at += length
    return gather_segments(words, duration=at)


rules = st.builds(
    SubtitleRules,
    line_length=st.integers(1, 60),
    lines=st.integers(1, 3),
    shortest=st.floats(0, 2),
    longest=st.floats(2, 10),
    gap=st.floats(0, 0.5),
    pause=st.floats(0.1, 5),
)


def test_a_transcription_is_cut_at_pauses() -> None:
    assert [segment.text for segment in TRANSCRIPTION.segments] == ["one <two>", "three"]
    assert TRANSCRIPTION.text == "one <two> three"
    assert (TRANSCRIPTION.segments[0].start, TRANSCRIPTION.segments[0].end) == (0.25, 1.0)


def test_a_long_segment_is_cut_at_its_widest_gap() -> None:
    words = [Word("a", 0.0, 1.0, 1.0), Word("b", 1.1, 2.0, 1.0), Word("c", 2.3, 3.0, 1.0)]
    parts = gather_segments(words, duration=3.0, pause=5.0, longest=2.5).segments
    assert [part.text for part in parts] == ["a b", "c"]


@quick
@given(transcriptions())
def test_segments_hold_every_word_once(transcription: Transcription) -> None:
    assert tuple(word for segment in transcription.segments for word in segment.words) == transcription.words
    for segment in transcription.segments:
        assert segment.end - segment.start <= 30.0 or len(segment.words) == 1


@quick
@given(transcriptions(), rules)
def test_cues_keep_the_rules(transcription: Transcription, rules: SubtitleRules) -> None:
    cues = make_cues(transcription, rules)
    assert " ".join(" ".join(cue.lines) for cue in cues).split() == transcription.text.split()
    for cue in cues:
        words = " ".join(cue.lines).split()
        assert len(cue.lines) <= rules.lines
        assert all(len(line) <= rules.line_length or " " not in line for line in cue.lines)
        assert cue.end > cue.start
        assert cue.end - cue.start <= rules.longest + 1e-9 or len(words) == 1
    for cue, following in itertools.pairwise(cues):
        assert cue.end <= following.start
        short = cue.end - cue.start < rules.shortest - 1e-9
        # A cue is short, or close to the next, only where the next one's words leave no time.
        assert not short or following.start - cue.end <= max(rules.gap, following.start - cue.start) + 1e-9
        assert following.start - cue.end >= min(rules.gap, (following.start - cue.start) / 2) - 1e-9
    starts = {word.start for word in transcription.words}
    assert all(cue.start in starts for cue in cues)


def test_a_short_cue_stays_for_a_second() -> None:
    cues = make_cues(gather_segments([Word("yes", 1.0, 1.2, 1.0)], duration=2.0), SubtitleRules())
    assert (cues[0].start, cues[0].end) == (1.0, 2.0)


def test_a_cue_spans_a_breath_but_no_pause() -> None:
    words = [Word("one", 0.0, 0.4, 1.0), Word("two", 1.0, 1.4, 1.0), Word("three", 2.5, 3.0, 1.0)]
    cues = make_cues(gather_segments(words, duration=4.0), SubtitleRules())
    assert [cue.lines for cue in cues] == [("one two",), ("three",)]


def spoken(text: str, *, seconds: float = 0.4) -> Transcription:
    words = [Word(one, n * seconds, n * seconds + 0.3, 1.0) for n, one in enumerate(text.split())]
    return gather_segments(words, duration=seconds * len(words) + 1)


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        # As many as fit would leave the last word alone.
        ("aaaa bbbb cccc dddd eeee", ["aaaa bbbb", "cccc dddd eeee"]),
        ("He came. She left the town.", ["He came.", "She left the town."]),
        ("Well then, he left the town", ["Well then,", "he left the town"]),
        ("It is all one. So be it", ["It is all one.", "So be it"]),
    ],
)
def test_cues_end_where_sentences_do_and_hold_no_lone_word(text: str, cues: list[str]) -> None:
    made = make_cues(spoken(text), SubtitleRules(line_length=20, lines=1))
    assert [" ".join(cue.lines) for cue in made] == cues


def test_lines_are_of_like_length() -> None:
    words = [Word(text, i, i + 0.6, 1.0) for i, text in enumerate(["aaaa", "bbbb", "cccc", "dd"])]
    transcription = gather_segments(words, duration=5.0)
    assert make_cues(transcription, SubtitleRules(line_length=15))[0].lines == ("aaaa bbbb", "cccc dd")


@pytest.mark.parametrize(
    "wrong",
    [
        {"line_length": 0},
        {"lines": 0},
        {"shortest": 9.0},
        {"gap": -1.0},
        {"longest": 0.0, "shortest": 0.0},
        {"longest": math.inf, "shortest": math.inf},
    ],
)
def test_impossible_rules_are_refused(wrong: dict) -> None:
    with pytest.raises(UsageError, match="expected"):
        SubtitleRules(**wrong)


@quick
@given(transcriptions())
def test_another_parser_reads_the_subtitles(transcription: Transcription) -> None:
    pysubs2 = pytest.importorskip("pysubs2", reason="pysubs2 is not installed: pip install '.[dev]'")
    for format in ("srt", "vtt"):
        read = pysubs2.SSAFile.from_string(render(transcription, format), format_=format)
        cues = make_cues(transcription, SubtitleRules())
        assert [event.start for event in read] == [round(cue.start * 1000) for cue in cues]
        assert [event.end for event in read] == [round(cue.end * 1000) for cue in cues]
        assert [event.plaintext.split() for event in read] == [" ".join(cue.lines).split() for cue in cues]


def test_subrip_and_webvtt_to_the_letter() -> None:
    assert render(TRANSCRIPTION, "srt") == (
        "1\n00:00:00,250 --> 00:00:01,250\none <two>\n\n2\n00:00:02,000 --> 00:00:03,000\nthree\n"
    )
    assert render(TRANSCRIPTION, "vtt") == (
        "WEBVTT\n\n00:00:00.250 --> 00:00:01.250\none &lt;two&gt;\n\n00:00:02.000 --> 00:00:03.000\nthree\n"
    )


def test_hours_go_on_past_ninety_nine() -> None:
    words = [Word("late", 100 * 3600.0, 100 * 3600.0 + 1.5, 1.0)]
    assert "100:00:00,000 --> 100:00:01,500" in render(gather_segments(words, duration=400_000), "srt")


def test_tables_and_text_to_the_letter() -> None:
    assert render(TRANSCRIPTION, "txt") == "one <two>\nthree\n"
    assert render(TRANSCRIPTION, "tsv") == "start\tend\ttext\n250\t1000\tone <two>\n2000\t2500\tthree\n"
    assert render(TRANSCRIPTION, "ctm", name="a b").splitlines()[0] == "a_b 1 0.250 0.250 one 0.9000"


def test_json_holds_all_of_it() -> None:
    record = json.loads(render(TRANSCRIPTION, "json", name="talk"))
    assert (record["file"], record["duration"], record["text"]) == ("talk", 3.0, TRANSCRIPTION.text)
    assert [segment["id"] for segment in record["segments"]] == [0, 1]
    assert record["segments"][1]["words"] == [{"text": "three", "start": 2.0, "end": 2.5, "confidence": 0.7}]


def test_textgrid_has_a_tier_of_segments_and_one_of_words() -> None:
    text = render(TRANSCRIPTION, "textgrid")
    assert text.count('name = "segments"') == text.count('name = "words"') == 1
    assert text.count('text = "three"') == 2


@pytest.mark.parametrize("format", FORMATS)
def test_silence_renders(format: str) -> None:
    assert isinstance(render(EMPTY, format), str)
    assert "1\n" not in render(EMPTY, format) or format in ("json", "textgrid", "textgrid-short")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match="no format 'doc'; expected txt"):
        render(EMPTY, "doc")


ALIGNED = replace(
    gather_segments(
        [
            AlignedWord(
                'say "A&B"', 0.25, 0.5, 0.9, phones=(TimedUnit("ɛ", 0.25, 0.31), TimedUnit("tʃ", 0.31, 0.5))
            ),
            AlignedWord("two,", 0.6, 1.0, 0.8, phones=(TimedUnit("t", 0.6, 0.7), TimedUnit("u", 0.7, 1.0))),
        ],
        duration=3.0,
    ),
    misfits=(
        Misfit(NOT_IN_TEXT, 1.5, 2.25, ""),
        Misfit(NOT_SPOKEN, 1.0, 3.0, "three four"),
        Misfit(REPEATED, 2.5, 2.75, "two,"),
        Misfit(REPEATED_IN_TEXT, 2.75, 3.0, "two,"),
    ),
)
TIERS = {
    "segments": [(0.25, 1.0, 'say "A&B" two,')],
    "words": [(0.25, 0.5, 'say "A&B"'), (0.6, 1.0, "two,")],
    "phones": [(0.25, 0.31, "ɛ"), (0.31, 0.5, "tʃ"), (0.6, 0.7, "t"), (0.7, 1.0, "u")],
    "not in the text": [(1.5, 2.25, "not in the text"), (2.5, 2.75, "repeated: two,")],
}


@pytest.mark.parametrize("format", ["textgrid", "textgrid-short"])
def test_praatio_reads_the_tiers_of_textgrids_back(tmp_path, format: str) -> None:
    textgrid = pytest.importorskip("praatio.textgrid")
    path = tmp_path / "a.TextGrid"
    path.write_text(render(ALIGNED, format))
    read = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    assert {
        name: [(one.start, one.end, one.label) for one in read.getTier(name).entries]
        for name in read.tierNames
    } == TIERS
    assert read.maxTimestamp == 3.0


@pytest.mark.parametrize("format", ["textgrid", "textgrid-short"])
def test_praat_itself_reads_the_tiers_of_textgrids_back(tmp_path, format: str) -> None:
    parselmouth = pytest.importorskip("parselmouth", reason="praat-parselmouth is not installed")
    path = tmp_path / "a.TextGrid"
    path.write_text(render(ALIGNED, format), encoding="utf-8")
    call = parselmouth.praat.call
    grid = call("Read from file...", str(path))
    assert call(grid, "Get end time") == 3.0
    read = {}
    for tier in range(1, call(grid, "Get number of tiers") + 1):
        labelled = [
            number
            for number in range(1, call(grid, "Get number of intervals...", tier) + 1)
            if call(grid, "Get label of interval...", tier, number)
        ]
        read[call(grid, "Get tier name...", tier)] = [
            (
                call(grid, "Get start time of interval...", tier, number),
                call(grid, "Get end time of interval...", tier, number),
                call(grid, "Get label of interval...", tier, number),
            )
            for number in labelled
        ]
    assert read == TIERS


@needs_sclite
def test_sclite_reads_ctm_and_finds_each_word_in_its_time(tmp_path) -> None:
    words = [WORDS[0], replace(WORDS[1], text="two"), WORDS[2]]
    (tmp_path / "talk.ctm").write_text(render(gather_segments(words, duration=3.0), "ctm", name="talk"))
    # sclite sorts the words of the CTM into the segments of the STM by their times.
    (tmp_path / "talk.stm").write_text(
        "talk 1 anna 0.00 0.55 one\ntalk 1 anna 0.55 1.50 too\ntalk 1 anna 1.50 3.00 three\n"
    )
    subprocess.run(
        [SCLITE, "-r", "talk.stm", "stm", "-h", "talk.ctm", "ctm", "talk", "-o", "sgml"],
        check=True, capture_output=True, cwd=tmp_path,
    )  # fmt: skip
    assert re.findall(
        '^([CSDI]),"?(.*?)"?,"(.*?)",(.*)$', (tmp_path / "talk.ctm.sgml").read_text(), re.MULTILINE
    ) == [
        ("C", "one", "one", "0.250+0.500,0.900000"),
        ("S", "too", "two", "0.600+1.000,0.800000"),
        ("C", "three", "three", "2.000+2.500,0.700000"),
    ]


def test_pympi_reads_the_tiers_of_elan_back(tmp_path) -> None:
    elan = pytest.importorskip("pympi.Elan")
    path = tmp_path / "a.eaf"
    path.write_text(render(ALIGNED, "eaf", name="some & more"))
    read = elan.Eaf(str(path))
    assert {
        name: [
            (start / 1000, end / 1000, text)
            for start, end, text, *_ in sorted(read.get_annotation_data_for_tier(name))
        ]
        for name in read.get_tier_names()
    } == TIERS
    assert read.media_descriptors[0]["MEDIA_URL"] == "some & more"


def test_what_xml_cannot_hold_is_left_out_of_elan() -> None:
    words = tuple(replace(word, text=f"\x0b{word.text}\x00\ufffe\ud800") for word in ALIGNED.words)
    written = render(replace(ALIGNED, words=words), "eaf", name="a\x01")
    read = [value.text for value in ElementTree.fromstring(written).iter("ANNOTATION_VALUE")]
    assert read == [
        value.text
        for value in ElementTree.fromstring(render(ALIGNED, "eaf", name="a")).iter("ANNOTATION_VALUE")
    ]


def test_a_word_without_letters_is_in_no_subtitle() -> None:
    transcription = gather_segments([Word("", 0.0, 0.5, 1.0), Word("a", 3.0, 3.5, 1.0)], duration=5.0)
    assert [cue.lines for cue in make_cues(transcription, SubtitleRules())] == [("a",)]


def test_audacity_labels_are_words_with_tabs() -> None:
    assert render(ALIGNED, "audacity").splitlines() == [
        '0.250000\t0.500000\tsay "A&B"', "0.600000\t1.000000\ttwo,",
    ]  # fmt: skip


def test_csv_has_the_columns_of_the_montreal_forced_aligner() -> None:
    rows = list(csv.DictReader(io.StringIO(render(ALIGNED, "csv", name="anna"))))
    assert rows[0] == {
        "Begin": "0.25",
        "End": "0.5",
        "Label": 'say "A&B"',
        "Type": "words",
        "Speaker": "anna",
    }
    assert [(row["Label"], row["Type"]) for row in rows[2:4]] == [("ɛ", "phones"), ("tʃ", "phones")]


def test_json_holds_phones_and_misfits() -> None:
    record = json.loads(render(ALIGNED, "json"))
    assert record["segments"][0]["words"][1]["phones"][0] == {"text": "t", "start": 0.6, "end": 0.7}
    assert "characters" not in record["segments"][0]["words"][1]
    assert record["misfits"][1] == {"kind": "not spoken", "start": 1.0, "end": 3.0, "text": "three four"}
    assert "misfits" not in json.loads(render(TRANSCRIPTION, "json"))


def test_a_word_of_several_parts_is_one_field_of_ctm() -> None:
    assert render(ALIGNED, "ctm", name="my file").splitlines()[0] == 'my_file 1 0.250 0.250 say_"A&B" 0.9000'


def of_channel(channel: int, *words: Word) -> Transcription:
    return gather_segments([replace(word, channel=channel) for word in words], duration=5.0)


# Two speakers, the second of whom falls into the first one's words.
CALL = merge_channels(
    [
        of_channel(0, Word("how", 0.2, 0.5, 0.9), Word("are", 0.6, 1.0, 0.8), Word("fine", 3.0, 3.5, 0.7)),
        of_channel(1, Word("well", 0.8, 1.2, 0.6), Word("you", 1.8, 2.0, 0.5)),
    ]
)


def test_turns_are_labelled_in_text_and_tables() -> None:
    assert render(CALL, "txt") == "Channel 1: how are\nChannel 2: well you\nChannel 1: fine\n"
    assert render(CALL, "tsv").splitlines()[:2] == ["start\tend\ttext\tchannel", "200\t1000\thow are\t1"]
    assert render(CALL, "audacity").splitlines()[3] == "0.800000\t1.200000\tChannel 2: well"
    rows = list(csv.DictReader(io.StringIO(render(CALL, "csv", name="call"))))
    assert [(row["Label"], row["Speaker"]) for row in rows[2:4]] == [
        ("fine", "Channel 1"),
        ("well", "Channel 2"),
    ]


def test_json_says_the_channel_of_segments_and_words_from_0() -> None:
    segments = json.loads(render(CALL, "json"))["segments"]
    assert [(one["channel"], one["text"]) for one in segments] == [
        (0, "how are"), (1, "well"), (1, "you"), (0, "fine"),
    ]  # fmt: skip
    assert all(word["channel"] == one["channel"] for one in segments for word in one["words"])
    assert [word["channel"] for word in transcription_record(CALL, name="call")["words"]] == [0, 0, 1, 1, 0]
    assert "channel" not in render(TRANSCRIPTION, "json")


def test_pysubs2_reads_the_cues_of_both_channels() -> None:
    pysubs2 = pytest.importorskip("pysubs2", reason="pysubs2 is not installed: pip install '.[dev]'")
    srt = pysubs2.SSAFile.from_string(render(CALL, "srt"), format_="srt")
    assert [(event.start, event.plaintext) for event in srt] == [
        (200, "Channel 1: how are"), (800, "Channel 2: well you"), (3000, "Channel 1: fine"),
    ]  # fmt: skip
    vtt = pysubs2.SSAFile.from_string(render(CALL, "vtt"), format_="vtt")
    assert [(event.start, event.end) for event in vtt] == [(event.start, event.end) for event in srt]
    assert "\n<v Channel 2>well you\n" in render(CALL, "vtt")


@quick
@given(transcriptions(), rules.filter(lambda rules: rules.line_length >= len("Channel 2:")))
def test_labelled_cues_keep_the_rules_too(transcription: Transcription, rules: SubtitleRules) -> None:
    call = of_channel(1, *transcription.words)
    for cue in make_cues(call, rules, labels=True):
        assert cue.lines[0].startswith("Channel")
        # A word too long for what the label leaves of its line has a line for itself.
        assert len(cue.lines) <= rules.lines or len(" ".join(cue.lines).split()) == 3
        assert all(len(line) <= rules.line_length or " " not in line for line in cue.lines)


@pytest.mark.parametrize("format", ["textgrid", "textgrid-short"])
def test_praatio_reads_tiers_of_each_channel(tmp_path, format: str) -> None:
    textgrid = pytest.importorskip("praatio.textgrid")
    path = tmp_path / "call.TextGrid"
    path.write_text(render(CALL, format))
    read = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    assert {
        name: [(one.start, one.end, one.label) for one in read.getTier(name).entries]
        for name in read.tierNames
    } == {
        "Channel 1 - segments": [(0.2, 1.0, "how are"), (3.0, 3.5, "fine")],
        "Channel 1 - words": [(0.2, 0.5, "how"), (0.6, 1.0, "are"), (3.0, 3.5, "fine")],
        "Channel 2 - segments": [(0.8, 1.2, "well"), (1.8, 2.0, "you")],
        "Channel 2 - words": [(0.8, 1.2, "well"), (1.8, 2.0, "you")],
    }


def test_pympi_reads_tiers_of_each_channel(tmp_path) -> None:
    elan = pytest.importorskip("pympi.Elan")
    path = tmp_path / "call.eaf"
    path.write_text(render(CALL, "eaf"))
    read = elan.Eaf(str(path))
    assert [data[2] for data in sorted(read.get_annotation_data_for_tier("Channel 2 - words"))] == [
        "well",
        "you",
    ]


def test_meeteval_scores_the_channels_of_ctm(tmp_path) -> None:
    meeteval = pytest.importorskip("meeteval")
    ctm, stm = tmp_path / "call.ctm", tmp_path / "call.stm"
    ctm.write_text(render(CALL, "ctm", name="call"))
    stm.write_text("call 1 anna 0.1 3.6 how are fine\ncall 2 bob 0.7 2.1 well they\n")
    words = meeteval.io.CTM.load(ctm)
    assert [(word.channel, word.word) for word in words] == [
        ("1", "how"), ("1", "are"), ("1", "fine"), ("2", "well"), ("2", "you"),
    ]  # fmt: skip
    said = [
        {"session_id": "call", "speaker": word.channel, "words": word.word, "start_time": word.begin_time}
        for word in words
    ]
    [score] = meeteval.wer.cpwer(meeteval.io.load(str(stm)), meeteval.io.SegLST(said)).values()
    assert (score.errors, score.length) == (1, 5)


@needs_sclite
def test_sclite_scores_the_channels_of_ctm_and_stm(tmp_path) -> None:
    """Each channel's words against the reference of that channel, and nothing of the other's."""
    (tmp_path / "said.ctm").write_text(render(CALL, "ctm", name="call"))
    (tmp_path / "said.stm").write_text(render(CALL, "stm", name="call"))
    (tmp_path / "reference.stm").write_text(
        "call 1 anna 0.1 3.6 how are fine\ncall 2 bob 0.7 2.1 well they\n"
    )
    for reference, wrong in (("reference.stm", ['S,"they","you"']), ("said.stm", [])):
        subprocess.run(
            [SCLITE, "-r", reference, "stm", "-h", "said.ctm", "ctm", "-o", "sgml", "-n", reference],
            check=True, capture_output=True, cwd=tmp_path,
        )  # fmt: skip
        found = re.findall('([CSDI],".*?",".*?"),', (tmp_path / f"{reference}.sgml").read_text())
        assert len(found) == 5
        assert [word for word in found if word[0] != "C"] == wrong


def test_meeteval_and_our_reader_take_the_channels_of_stm_for_speakers(tmp_path) -> None:
    stm, reference = tmp_path / "call.stm", tmp_path / "reference.stm"
    stm.write_text(render(CALL, "stm", name="my call"))
    reference.write_text("my_call 1 anna 0.1 3.6 how are fine\nmy_call 2 bob 0.7 2.1 well they\n")
    assert [
        (one.recording, one.transcript.speaker, one.start, one.end, one.transcript.text)
        for one in read_stm(stm)
    ] == [
        (("my_call", "1"), "my_call-1", 0.2, 1.0, "how are"),
        (("my_call", "1"), "my_call-1", 3.0, 3.5, "fine"),
        (("my_call", "2"), "my_call-2", 0.8, 1.2, "well"),
        (("my_call", "2"), "my_call-2", 1.8, 2.0, "you"),
    ]
    meeteval = pytest.importorskip("meeteval")
    [score] = meeteval.wer.cpwer(meeteval.io.load(str(reference)), meeteval.io.load(str(stm))).values()
    assert (score.errors, score.length) == (1, 5)
