"""Runs and reports become one page."""

import json
import re
from pathlib import Path

import pytest

from asr.errors import EvaluationError
from asr.evaluation.leaderboard import find_runs, leaderboard_rows, normalisers_note, write_leaderboard
from asr.evaluation.report import build_report
from asr.evaluation.report_folder import write_report
from asr.evaluation.transcript import TranscriptPair

HEADER = "epoch,train_loss,dev_loss,dev_wer,dev_cer,blank_share,learning_rate,seconds\n"


def make_run(folder: Path, rates: list[float]) -> Path:
    folder.mkdir(parents=True)
    rows = (
        f"{epoch},{3 / epoch},{2 / epoch},{rate},{rate / 2},0.5,0.001,30\n"
        for epoch, rate in enumerate(rates, 1)
    )
    (folder / "metrics.csv").write_text(HEADER + "".join(rows))
    (folder / "run.json").write_text(json.dumps([{"parameters": 1}, {"parameters": 2_500_000}]))
    return folder


def make_report(
    folder: Path, hypothesis: str, settings: dict[str, str], *, normaliser: str = "basic"
) -> None:
    pairs = [TranscriptPair("u", "a b c d", hypothesis)]
    write_report(
        folder, build_report(pairs, title="t", settings=settings, normaliser=normaliser, resamples=50)
    )


def test_runs_are_ranked_with_the_reports_in_their_folder_and_of_their_checkpoint(tmp_path: Path) -> None:
    good, bad = make_run(tmp_path / "good", [0.9, 0.2, 0.3]), make_run(tmp_path / "bad", [0.8, 0.5])
    make_report(good / "test", "a b c d", {"manifest": "data/test.jsonl"})
    make_report(
        tmp_path / "reports",
        "a b",
        {"manifest": "data/test.jsonl", "model": str(bad / "checkpoints" / "best.pt")},
    )
    make_report(tmp_path / "alone", "a b c", {"references": "x/other.trn"})
    runs = find_runs(tmp_path)
    assert [run.name for run in runs] == ["good", "alone", "bad"]
    assert runs[0].best is not None
    assert (runs[0].best.epoch, runs[0].best.dev_wer) == (2, 0.2)
    assert runs[0].parameters == 2_500_000
    assert [report.wer for report in runs[2].reports] == [0.5]
    assert leaderboard_rows(runs)[0] == ("run", "other.trn", "test.jsonl", "dev WER", "epochs")
    assert leaderboard_rows(runs)[1] == ("good", "", "0.00 %", "20.00 %", "3")


def test_normalisers_of_the_reports_are_named_and_so_is_that_they_differ(tmp_path: Path) -> None:
    make_report(tmp_path / "one", "a b", {})
    make_report(tmp_path / "two", "a b", {})
    assert normalisers_note(find_runs(tmp_path)) == "all reports with normaliser basic, version 1"
    make_report(tmp_path / "three", "a b", {}, normaliser="open-asr")
    old = tmp_path / "two" / "report.json"
    values = json.loads(old.read_text())
    del values["result"]["normaliser_version"]
    old.write_text(json.dumps(values))
    runs = find_runs(tmp_path)
    note = normalisers_note(runs)
    assert note.startswith("rates of different normalisers, which cannot be compared")
    for name in ("basic, version 1: 1", "basic, version unknown: 1", "open-asr, version 2026-06: 1"):
        assert name in note
    write_leaderboard(tmp_path / "page.html", runs, title="T", version="1")
    assert note in (tmp_path / "page.html").read_text("utf-8")
    assert normalisers_note([]) == ""


def test_page_draws_a_curve_a_run_with_the_best_at_its_place(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "one", [1.0, 0.5, 0.25])
    make_run(tmp_path / "runs" / "two <b>", [1.0])
    page = tmp_path / "page.html"
    write_leaderboard(page, find_runs(tmp_path / "runs"), title="T", version="1")
    html = page.read_text("utf-8")
    assert "two &lt;b&gt;" in html
    assert "<b>" not in html
    figure = re.search(r"<figcaption>dev WER</figcaption>(.*?)</figure>", html, re.DOTALL)
    assert figure is not None
    points = re.search(r'class="curve hue0"[^>]* d="M([^"]*)"', figure[1])
    assert points is not None
    heights = [float(point.split()[1]) for point in points[1].split("L")]
    # From 100 % at the top, half, and half again: 14 + 250 (1 - rate).
    assert heights == pytest.approx([14, 139, 201.5])
    assert figure[1].count("<circle") == 1


def test_broken_metrics_are_listed_and_stop_nobody_else(tmp_path: Path) -> None:
    make_run(tmp_path / "one", [0.5])
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "metrics.csv").write_text("epoch,loss\n1,2\n")
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "report.json").write_text("{}")
    runs = find_runs(tmp_path)
    troubles = {run.name: run.trouble for run in runs}
    assert troubles["one"] == ""
    assert "two/metrics.csv: no column train_loss" in troubles["two"]
    assert "three/report.json: not a report" in troubles["three"]
    write_leaderboard(tmp_path / "page.html", runs, title="T", version="1")


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"no metrics.csv and no report.json"):
        find_runs(tmp_path)
    with pytest.raises(EvaluationError, match="no such folder"):
        find_runs(tmp_path / "none")
