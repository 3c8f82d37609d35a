"""Every format reads back what it says, and names what is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.errors import EvaluationError
from asr.evaluation.formats import read_transcripts, read_transcripts_pair
from asr.evaluation.formats.nist import format_trn, read_trn, unescape_id
from asr.evaluation.formats.reading import detect_format


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


SAME = {
    "a.jsonl": '{"id": "u-1", "text": "hello wörld"}\n\n{"id": "u-2", "text": ""}\n',
    "text": "u-1 hello wörld\nu-2\n",
    "a.txt": "u-1\thello wörld\r\nu-2\r\n",
    "a.trn": ";; comment\nhello wörld (u-1)\n (u-2)\n",
    "trn_by_content": "hello wörld (u-1)\n(u-2)\n",
    "a.csv": 'ID,Text\nu-1,"hello wörld"\nu-2,\n',
    "a.tsv": "utt_id\ttranscript\nu-1\thello wörld\nu-2\t\n",
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_all_formats_read_alike_with_and_without_byte_order_mark(
    tmp_path: Path, name: str, mark: bytes
) -> None:
    found = read_transcripts(write(tmp_path / name, mark + SAME[name].encode()))
    assert [(item.id, item.text) for item in found] == [("u-1", "hello wörld"), ("u-2", "")]


def test_json_lines_keep_speaker_duration_confidences_and_plain_fields(tmp_path: Path) -> None:
    line = (
        '{"id": "u", "text": "a b", "speaker": "s", "duration": 1.5, "audio": "x.wav", "accent": "north", '
        '"snr": 12.5, "list": [1], "words": [{"text": "a", "confidence": 0.5}, {"text": "b", "confidence": 1}]}'
    )
    found = read_transcripts(write(tmp_path / "a.jsonl", line))[0]
    assert (found.speaker, found.duration, found.confidences) == ("s", 1.5, (0.5, 1.0))
    assert found.fields == {"accent": "north", "snr": 12.5}
    assert found.audio == tmp_path / "x.wav"


def test_a_table_with_both_sides_serves_as_either(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,reference,hypothesis,speaker,age\nu,a b,a c,s,30\n")
    references, hypotheses = read_transcripts_pair(path, path)
    assert (references[0].text, hypotheses[0].text) == ("a b", "a c")
    assert references[0].speaker == "s"
    assert references[0].fields == {"age": 30.0}


def test_a_quote_in_a_tsv_cell_is_a_character(tmp_path: Path) -> None:
    found = read_transcripts(write(tmp_path / "a.tsv", 'id\ttext\nu\tsay "hi\nv\tyes\n'))
    assert [item.text for item in found] == ['say "hi', "yes"]


def test_parallel_lines_take_their_ids_from_a_file_or_their_number(tmp_path: Path) -> None:
    path = write(tmp_path / "ref.txt", "a b\n\nc\n")
    ids = write(tmp_path / "ids", "x\ny\nz\n")
    assert [(item.id, item.text) for item in read_transcripts(path, format="lines", ids=ids)] == [
        ("x", "a b"),
        ("y", ""),
        ("z", "c"),
    ]
    assert [item.id for item in read_transcripts(path, format="lines")] == ["line-1", "line-2", "line-3"]


def test_parallel_lines_of_different_number_are_refused(tmp_path: Path) -> None:
    reference, hypothesis = write(tmp_path / "r", "a\nb\n"), write(tmp_path / "h", "a\n")
    with pytest.raises(EvaluationError, match="1 lines, but 2 in"):
        read_transcripts_pair(reference, hypothesis, reference_format="lines", hypothesis_format="lines")
    with pytest.raises(EvaluationError, match="2 lines, but 1 ids"):
        read_transcripts(reference, format="lines", ids=hypothesis)


@given(
    st.text(min_size=1, max_size=12).filter(
        lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text)
    )
)
def test_trn_ids_survive_whatever_they_hold(utterance_id: str) -> None:
    line = format_trn(utterance_id, "a b")
    written = line[line.rindex("(") + 1 : -1]
    assert not set(written) & set("() \t\n")
    assert unescape_id(written) == utterance_id


def test_trn_speaker_is_the_id_up_to_its_first_dash_or_underscore(tmp_path: Path) -> None:
    found = read_trn(write(tmp_path / "a.trn", "a (bob-1)\nb (eve_2-3)\nc (plain)\n"))
    assert [item.speaker for item in found] == ["bob", "eve", None]


STM = """;; comment
show 1 anna 0.0 2.0 <o,f0,female> good morning
show 1 bob 2.0 4.0 how are you
show 1 inter 4.0 5.0 IGNORE_TIME_SEGMENT_IN_SCORING
other A eve 0.0 1.0
"""
CTM = """show 1 0.1 0.4 good 0.9
show 1 2.9 0.3 you 0.5
show 1 1.5 0.4 morning 0.8
show 1 1.9 0.4 how 0.7
show 1 4.2 0.3 noise 0.1
show 1 9.0 0.5 late 0.2
other A 0.2 0.2 uh NA
"""


def test_ctm_words_go_to_the_segment_of_their_midpoint(tmp_path: Path) -> None:
    references, hypotheses = read_transcripts_pair(
        write(tmp_path / "r.stm", STM), write(tmp_path / "h.ctm", CTM)
    )
    assert [item.text for item in references] == ["good morning", "how are you", ""]
    # "how" begins before 2 s and has its midpoint after; "noise" and "late" are nearest to the ignored segment and go with it.
    assert [item.text for item in hypotheses] == ["good morning", "how you", "uh"]
    assert hypotheses[0].confidences == (0.9, 0.8)
    assert hypotheses[2].confidences is None
    assert references[0].fields == {"labels": "o,f0,female"}
    assert references[0].speaker == "anna"


@pytest.mark.parametrize(
    ("name", "line"),
    [("a.trn", "a {} b (u)"), ("a.stm", "f 1 s 0 1 <o> a {} b"), ("a.stm", "f 1 s 0 1 a {} b")],
)
def test_references_may_have_alternatives_and_optional_words(tmp_path: Path, name: str, line: str) -> None:
    for markup in ("{ one / two  }", "(uh)"):
        found = read_transcripts(write(tmp_path / name, line.format(markup)))[0]
        assert found.text == str(found.readings) == f"a {' '.join(markup.split())} b"
    plain = read_transcripts(write(tmp_path / name, line.format("@")))[0]
    assert (plain.text, plain.readings) == ("a b", None)


@pytest.mark.parametrize(
    ("name", "line"),
    [("a.trn", "a { b / c } (u)"), ("a.stm", "f 1 s 0 1 a { b / c }"), ("a.ctm", "f 1 0 1 {b/c}")],
)
def test_hypotheses_have_no_alternatives(tmp_path: Path, name: str, line: str) -> None:
    with pytest.raises(EvaluationError, match=rf"{name}:1: alternatives in .* only references may have"):
        read_transcripts(write(tmp_path / name, line), side="hypothesis")


def test_ctm_words_outside_every_segment_count_at_the_nearest(tmp_path: Path) -> None:
    _, hypotheses = read_transcripts_pair(
        write(tmp_path / "r.stm", "f 1 s 1.0 2.0 a\nf 1 s 5.0 6.0 b\n"),
        write(tmp_path / "h.ctm", "f 1 0.0 0.2 early\nf 1 3.0 0.1 nearer\nf 1 4.0 0.2 later\n"),
    )
    assert [item.text for item in hypotheses] == ["early nearer", "later"]


def test_ctm_words_of_an_unknown_recording_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"file g channel 1: word 'a' at .* but no segment"):
        read_transcripts_pair(
            write(tmp_path / "r.stm", "f 1 s 0 1 a\n"), write(tmp_path / "h.ctm", "g 1 0 1 a\n")
        )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            '{"id": "u", "text": "a"}\n{"id": 7, "text": "b"}',
            r"a.jsonl:2: id is 7; expected a string",
        ),
        ("a.jsonl", "[1]", r"a.jsonl:1: got a JSON list; expected an object"),
        ("a.jsonl", '{"id": "u"', r"a.jsonl:1: not JSON"),
        ("a.jsonl", '{"id": "u"}', r"a.jsonl:1 \(utt u\): text is missing"),
        (
            "a.jsonl",
            '{"id": "u", "text": "a", "words": [{"confidence": 1}, {"confidence": 1}]}',
            "2 words with",
        ),
        ("a.trn", "no id here\n", r"a.trn:1: no \(id\) at the end"),
        ("a.trn", "a { b / c (u)\n", "a.trn:1: a { without }"),
        ("a.stm", "f 1 s 0 1 a / c }\n", "a.stm:1: a } without {"),
        ("a.stm", "f 1 s 0\n", "4 columns; expected file channel speaker start end words"),
        ("a.stm", "f 1 s 2 1 a\n", "expected start before end"),
        ("a.ctm", "f 1 x 1 a\n", "time 'x'; expected a number"),
        ("a.ctm", "f 1 inf 1 a\n", "time 'inf'; expected a number"),
        ("a.ctm", "f 1 0 -1 a\n", "duration '-1'; expected a number, 0 or more"),
        ("a.ctm", "f 1 0 1 a 7\n", "confidence '7'; expected a number from 0 to 1"),
        ("a.ctm", "f 1 0 1 a nan\n", "confidence 'nan'; expected a number from 0 to 1"),
        ("a.stm", "f 1 s 0 inf a\n", "time 'inf'; expected a number"),
        ("a.csv", "id,text,duration\nu,a,nan\n", "duration 'nan'; expected seconds"),
        ("a.jsonl", '{"id": "u", "text": "a", "duration": NaN}', "duration is nan; expected seconds"),
        (
            "a.jsonl",
            '{"id": "u", "text": "a", "start": 1' + 400 * "0" + "}",
            "start is 10*; expected seconds",
        ),
        ("a.jsonl", '{"id": "u", "text": "a", "audio": "\\u0000"}', "which no file can be called"),
        ("a.jsonl", '{"id": "u", "text": "\\ud800"}', "half a character"),
        ("a.jsonl", "9" * 5000, "a.jsonl:1: not JSON"),
        ("a.jsonl", "{" + '"a":[' * 50_000, "a.jsonl:1: not JSON"),
        ("a.json", "[" * 100_000, "a.json:1: not JSON"),
        (
            "a.json",
            '[{"session_id": "m", "speaker": "a", "words": "b", "start_time": 0, "end_time": 1'
            + 400 * "0"
            + "}]",
            "segment 1: end_time is 10*, no seconds",
        ),
        ("a.csv", "id,words,id\n", "column 'id' stands twice"),
        ("a.csv", "id,colour\nu,a\n", "no column for a reference among id, colour"),
        ("a.csv", "id,text\nu,a,b\n", "a.csv:2: 3 columns; expected 2"),
        ("text", "", "nothing in it"),
        ("a.jsonl", "\n", "no transcript in it"),
        ("a.txt", b"u-1 caf\xe9\n", r"a.txt:1: not UTF-8 \(byte 0xe9 at column 8\)"),
        (
            "a.txt",
            "u-1 café\n".encode() + b"u-2 caf\xe9\n",
            "1 lines before it are UTF-8, so the file mixes encodings",
        ),
        ("a.txt", "u-1 a\n".encode("utf-16"), "UTF-16 text; expected UTF-8"),
        ("a.txt", b"u-1 a\x00b\n", "zero byte"),
    ],
)
def test_broken_input_is_named(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        read_transcripts(write(tmp_path / name, content))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no such file"):
        read_transcripts(tmp_path / "none")
    with pytest.raises(EvaluationError, match="is a folder"):
        read_transcripts(tmp_path)


def test_format_is_told_from_the_name_before_the_content(tmp_path: Path) -> None:
    assert detect_format(write(tmp_path / "a.CSV", "{}")) == "csv"
    assert detect_format(write(tmp_path / "b", '{"id": 1}')) == "jsonl"
