#!/usr/bin/env python3
"""Does it all hold on a GPU, and how fast is it there? One command, offline, that writes one page.

    python scripts/benchmarks/prove_gpu.py OUT                    # the GPU, on a corpus of tones that it makes itself
    python scripts/benchmarks/prove_gpu.py OUT --manifest train.jsonl
    python scripts/benchmarks/prove_gpu.py OUT --device cpu --tiny   # every line of it, in a minute; the figures mean nothing

Sections (`--only NAME,NAME` for some of them): equality, layers, training, survival, ranks, transcription; what each claims is in
`scripts/benchmarks/proof`, and on the page. Writes OUT/proof.json and OUT/proof.html; exit code 1 where a claim does not hold or a section
ended with an error, which does not stop the others.
"""

import argparse
import dataclasses
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

SECTIONS = ("equality", "layers", "training", "survival", "ranks", "transcription")
_MODULES = {"training": "throughput"}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for proof.json and proof.html")
    parser.add_argument(
        "--manifest", type=Path, help="utterances with transcripts; default: tones that stand for letters"
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--tiny", action="store_true", help="the smallest sizes: to see that it runs")
    parser.add_argument(
        "--only", default=",".join(SECTIONS), metavar="NAME,NAME", help="default: %(default)s"
    )
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"--only {', '.join(unknown)}; expected some of {', '.join(SECTIONS)}")
    if arguments.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # training takes a GPU where it sees one
    return prove(arguments, names)


def prove(arguments: argparse.Namespace, names: list[str]) -> int:
    """Run the sections and write what they found."""
    import torch

    from asr.files import write_atomically
    from proof.corpus import write_chords
    from proof.page import proof_page
    from proof.section import Place

    if arguments.device == "cuda" and not torch.cuda.is_available():
        print(
            "prove_gpu.py: PyTorch sees no GPU here; --device cpu --tiny shows that the proof runs",
            file=sys.stderr,
        )
        return 2
    began = time.monotonic()
    found, troubles = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        manifest = arguments.manifest
        if manifest is None:
            count, longest = (12, 2.0) if arguments.tiny else (2000, 15.0)
            manifest = write_chords(Path(folder), count, longest=longest)
        for name in names:
            print(f"{name} ...", file=sys.stderr, flush=True)
            here = Path(folder) / name
            here.mkdir()
            place = Place(torch.device(arguments.device), arguments.tiny, here, manifest)
            try:
                found[name] = importlib.import_module(f"proof.{_MODULES.get(name, name)}").prove(place)
            except Exception as error:  # the page says which section could not be made, and why
                troubles[name] = f"{type(error).__name__}: {error}"
                print(f"{name}: {troubles[name]}", file=sys.stderr)
    settings = [
        ("device", torch.cuda.get_device_name() if arguments.device == "cuda" else platform.processor() or "CPU"),
        ("number of GPUs", str(torch.cuda.device_count() if arguments.device == "cuda" else 0)),
        ("machine", f"{platform.platform()}, {os.cpu_count()} processors, {torch.get_num_threads()} threads"),
        ("versions", f"Python {platform.python_version()}, torch {torch.__version__}, CUDA {torch.version.cuda}, "
                     f"cuDNN {torch.backends.cudnn.version()}"),
        ("command", " ".join(sys.argv)),
        ("sizes", "tiny: the figures mean nothing" if arguments.tiny else "full"),
        ("corpus", str(arguments.manifest or "tones that stand for letters")),
        ("seconds", f"{time.monotonic() - began:.0f}"),
    ]  # fmt: skip
    record = {
        "settings": dict(settings),
        "sections": {name: dataclasses.asdict(section) for name, section in found.items()},
        "errors": troubles,
    }
    with write_atomically(arguments.out / "proof.json") as file:
        json.dump(record, file, indent=1)
    with write_atomically(arguments.out / "proof.html") as file:
        file.write(proof_page(found, troubles, settings))
    failed = [(name, check) for name, section in found.items() for check in section.checks if not check.holds]
    for name, check in failed:
        print(f"{name}: {check.claim}: {check.found:.3g}; at most {check.limit:g}")
    print(arguments.out / "proof.html")
    return 1 if failed or troubles else 0


if __name__ == "__main__":
    sys.exit(main())
