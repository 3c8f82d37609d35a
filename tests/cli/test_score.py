"""`asr score`: exact output, exit codes, and the files it leaves."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.cli import main

REFERENCE = "a-1 the cat sat\na-2 on the mat\nb-1 today\n"
HYPOTHESIS = "a-1 The cat, sat\na-2 on mat\nb-1 to day\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    reference, hypothesis = tmp_path / "ref.txt", tmp_path / "hyp.txt"
    reference.write_text(REFERENCE)
    hypothesis.write_text(HYPOTHESIS)
    return str(reference), str(hypothesis)


def test_prints_both_ways_of_spelling_and_exits_0(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", *files]) == 0
    printed = capsys.readouterr()
    lines = [line.split() for line in printed.out.splitlines()]
    assert lines[0][:3] == ["measure", "(normaliser)", "rate"]
    assert lines[1][:4] == ["WER", "(basic)", "42.86", "%"]
    assert lines[1][-5:] == ["3", "7", "1", "1", "1"]
    assert [line[:2] for line in lines[4:7]] == [["MER", "37.50"], ["WIL", "48.98"], ["WIP", "51.02"]]
    assert lines[7][:4] == ["WER", "(none)", "71.43", "%"]
    assert printed.out.splitlines()[-1] == (
        "normaliser basic, version 1 (Unicode NFC, letter case, punctuation); fewest errors (jiwer), of equal ones NIST "
        "sclite's"
    )
    assert printed.err == ""


def test_fail_above_turns_the_exit_code(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", *files, "--fail-above", "42.9"]) == 0
    assert main(["score", *files, "--fail-above", "42.8"]) == 1
    assert capsys.readouterr().err == "asr: WER 42.86 % is above 42.8 % (hyp.txt: word error rate)\n"


def test_fail_above_speaks_to_github_actions(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["score", *files, "--fail-above", "10"]) == 1
    assert capsys.readouterr().err.startswith("::error title=Word error rate::WER 42.86 % is above 10 %")


def test_markdown_goes_to_stdout_alone(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", *files, "--markdown", "--title", "Nightly", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("## Nightly\n\n| normaliser | measure | rate |")
    assert printed.out.strip() == (tmp_path / "out" / "report.md").read_text().strip()
    assert printed.err == f"report: {tmp_path / 'out' / 'report.html'}\n"


def test_normaliser_and_alignment_are_named_in_the_report(files: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["score", *files, "--out", str(out), "--normaliser", "english", "--alignment", "sclite"]) == 0
    page = (out / "report.html").read_text("utf-8")
    assert "normaliser english" in page
    assert "NIST sclite" in page


def test_vocabulary_gives_errors_in_and_out_of_it(files: tuple[str, str], tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("The cat\nsat on mat\n")
    out = tmp_path / "out"
    assert main(["score", *files, "--out", str(out), "--vocabulary", str(words)]) == 0
    assert "out of vocabulary" in (out / "report.html").read_text("utf-8")


def test_compounds_are_merged_on_request_and_said_everywhere(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["score", *files, "--merge-compounds", "--out", str(out)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "WER (basic) 14.29 %" in printed
    assert "WER, compounds as errors 42.86 % 3 7 1 1 1" in printed
    assert "1 compounds counted as right (reference / hypothesis): today / to day" in printed
    values = json.loads((out / "report.json").read_text())
    assert values["result"]["compounds"]["places"] == [
        {"reference": "today", "hypothesis": "to day", "times": 1}
    ]
    assert values["raw"]["compounds"] is None
    for name in ("report.json", "report.md", "report.html"):
        assert "as kaldialign counts them" in (out / name).read_text("utf-8"), name
        assert "basic, version 1" in (out / name).read_text("utf-8"), name


def test_words_of_a_list_are_counted_by_themselves(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text("The mat\t3.5\nCAT\n\nDog\n")
    out = tmp_path / "out"
    assert main(["score", *files, "--focus", str(tmp_path / "words.txt"), "--out", str(out)]) == 0
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert printed[printed.index("focus said recognised right recall precision F1") + 1 :][:3] == [
        "all 2 1 1 50.00 % 100.00 % 66.67 %",
        "cat 1 1 1 100.00 % 100.00 % 100.00 %",
        "the mat 1 0 0 0.00 % 0.00 %",
    ]
    assert "focus: 1 words of the list neither said nor recognised" in printed
    assert json.loads((out / "report.json").read_text())["focus"]["words"][1]["precision"] is None
    assert "Focus words" in (out / "report.html").read_text("utf-8")
    assert "| the mat | 1 | 0 | 0 |" in (out / "report.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\n", "no word in it; expected a word or phrase a line"),
        ("...\ncat\n?!\n", "nothing is left of '...', '?!'"),
    ],
)
def test_a_list_without_words_is_refused(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    (tmp_path / "words.txt").write_text(content)
    assert main(["score", *files, "--focus", str(tmp_path / "words.txt")]) == 1
    assert message in capsys.readouterr().err


def test_a_pair_is_explained_step_by_step(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", *files, "--explain", "a-1", "--explain", "b-1", "--merge-compounds"]) == 0
    shown = capsys.readouterr().out
    assert shown[shown.index("a-1:") :].splitlines() == [
        "a-1: normaliser basic, version 1 (Unicode NFC, letter case, punctuation)",
        "  reference",
        "    as written: the cat sat",
        "    without effect: Unicode NFC, letters without case, one kind of apostrophe; punctuation dropped",
        "  hypothesis",
        "    as written: The cat, sat",
        "    Unicode NFC, letters without case, one kind of apostrophe: the cat, sat",
        "    punctuation dropped: the cat sat",
        "  counted",
        "    reference  the cat sat",
        "    hypothesis the cat sat",
        "    0 errors in 3 words: 0 substitutions, 0 deletions, 0 insertions",
        "b-1: normaliser basic, version 1 (Unicode NFC, letter case, punctuation)",
        "  reference",
        "    as written: today",
        "    without effect: Unicode NFC, letters without case, one kind of apostrophe; punctuation dropped",
        "  hypothesis",
        "    as written: to day",
        "    without effect: Unicode NFC, letters without case, one kind of apostrophe; punctuation dropped",
        "    compounds as in the reference: today",
        "  counted",
        "    reference  today",
        "    hypothesis today",
        "    0 errors in 1 words: 0 substitutions, 0 deletions, 0 insertions",
    ]


def test_errors_are_marked_in_an_explanation(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", *files, "--explain", "a-2"]) == 0
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "    reference  on the mat",
        "    hypothesis on *** mat",
        "                  D",
        "    1 errors in 3 words: 0 substitutions, 1 deletions, 0 insertions",
    ]


def test_alternatives_are_explained_by_the_reading_that_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ref.trn").write_text("I { can't / Cannot } go (u-1)\n")
    (tmp_path / "hyp.trn").write_text("i cannot go (u-1)\n")
    arguments = ["score", str(tmp_path / "ref.trn"), str(tmp_path / "hyp.trn"), "--explain", "u-1"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "    each run of words normalised by itself: i { can't / cannot } go\n" in shown
    assert "    nearest reading: i cannot go\n" in shown


def test_speakers_are_scored_session_by_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("meeteval")
    (tmp_path / "ref.stm").write_text("m 1 anna 0 2 hello there\nm 1 bob 3 4 yes\nn 1 bob 0 1 well\n")
    (tmp_path / "hyp.ctm").write_text("m 1 0 1 Hello\nm 1 1 1 there\nm 2 3 1 no\nn 1 30 1 well\n")
    files = [str(tmp_path / "ref.stm"), str(tmp_path / "hyp.ctm")]
    assert main(["score", *files, "--speakers", "--out", str(tmp_path / "out")]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:4] == [
        ["m", "2", "0", "0", "3", "33.33", "%", "1", "0", "0", "33.33", "%", "1", "0", "0"],
        ["n", "1", "0", "0", "1", "0.00", "%", "0", "0", "0", "200.00", "%", "0", "1", "1"],
        ["all", "3", "0", "0", "4", "25.00", "%", "1", "0", "0", "75.00", "%", "1", "1", "1"],
    ]
    assert " ".join(lines[4]).startswith("normaliser basic, version 1 (Unicode")
    assert "(collar 5 s)" in " ".join(lines[4])
    values = json.loads((tmp_path / "out" / "speakers.json").read_text())
    assert values["all"]["cpwer"]["rate"] == 0.25
    assert values["settings"]["collar"] == 5.0
    assert values["sessions"][0]["assignment"] == [
        {"reference": "anna", "hypothesis": "1"}, {"reference": "bob", "hypothesis": "2"},
    ]  # fmt: skip
    assert "| m | 2 | 0 | 0 | 3 |" in (tmp_path / "out" / "speakers.md").read_text()
    assert main(["score", *files, "--speakers", "--collar", "60", "--fail-above", "20"]) == 1
    printed = capsys.readouterr()
    assert [line.split()[-1] for line in printed.out.splitlines()[1:4]] == ["0", "0", "0"]
    assert printed.err.startswith("asr: cpWER 25.00 % is above 20 %")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--collar", "5"], "--collar without --speakers"),
        (
            ["--speakers", "--explain", "x", "--merge-compounds"],
            "--merge-compounds, --explain with --speakers",
        ),
    ],
)
def test_options_that_do_nothing_are_refused(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["score", *files, *options]) == 2
    assert message in capsys.readouterr().err


def test_all_unknown_ids_are_named(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", *files, "--explain", "x", "--explain", "a-1", "--explain", "y"]) == 1
    assert capsys.readouterr().err == (
        "asr: --explain: no utterance 'x', 'y' among 3; expected ids such as a-1, a-2, b-1\n"
    )


def test_formats_can_be_given_for_each_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r").write_text("the cat\n\n")
    (tmp_path / "h").write_text("x the cat\ny\n")
    (tmp_path / "ids").write_text("x\ny\n")
    arguments = [
        "score",
        str(tmp_path / "r"),
        str(tmp_path / "h"),
        "--ref-format",
        "lines",
        "--ids",
        str(tmp_path / "ids"),
    ]
    assert main([*arguments, "--hyp-format", "kaldi"]) == 0
    assert "WER (basic) 0.00 %" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.csv", "id,reference,hypothesis\nu1,the cat,the cat\nu2,on a mat,on mat\n"),
        ("results.csv", 'Text,Prediction\nthe cat,the cat\n"on a mat",on mat\n'),
        ("results.tsv", "sentence\tpred\nthe cat\tthe cat\non a mat\ton mat\n"),
    ],
)
def test_one_table_with_both_columns_is_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["score", str(tmp_path / name), "--out", str(tmp_path / "out")]) == 0
    assert "WER (basic) 20.00 %" in " ".join(capsys.readouterr().out.split())
    rows = (tmp_path / "out" / "utterances.tsv").read_text().splitlines()
    assert [row.split("\t")[0] for row in rows[1:]] == (
        ["u1", "u2"] if "id" in content else ["row-1", "row-2"]
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,text\nu,a\n", "column 'text' alone for reference and hypothesis"),
        ("a.csv", "id,text,sentence\nu,a,b\n", "column 'text' alone for reference and hypothesis"),
        ("a.csv", "id,reference\nu,a\n", "no column for a hypothesis among id, reference"),
        ("a.csv", "reference,hypothesis\n", "a.csv: no transcript in it"),
        ("a.csv", "reference;hypothesis\na;b\n", "columns seem to be parted by ';'; expected a comma"),
        ("a.csv", "reference\thypothesis\na\tb\n", "parted by a tab; expected a comma: --format tsv"),
        ("a.trn", "a (u)\n", "one file, of format trn; expected a second one"),
        ("a.tsv", "u1\thello\nu2\tworld\n", "or read its `id<TAB>words` with --format kaldi"),
        ("a.csv", "u1,hello\n", "add one such as id,text"),
    ],
)
def test_one_file_that_is_no_such_table_is_refused_with_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["score", str(tmp_path / name)]) == 1
    assert message in capsys.readouterr().err


def test_a_tsv_without_header_is_read_as_its_error_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tsv").write_text("u1\thello\n")
    (tmp_path / "b.tsv").write_text("u1\thello\n")
    files = [str(tmp_path / "a.tsv"), str(tmp_path / "b.tsv")]
    assert main(["score", *files]) == 1
    assert "--format kaldi" in capsys.readouterr().err
    assert main(["score", *files, "--format", "kaldi"]) == 0


@pytest.mark.parametrize(
    ("reference", "hypothesis", "message"),
    [
        ("a x\nb y\n", "a x\n", "ref.txt:2 (utt b): no hypothesis in"),
        ("a x\n", "a x\nb y\n", "hyp.txt:2 (utt b): no reference in"),
        ("a x\na y\n", "a x\n", "ref.txt:2 (utt a): id already used at"),
        ("a\nb\n", "a x\nb\n", "all 2 references are empty"),
        ("a x\n", "", "hyp.txt: nothing in it"),
    ],
)
def test_input_that_does_not_fit_together_exits_1_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], reference: str, hypothesis: str, message: str
) -> None:
    (tmp_path / "ref.txt").write_text(reference)
    (tmp_path / "hyp.txt").write_text(hypothesis)
    assert main(["score", str(tmp_path / "ref.txt"), str(tmp_path / "hyp.txt")]) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.startswith("asr: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_mixed_encodings_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ref.txt").write_bytes("a café\n".encode() + b"b caf\xe9\n")
    assert main(["score", str(tmp_path / "ref.txt"), str(tmp_path / "ref.txt")]) == 1
    assert "mixes encodings" in capsys.readouterr().err


def test_missing_hypotheses_count_as_deleted_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ref.txt").write_text("a x y\nb z\n")
    (tmp_path / "hyp.txt").write_text("a x y\n")
    arguments = ["score", str(tmp_path / "ref.txt"), str(tmp_path / "hyp.txt"), "--missing", "empty"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert "33.33 %" in capsys.readouterr().out
    assert "1 utterances, counted as empty" in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    "options", [["--audio", "embed"], ["--ids", "x"], ["--normaliser", "german"], ["--fail-above", "ten"]]
)
def test_mistakes_in_the_command_exit_2(files: tuple[str, str], options: list[str]) -> None:
    try:
        code = main(["score", *files, *options])
    except SystemExit as stopped:
        code = stopped.code  # type: ignore[assignment]
    assert code == 2


def test_audio_is_embedded_or_laid_beside_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 8000), 8000)
    manifest, hypotheses = tmp_path / "ref.jsonl", tmp_path / "hyp.jsonl"
    manifest.write_text(
        '{"id": "a", "audio": "a.wav", "start": 0.25, "duration": 0.5, "text": "x"}\n'
        '{"id": "b", "audio": "none.wav", "duration": 0.5, "text": "y"}\n'
    )
    hypotheses.write_text('{"id": "a", "text": "z"}\n{"id": "b", "text": "y"}\n')
    arguments = ["score", str(manifest), str(hypotheses), "--out"]
    assert main([*arguments, str(tmp_path / "one"), "--audio", "embed"]) == 0
    assert "utt b" in capsys.readouterr().err
    page = (tmp_path / "one" / "report.html").read_text("utf-8")
    assert '"a":"data:audio/flac;base64,' in page
    # The one wrong utterance has its spectrogram.
    assert page.count('"data:image/png;base64,') == 1
    assert main([*arguments, str(tmp_path / "two"), "--audio", "files"]) == 0
    assert '"a":"audio/000000.flac"' in (tmp_path / "two" / "report.html").read_text("utf-8")
    info = soundfile.info(tmp_path / "two" / "audio" / "000000.flac")
    assert (info.samplerate, info.duration) == (16000, 0.5)


def test_of_a_call_in_two_channels_each_utterance_plays_its_own(tmp_path: Path) -> None:
    tones = np.stack([np.full(8000, level) for level in (0.1, 0.7)], axis=1)
    soundfile.write(tmp_path / "call.wav", tones, 16000)
    manifest = tmp_path / "call.jsonl"
    manifest.write_text(
        "".join(
            f'{{"id": "{speaker}", "audio": "call.wav", "channel": {channel}, "duration": 0.5, "text": "x"}}\n'
            for channel, speaker in enumerate("ab")
        )
    )
    out = tmp_path / "out"
    assert main(["score", str(manifest), str(manifest), "--out", str(out), "--audio", "files"]) == 0
    for channel, level in enumerate((0.1, 0.7)):
        heard, _ = soundfile.read(out / "audio" / f"00000{channel}.flac")
        assert heard[4000] == pytest.approx(level, abs=1e-3)


def test_audio_without_any_in_the_references_exits_1(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", *files, "--out", str(tmp_path / "out"), "--audio", "files"]) == 1
    assert "no reference has `audio`" in capsys.readouterr().err


def test_more_audio_than_a_page_should_hold_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "ref.jsonl"
    manifest.write_text('{"id": "a", "audio": "a.wav", "duration": 7201, "text": "x"}\n')
    arguments = ["score", str(manifest), str(manifest), "--out", str(tmp_path / "out"), "--audio", "embed"]
    assert main(arguments) == 1
    assert "2.0 h of audio; expected at most 2 h in a page; take --audio files" in capsys.readouterr().err


def test_vocabulary_may_be_a_manifest_and_must_hold_words(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "train.jsonl"
    manifest.write_text('{"id": "a", "text": "THE CAT"}\n')
    assert main(["score", *files, "--vocabulary", str(manifest), "--out", str(tmp_path / "out")]) == 0
    assert "a vocabulary of 2 words" in (tmp_path / "out" / "report.html").read_text("utf-8")
    manifest.write_text('{"id": "a", "text": ""}\n')
    assert main(["score", *files, "--vocabulary", str(manifest)]) == 1
    assert "no word in it" in capsys.readouterr().err
