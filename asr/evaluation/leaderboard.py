"""A folder of training runs and reports as one table with curves."""

import csv
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asr.errors import EvaluationError
from asr.evaluation.page.charts import Curve, curves_chart
from asr.evaluation.page.markup import escape, fill, packaged, scrolling, table
from asr.evaluation.renderings import percent
from asr.files import write_atomically

_HUES = 8
_NEEDED = ("epoch", "train_loss", "dev_loss", "dev_wer")


class Epoch(NamedTuple):
    """A row of metrics.csv: losses in nats a token, rates as fractions, seconds."""

    epoch: int
    train_loss: float
    dev_loss: float
    dev_wer: float
    dev_cer: float
    learning_rate: float
    seconds: float


class FoundReport(NamedTuple):
    """A report.json.

    Attributes:
        folder: where it lies.
        test: what was scored: the manifest's or the references' name.
        wer: a fraction; NaN when undefined.
        low, high: its 95 % bootstrap interval; None when undefined.
        normaliser: its name and version.
        utterances: how many.
    """

    folder: Path
    test: str
    wer: float
    low: float | None
    high: float | None
    normaliser: str
    utterances: int


class Run(NamedTuple):
    """A training run, a report, or a run with its reports.

    Attributes:
        name: of its folder.
        epochs: rows of metrics.csv; empty without a training.
        parameters: of the model; None when unknown.
        reports: those below its folder, and those that name a model in it.
        trouble: what could not be read; "" when all could.
    """

    name: str
    epochs: Sequence[Epoch]
    parameters: int | None
    reports: Sequence[FoundReport]
    trouble: str

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest dev WER."""
        return min(self.epochs, key=lambda epoch: epoch.dev_wer, default=None)


def find_runs(folder: Path) -> list[Run]:
    """Runs (folders with a metrics.csv) and reports (with a report.json) anywhere below a folder.

    A report belongs to the run whose folder it lies in, or whose checkpoint its settings name; others stand
    for themselves. A run that cannot be read is listed with its trouble.

    Raises:
        EvaluationError: no such folder, or neither run nor report in it.
    """
    if not folder.is_dir():
        raise EvaluationError(f"{folder}: no such folder; expected one of runs")
    places = sorted(path.parent for path in folder.rglob("metrics.csv"))
    reports: dict[Path | None, list[FoundReport]] = {}
    troubles: dict[Path, str] = {}
    for path in sorted(folder.rglob("report.json")):
        try:
            report, model = _read_report(path)
        except EvaluationError as error:
            troubles[path.parent] = str(error)
            continue
        owner = next((place for place in places if path.is_relative_to(place)), None)
        if owner is None and model:
            owner = next(
                (place for place in places if Path(model).resolve().is_relative_to(place.resolve())), None
            )
        reports.setdefault(owner, []).append(report)
    runs = [_run(folder, place, reports.pop(place, [])) for place in places]
    runs += [Run(_name(folder, report.folder), (), None, [report], "") for report in reports.pop(None, [])]
    runs += [Run(_name(folder, place), (), None, [], trouble) for place, trouble in troubles.items()]
    if not runs:
        raise EvaluationError(
            f"{folder}: no metrics.csv and no report.json below it; expected runs or reports"
        )
    return sorted(runs, key=_rank)


def write_leaderboard(path: Path, runs: Sequence[Run], *, title: str, version: str) -> None:
    """Write the page, one self-contained HTML file.

    Raises:
        AsrError: it cannot be written.
    """
    tests = sorted({report.test for run in runs for report in run.reports})
    header = ["run", *tests, "dev WER", "at epoch", "epochs", "dev loss", "parameters", "training"]
    trained = [run for run in runs if run.epochs]
    hues = {run.name: number % _HUES for number, run in enumerate(trained)}
    rows = [_row(run, tests, hues) for run in runs]
    troubles = "".join(f"<p>{escape(run.name)}: {escape(run.trouble)}</p>" for run in runs if run.trouble)
    with write_atomically(path) as file:
        file.write(
            fill(
                "leaderboard.html",
                title=escape(title),
                style=packaged("style.css"),
                board=scrolling("Runs", table([escape(name) for name in header], rows)),
                troubles=troubles,
                curves=_charts(trained, hues),
                footer=f"Written by asr {escape(version)}. Best first: by the WER of the reports, then of the dev set. "
                f"Intervals: 95 %, bootstrap over utterances. {escape(normalisers_note(runs))}".strip(),
            )
        )


def leaderboard_rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """A header and a row a run, for the terminal."""
    tests = sorted({report.test for run in runs for report in run.reports})
    rows: list[tuple[str, ...]] = [("run", *tests, "dev WER", "epochs")]
    for run in runs:
        by_test = {report.test: percent(report.wer) for report in run.reports}
        best = percent(run.best.dev_wer) if run.best else ""
        rows.append(
            (
                run.name,
                *(by_test.get(test, "") for test in tests),
                best,
                str(run.epochs[-1].epoch) if run.epochs else "",
            )
        )
    return rows


def _row(run: Run, tests: Sequence[str], hues: dict[str, int]) -> list[str]:
    key = f'<span class="key hue{hues[run.name]}"></span>' if run.name in hues else ""
    cells = [key + escape(run.name)]
    for test in tests:
        found = [report for report in run.reports if report.test == test]
        cells.append("<br>".join(_rate(report) for report in found))
    best = run.best
    if best is None:
        return [*cells, "", "", "", "", "", ""]
    minutes = sum(epoch.seconds for epoch in run.epochs) / 60
    return [
        *cells,
        percent(best.dev_wer),
        str(best.epoch),
        str(run.epochs[-1].epoch),
        f"{best.dev_loss:.3f}",
        "" if run.parameters is None else f"{run.parameters / 1e6:.2f} M",
        f"{minutes:.1f} min",
    ]


def _rate(report: FoundReport) -> str:
    interval = ""
    if report.low is not None and report.high is not None:
        interval = f" ({100 * report.low:.2f} to {100 * report.high:.2f})"
    return (
        f'<span title="{report.utterances} utterances, normaliser {escape(report.normaliser)}">'
        f"{percent(report.wer)}{interval}</span>"
    )


def _charts(runs: Sequence[Run], hues: dict[str, int]) -> str:
    """One chart a measure, a line a run."""
    if not runs:
        return ""
    charts = []
    for name, title, in_percent in (
        ("dev_wer", "dev WER", True),
        ("dev_cer", "dev CER", True),
        ("train_loss", "training loss, nats a token", False),
        ("dev_loss", "dev loss, nats a token", False),
        ("learning_rate", "learning rate", False),
    ):
        curves = [
            Curve(run.name, [(epoch.epoch, getattr(epoch, name)) for epoch in run.epochs], hues[run.name])
            for run in runs
        ]
        drawn = curves_chart(curves, across="epoch", up=title, percent=in_percent)
        if drawn:
            charts.append(f"<figure><figcaption>{title}</figcaption>{drawn}</figure>")
    legend = "".join(
        f'<li><span class="key hue{hues[run.name]}"></span>{escape(run.name)}</li>' for run in runs
    )
    return f'<ul class="legend">{legend}</ul><div class="columns">{"".join(charts)}</div>'


def normalisers_note(runs: Sequence[Run]) -> str:
    """Which normalisers the rates of the reports are of; "" without reports."""
    counts = Counter(report.normaliser for run in runs for report in run.reports)
    if len(counts) < 2:
        return "".join(f"all reports with normaliser {name}" for name in counts)
    listed = "; ".join(f"{name}: {times}" for name, times in counts.most_common())
    return f"rates of different normalisers, which cannot be compared, by number of reports: {listed}"


def _normaliser(result: Mapping[str, Any]) -> str:
    """Name and version, which reports of earlier days lack."""
    version = result.get("normaliser_version")
    return f"{result['normaliser']}, version {'unknown' if version is None else version}"


def _rank(run: Run) -> tuple[float, float, str]:
    rates = [report.wer for report in run.reports if math.isfinite(report.wer)]
    return (
        min(rates, default=math.inf),
        run.best.dev_wer if run.best else math.inf,
        run.name,
    )


def _run(folder: Path, place: Path, reports: Sequence[FoundReport]) -> Run:
    trouble = ""
    epochs: list[Epoch] = []
    try:
        epochs = _read_metrics(place / "metrics.csv")
    except EvaluationError as error:
        trouble = str(error)
    return Run(_name(folder, place), epochs, _parameters(place / "run.json"), reports, trouble)


def _name(folder: Path, place: Path) -> str:
    return str(place.relative_to(folder)) if place != folder else folder.resolve().name


def _read_metrics(path: Path) -> list[Epoch]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            missing = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
            if missing:
                raise EvaluationError(f"{path}: no column {missing[0]}; expected the metrics of a run")
            return [
                Epoch(
                    int(row["epoch"]),
                    float(row["train_loss"]),
                    float(row["dev_loss"]),
                    float(row["dev_wer"]),
                    float(row.get("dev_cer") or "nan"),
                    float(row.get("learning_rate") or "nan"),
                    float(row.get("seconds") or 0),
                )
                for row in rows
            ]
    except (OSError, ValueError, TypeError) as error:
        raise EvaluationError(f"{path}: not the metrics of a run ({error})") from None


def _parameters(path: Path) -> int | None:
    """The model's size as a run's notes give it; None when there are none that can be read."""
    try:
        notes: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    last = notes[-1] if isinstance(notes, list) and notes else notes
    found = last.get("parameters") if isinstance(last, dict) else None
    return found if isinstance(found, int) else None


def _read_report(path: Path) -> tuple[FoundReport, str]:
    """The report, and the model that its settings name ("" for none)."""
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
        settings = values["settings"]
        interval = values["result"]["wer_interval"] or {}
        wer = values["wer"]
        report = FoundReport(
            path.parent,
            Path(settings.get("manifest") or settings.get("references") or values["title"]).name,
            math.nan if wer is None else float(wer),
            interval.get("low"),
            interval.get("high"),
            _normaliser(values["result"]),
            int(values["utterances"]),
        )
        return report, str(settings.get("model", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path}: not a report that `asr score --out` wrote ({error!r})") from None
