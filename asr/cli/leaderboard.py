"""A folder of runs -> one page with their error rates and training curves.

  asr leaderboard runs leaderboard.html

Every folder below that holds a metrics.csv is a run; every report.json below is a report, of the run whose
folder it lies in or whose checkpoint it evaluated.
"""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("runs", metavar="RUNS", type=Path, help="a folder of runs and reports")
    parser.add_argument("out", metavar="OUT", type=Path, help="the page to write (.html), or a folder for it")
    parser.add_argument("--title", default="Leaderboard", help="of the page")


def run(arguments: argparse.Namespace) -> int:
    """Write the page; exit 1 when a run or report could not be read."""
    import sys

    import asr
    from asr.cli.console import table
    from asr.evaluation.leaderboard import find_runs, leaderboard_rows, normalisers_note, write_leaderboard

    runs = find_runs(arguments.runs)
    is_page = arguments.out.suffix.lower() in (".html", ".htm")
    page = arguments.out if is_page else arguments.out / "leaderboard.html"
    write_leaderboard(page, runs, title=arguments.title, version=asr.__version__)
    print(table(leaderboard_rows(runs)))
    if note := normalisers_note(runs):
        print(note)
    print(f"leaderboard: {page}")
    troubles = [run.trouble for run in runs if run.trouble]
    for trouble in troubles:
        print(f"asr: {trouble}", file=sys.stderr)
    return 1 if troubles else 0
