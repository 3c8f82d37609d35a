"""A report holds the same numbers in every rendering, and its page cannot be broken by what it shows."""

import base64
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr.errors import EvaluationError
from asr.evaluation.formats import read_transcripts_pair
from asr.evaluation.noise import estimate_snr
from asr.evaluation.pictures import Seen, TimedLabel, draw_utterance
from asr.evaluation.renderings import as_markdown, as_values
from asr.evaluation.report import Report, build_report
from asr.evaluation.report_folder import read_report_pairs, write_report
from asr.evaluation.scoring import score
from asr.evaluation.transcript import TranscriptPair

NASTY = "</script><b>&\"'|*"
PAIRS = [
    TranscriptPair("a-1", "Hello, World", "hello world", speaker="a", duration=1.0, confidences=(0.9, 0.8)),
    TranscriptPair("a-2", "one two three", "one too", speaker="a", duration=2.0, confidences=(0.7, 0.6)),
    TranscriptPair("b-1", "", "uh huh", speaker="b", duration=0.5),
    TranscriptPair("b-2", "", "", speaker="b", duration=0.5),
    TranscriptPair("c-1 (x)", NASTY + " end", "</script> end", speaker="c", fields={"accent": NASTY}),
]


@pytest.fixture
def report() -> Report:
    return build_report(
        PAIRS, title=f"Title {NASTY}", settings={"model": NASTY}, vocabulary=["Hello", "one"], resamples=500
    )


def page_data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="text/plain" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(gzip.decompress(base64.b64decode(found[1]))))


def test_headline_is_normalised_and_raw_stands_beside(report: Report) -> None:
    assert report.result.normaliser.name == "basic"
    assert report.raw is not None
    assert report.result.score.utterances[0].words.errors == 0
    assert report.raw.score.utterances[0].words.errors == 2
    values = as_values(report)
    assert values["wer"] == report.result.score.wer
    assert values["raw"]["wer"] == report.raw.score.wer


def test_hallucinations_are_counted_apart_and_among_the_insertions(report: Report) -> None:
    assert report.result.hallucinations == (2, 1, 2)
    assert report.result.score.words.insertions >= 2
    assert "2 words recognised on 1 of 2 empty references" in as_markdown(report)


def test_confidences_of_words_that_a_normaliser_changed_are_left_out() -> None:
    pairs = [TranscriptPair("u", "a b", "a-b c", confidences=(0.5, 0.6))]
    assert build_report(pairs, title="", settings={}).calibration is None
    raw = build_report(pairs, title="", settings={}, normaliser="none").calibration
    assert raw is not None
    assert raw.words == 2


def test_worst_utterances_come_first_and_right_ones_not_at_all(report: Report) -> None:
    errors = [report.result.score.utterances[index].words.errors for index in report.worst()]
    assert errors == sorted(errors, reverse=True)
    assert 0 not in errors
    assert len(report.worst(1)) == 1


def test_folder_holds_everything_and_its_files_give_the_same_counts(report: Report, tmp_path: Path) -> None:
    page = write_report(tmp_path, report, version="1")
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.html", "report.json", "report.md", "utterances.tsv", "ref.trn", "hyp.trn",
    }  # fmt: skip
    assert page == tmp_path / "report.html"
    references, hypotheses = read_transcripts_pair(tmp_path / "ref.trn", tmp_path / "hyp.trn")
    again = score((one.id, one.text, two.text) for one, two in zip(references, hypotheses, strict=True))
    assert again.words == report.result.score.words
    assert [item.id for item in references] == [pair.id for pair in PAIRS]
    values = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert values["result"]["words"]["insertions"] == report.result.score.words.insertions


def test_report_is_read_back_as_it_was_spelled(report: Report, tmp_path: Path) -> None:
    write_report(tmp_path, report)
    found = read_report_pairs(tmp_path)
    assert [(item.id, item.reference, item.hypothesis, item.speaker) for item in found] == [
        (pair.id, pair.reference, pair.hypothesis, pair.speaker) for pair in PAIRS
    ]
    with pytest.raises(EvaluationError, match=r"no utterances.tsv in it"):
        read_report_pairs(tmp_path / "elsewhere")


def test_table_has_a_row_an_utterance_and_no_stray_tabs(tmp_path: Path) -> None:
    pairs = [TranscriptPair("u\t1", "a\tb", "a\nb", fields={"note": "x\ty"})]
    write_report(tmp_path, build_report(pairs, title="", settings={}, resamples=10))
    header, row = (tmp_path / "utterances.tsv").read_text("utf-8").splitlines()
    assert len(header.split("\t")) == len(row.split("\t"))
    assert row.startswith("u 1\t")


def test_page_needs_no_network_and_escapes_what_it_shows(report: Report, tmp_path: Path) -> None:
    page = write_report(tmp_path, report, pictures={"a-2": b"png"}, audio={"a-2": NASTY}).read_text("utf-8")
    assert not re.search(r'(?:src|href)\s*=\s*["\'](?!#|data:)', page)
    assert "url(" not in page
    assert "@import" not in page
    assert NASTY not in page
    assert len(re.findall(r"</script>", page)) == 3
    assert json.loads(re.search(r'id="media">(.*?)</script>', page, re.DOTALL)[1])["audio"] == {"a-2": NASTY}  # type: ignore[index]


def test_page_data_holds_every_utterance_as_it_was_compared(report: Report, tmp_path: Path) -> None:
    data = page_data(write_report(tmp_path, report).read_text("utf-8"))
    assert data["id"] == [pair.id for pair in PAIRS]
    for index, utterance in enumerate(report.result.score.utterances):
        assert data["reference"][index] == utterance.reference
        same = data["hypothesis"][index] == 0
        assert (data["reference"][index] if same else data["hypothesis"][index]) == utterance.hypothesis
        assert data["operations"][index] in (utterance.operations, "")
    assert data["raw_reference"][0] == "Hello, World"
    speaker = data["fields"]["speaker"]
    assert [speaker["values"][index] for index in speaker["index"]] == ["a", "a", "b", "b", "c"]
    assert data["worst"] == report.worst()


def test_markdown_escapes_the_signs_of_tables(report: Report) -> None:
    for line in as_markdown(report).splitlines():
        if line.startswith("| "):
            assert re.sub(r"\\\|", "", line).count("|") in (3, 5, 10)


def test_evaluation_knows_neither_models_nor_training() -> None:
    program = (
        "import sys, pkgutil, importlib, asr.evaluation as room\n"
        "for found in pkgutil.walk_packages(room.__path__, 'asr.evaluation.'): importlib.import_module(found.name)\n"
        "print(sorted(name for name in ('torch', 'torchaudio', 'lightning', 'librosa', 'matplotlib', 'asr.model',"
        " 'asr.decoding', 'asr.transcription') if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("wanted", [0.0, 5.0, 15.0, 30.0])
def test_signal_to_noise_ratio_of_a_made_up_recording_is_found(wanted: float) -> None:
    generator = np.random.default_rng(1)
    speech = generator.normal(0, 0.1, 32000)
    speech[: 32000 // 2] = 0  # half of it is a pause
    noise = generator.normal(0, 0.1 * 10 ** (-wanted / 20), 32000)
    found = estimate_snr(speech + noise, sample_rate=16000)
    assert found == pytest.approx(wanted, abs=1.6)


def test_signal_to_noise_ratio_of_silence_is_unknown() -> None:
    assert estimate_snr(np.zeros(16000), sample_rate=16000) is None
    assert estimate_snr(np.ones(100), sample_rate=16000) is None


def test_picture_is_a_png_with_and_without_an_emission() -> None:
    generator = np.random.default_rng(0)
    waveform = generator.normal(0, 0.1, 16000).astype(np.float32)
    logits = generator.normal(0, 3, (25, 6))
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    alone = draw_utterance(Seen(waveform, 16000))
    whole = draw_utterance(
        Seen(
            waveform,
            16000,
            log_probs=log_probs,
            tokens=["<blank>", " ", "a", "$", "c", "d"],
            seconds_per_frame=0.04,
            reference=[TimedLabel("$a_b^", 0.1, 0.4)],
            hypothesis=[TimedLabel("abc", 0.1, 0.5)],
        )
    )
    for picture in (alone, whole):
        assert picture.startswith(b"\x89PNG")
    width, height = (int.from_bytes(whole[at : at + 4], "big") for at in (16, 20))
    assert height > int.from_bytes(alone[20:24], "big")
    assert width < 2000


def test_names_of_files_that_are_not_utf8_and_fields_too_large_for_a_float_are_reported(
    tmp_path: Path,
) -> None:
    pairs = [
        TranscriptPair(f"caf\udce9-{number}", "a", "a", fields={"n": 10**400 + number}) for number in range(2)
    ]
    write_report(tmp_path, build_report(pairs, title="", settings={}, resamples=10))
    assert len(read_report_pairs(tmp_path)) == 2
