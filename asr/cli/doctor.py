"""What this machine has for training and transcribing, what clashes, and what to change.

Exit 1 when something would not work at all; advice alone leaves it 0.
"""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("."),
        metavar="DIR",
        help="where runs shall be written; default here",
    )


def run(arguments: argparse.Namespace) -> int:
    """Examine."""
    from asr.training.doctor import examine

    findings = examine(arguments.folder)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = {"fine": " ", "advice": "*", "broken": "!"}[finding.verdict]
        print(f"{mark} {finding.subject:<{width}}  {finding.found}")
        if finding.change:
            print(f"  {'':<{width}}  -> {finding.change}")
    broken = sum(finding.verdict == "broken" for finding in findings)
    advice = sum(finding.verdict == "advice" for finding in findings)
    print(f"{broken} broken (!), {advice} to improve (*)")
    return 1 if broken else 0
