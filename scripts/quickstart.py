"""From a fresh clone to a trained recogniser and its WER report.

python scripts/quickstart.py                 an embedded corpus, synthesised here; about 5 minutes on two cores
python scripts/quickstart.py an4             CMU AN4, downloaded (61 MiB); about 40 minutes
python scripts/quickstart.py an4 ARCHIVE     CMU AN4 from an4_sphere.tar.gz

Python 3.11 to 3.14 and nothing else, on Linux, macOS and Windows.
"""

import argparse
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from environment import ROOT, make_environment, run


def main() -> None:
    """Install, prepare, check, train, evaluate, transcribe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", nargs="?", default="digits", choices=["digits", "an4"])
    parser.add_argument("archive", nargs="?", type=Path)
    arguments = parser.parse_args()
    corpus, archive = arguments.corpus, arguments.archive
    if archive is not None and (corpus != "an4" or not archive.is_file()):
        parser.error(f"{archive}: expected an4 and its archive, such as an4_sphere.tar.gz")

    step("1/6 installing into .venv")
    python = make_environment(".venv", "synthesis")
    asr = [python, "-m", "asr"]

    data = Path("data") / corpus
    step(f"2/6 preparing {data}")
    if corpus == "an4":
        source = ["--download"] if archive is None else [archive.resolve()]
        run([*asr, "prepare", "an4", *source, data])
        audio = min((ROOT / data / "an4" / "wav" / "an4test_clstk").rglob("*.sph"))
    else:
        run([python, Path("scripts") / "synthesize_corpus.py", data])
        run([*asr, "prepare", "folder", data, data])
        audio = ROOT / data / "wav" / "test-0000.wav"

    step("3/6 checking the data")
    config = Path("configs") / f"{corpus}.yaml"
    manifests = [data / f"{split}.jsonl" for split in ("train", "dev", "test")]
    run([*asr, "validate", *manifests, "--config", config])

    folder = Path("runs") / f"quickstart-{corpus}-{datetime.now():%Y%m%d-%H%M%S}"
    step(f"4/6 training into {folder}")
    run([*asr, "train", "--config", config, "--run-dir", folder])

    step("5/6 evaluating on the test set")
    best = folder / "checkpoints" / "best.pt"
    evaluate = [*asr, "evaluate", manifests[-1], "--model", best, "--out", folder / "test"]
    printed = subprocess.run([str(word) for word in evaluate], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    (ROOT / folder / "test.txt").write_bytes(printed.stdout)
    print(printed.stdout.decode("utf-8"), end="", flush=True)
    if printed.returncode:
        sys.exit(printed.returncode)

    step(f"6/6 transcribing {audio}")
    run([*asr, "transcribe", audio, "--model", best])

    print(f"\nWER report:      {ROOT / folder / 'test' / 'report.html'}")
    print(f"training curves: {ROOT / folder / 'curves.png'}")
    print(f"the model:       {ROOT / best}")


def step(title: str) -> None:
    """Say which step begins."""
    print(f"\n== {title}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
