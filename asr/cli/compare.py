"""Compare systems on the same utterances.

  asr compare reports/small reports/large
  asr compare --ref ref.trn small.trn large.trn larger.trn --out reports/sizes

The systems are folders that `asr score --out` or `asr evaluate` wrote, or, with --ref, files of hypotheses in
any format that `asr score` reads. Every pair is compared: paired bootstrap, matched-pairs test (Gillick &
Cox 1989), words fixed and broken. The systems are ranked, with intervals and with groups that cannot be told apart: by
that test, its p-values corrected for the number of pairs (Holm 1979).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr.errors import UsageError

if TYPE_CHECKING:
    from asr.evaluation.transcript import TranscriptPair


# Of more pairs, the terminal shows the verdicts alone; Markdown and the folder have everything.
_MOST_DETAILED = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    from asr.evaluation.normalisation import NORMALISERS

    parser.add_argument(
        "systems", metavar="SYSTEM", nargs="+", type=Path, help="folder of a report, or hypotheses"
    )
    parser.add_argument(
        "--ref", type=Path, metavar="REF", help="references, where the systems are hypotheses"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for comparison.html, .json and .md")
    parser.add_argument(
        "--normaliser",
        choices=list(NORMALISERS),
        default="basic",
        help="as in `asr score`; default: %(default)s",
    )
    parser.add_argument(
        "--merge-compounds",
        action="store_true",
        help='count "any body" against "anybody" as right, as in `asr score`',
    )
    parser.add_argument("--title", default="Comparison", help="of the page")
    parser.add_argument("--markdown", action="store_true", help="print Markdown instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Compare."""
    import asr
    from asr.cli.console import table
    from asr.evaluation.comparison import System, compare_systems
    from asr.evaluation.comparison_output import (
        as_markdown,
        changed_words,
        details,
        systems_rows,
        write_comparison,
    )
    from asr.evaluation.compounds import MERGED, merge_compounds
    from asr.evaluation.normalisation import find_normaliser
    from asr.evaluation.ranking import groups_note, rank_systems
    from asr.evaluation.scoring import score

    if len(arguments.systems) < 2:
        raise UsageError(f"{len(arguments.systems)} system; expected two or more to compare")
    normaliser = find_normaliser(arguments.normaliser)
    loaded = [_read(path, arguments.ref) for path in arguments.systems]
    systems = [
        System(
            name,
            score(
                (pair.id, pair.reference_as(normaliser.apply), normaliser.apply(pair.hypothesis))
                for pair in pairs
            ),
        )
        for name, pairs in zip(_names(arguments.systems), loaded, strict=True)
    ]
    if arguments.merge_compounds:
        systems = [System(system.name, merge_compounds(system.score)[0]) for system in systems]
    comparisons = compare_systems(systems, speakers=[pair.speaker for pair in loaded[0]])
    ranking = rank_systems(systems, comparisons)
    settings = {
        "systems": ", ".join(str(path) for path in arguments.systems),
        "references": str(arguments.ref) if arguments.ref else "of the reports",
        "normaliser": normaliser.described,
        **({"compounds": MERGED} if arguments.merge_compounds else {}),
    }
    if arguments.markdown:
        print(as_markdown(ranking, comparisons, title=arguments.title, settings=settings))
    else:
        print(table(systems_rows(ranking)))
        print(f"normaliser {normaliser.described}" + (f"; {MERGED}" if arguments.merge_compounds else ""))
        print(f"{groups_note(ranking)}.")
        for comparison in comparisons:
            print(f"\n{comparison.verdict}.")
            if len(comparisons) <= _MOST_DETAILED:
                for name, value in details(comparison):
                    print(f"  {name}: {value}")
            if len(comparisons) == 1 and comparison.words:
                print()
                print(table(changed_words(comparison)[:11]))
    if arguments.out is not None:
        page = write_comparison(
            arguments.out,
            ranking,
            comparisons,
            title=arguments.title,
            settings=settings,
            version=asr.__version__,
        )
        if not arguments.markdown:
            print(f"\ncomparison: {page}")
    return 0


def _read(path: Path, reference: Path | None) -> list["TranscriptPair"]:
    from asr.evaluation.formats import read_transcripts_pair
    from asr.evaluation.report_folder import read_report_pairs
    from asr.evaluation.transcript import pair_transcripts

    if reference is None:
        return read_report_pairs(path)
    references, hypotheses = read_transcripts_pair(reference, path)
    return pair_transcripts(references, hypotheses, reference_name=str(reference), hypothesis_name=str(path))


def _names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart.

    Raises:
        UsageError: the same path twice.
    """
    resolved = [path.resolve() for path in paths]
    if len(set(resolved)) < len(resolved):
        twice = next(path for path, whole in zip(paths, resolved, strict=True) if resolved.count(whole) > 1)
        raise UsageError(f"{twice} is given twice; expected different systems")
    length = 1
    while len({path.parts[-length:] for path in resolved}) < len(resolved):
        length += 1
    return [str(Path(*path.parts[-length:])) for path in resolved]
