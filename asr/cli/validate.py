"""Check a manifest before training on it.

  asr validate data/an4/train.jsonl
  asr validate data/an4/train.jsonl data/an4/dev.jsonl --config configs/an4.yaml

Decodes every file. With --config it also checks transcripts against the alphabet, and lengths against
what CTC needs. Exit 1 when training would fail or silently lose data; warnings alone leave it 0.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asr.config import ExperimentConfig
    from asr.data.manifest import Utterance
    from asr.data.validation import Finding


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "manifests",
        metavar="MANIFEST",
        nargs="+",
        type=Path,
        help="one or more; speakers may not be in two of them",
    )
    parser.add_argument("--config", type=Path, metavar="YAML", help="the experiment that shall train on them")
    parser.add_argument(
        "--histogram", type=Path, metavar="PNG", help="draw durations and speaking rates into a picture"
    )


def run(arguments: argparse.Namespace) -> int:
    """Validate."""
    from asr.config import load_experiment
    from asr.data.manifest import read_manifest
    from asr.data.validation import check_speakers

    config = load_experiment(arguments.config) if arguments.config else None
    splits = {str(path): read_manifest(path) for path in arguments.manifests}
    errors = 0
    for name, utterances in splits.items():
        findings = _check(name, utterances, config)
        errors += _show(name, utterances, findings)
    across = list(check_speakers(splits))
    for finding in across:
        print(f"warning: {finding}")
    if arguments.histogram:
        from asr.data.statistics import draw_histograms

        draw_histograms(arguments.histogram, splits)
        print(f"histograms: {arguments.histogram}")
    if errors:
        print(f"asr: {errors} errors; training would fail or lose data", file=sys.stderr)
    return 1 if errors else 0


def _check(name: str, utterances: "list[Utterance]", config: "ExperimentConfig | None") -> "list[Finding]":
    from tqdm import tqdm

    from asr.data.manifest import read_manifest
    from asr.data.tokenizer import build_tokenizer
    from asr.data.validation import check_audio, check_fit, check_transcripts

    tokenizer = None
    sample_rate = 16000
    findings: list[Finding] = []
    if config is not None:
        from asr.model.acoustic import AcousticModel

        sample_rate = config.features.sample_rate
        texts = (
            []
            if config.tokenizer.alphabet is not None
            else [utterance.text or "" for utterance in read_manifest(config.data.train)]
        )
        tokenizer = build_tokenizer(config.tokenizer, texts)
        model = AcousticModel(config.acoustic_model, vocabulary_size=len(tokenizer))
        trains = Path(name).resolve() == Path(config.data.train).resolve()
        findings += check_fit(
            utterances,
            tokenizer,
            sample_rate=sample_rate,
            encoder_frames=model.emission_lengths,
            fastest=max(config.data.augmentation.speeds) if trains else 1.0,
        )
    findings = [*check_transcripts(utterances, tokenizer), *findings]
    with tqdm(
        total=len(utterances), desc=name, unit="utt", disable=not sys.stderr.isatty(), leave=False
    ) as bar:
        findings += check_audio(utterances, sample_rate=sample_rate, advance=lambda _: bar.update())
    return findings


def _show(name: str, utterances: "list[Utterance]", findings: "list[Finding]") -> int:
    """Print what was found and what the manifest holds; return the number of errors."""
    from asr.data.statistics import describe, text_histogram

    for finding in findings:
        print(f"{finding.severity}: {name}: {finding}")
    found = Counter(finding.severity for finding in findings)
    print(f"{name}: {describe(utterances)}")
    print(text_histogram([utterance.duration for utterance in utterances], unit="s"))
    print(f"  {found['error']} errors, {found['warning']} warnings")
    return found["error"]
