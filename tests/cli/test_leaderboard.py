"""`asr leaderboard`: a page, a table, and an honest exit code."""

from pathlib import Path

import pytest

from asr.cli import main

METRICS = "epoch,train_loss,dev_loss,dev_wer\n1,2.5,2.0,0.75\n2,1.5,1.0,0.5\n"


def test_writes_the_page_and_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "metrics.csv").write_text(METRICS)
    assert main(["leaderboard", str(tmp_path / "runs"), str(tmp_path / "out"), "--title", "Mine"]) == 0
    page = tmp_path / "out" / "leaderboard.html"
    assert capsys.readouterr().out == f"run  dev WER  epochs\none  50.00 %       2\nleaderboard: {page}\n"
    assert "<h1>Mine</h1>" in page.read_text("utf-8")


def test_a_run_that_cannot_be_read_exits_1_with_the_rest_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("one", METRICS), ("two", "x\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.csv").write_text(content)
    page = tmp_path / "page.html"
    assert main(["leaderboard", str(tmp_path), str(page)]) == 1
    assert "two/metrics.csv: no column epoch" in capsys.readouterr().err
    assert page.is_file()


def test_a_folder_without_runs_exits_1(tmp_path: Path) -> None:
    assert main(["leaderboard", str(tmp_path), str(tmp_path / "page.html")]) == 1
