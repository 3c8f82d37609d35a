"""Check a manifest before training on it.

  asr validate data/an4/train.jsonl
  asr validate data/an4/train.jsonl data/an4/dev.jsonl --config configs/an4.yaml

Decodes every file, and names the characters of the transcripts that need a look: invisible, typographic, digits,
punctuation, both cases, other scripts, rare ones. With --config it also checks transcripts against the alphabet, and
lengths against what CTC needs. Exit 1 when training would fail or silently lose data; warnings alone leave it 0.
"""

import argparse
import itertools
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asr.config import ExperimentConfig
    from asr.data.statistics import Statistics
    from asr.data.tokenizer import Tokenizer
    from asr.model.acoustic import AcousticModel

# Suspicious characters that are named; the others are counted.
_CHARACTERS = 40
_PIECE = 4096  # utterances that are checked at once


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
    from asr.data.manifest import iterate_manifest
    from asr.data.validation import check_speakers

    config = None
    if arguments.config:
        from asr.config import load_experiment

        config = load_experiment(arguments.config)
    errors = 0
    splits = {}
    for path in arguments.manifests:
        splits[str(path)], found = _check(str(path), config)
        errors += found
    streams = {
        str(path): (utterance for _, utterance in iterate_manifest(path)) for path in arguments.manifests
    }
    for finding in check_speakers(streams):
        print(f"warning: {finding}")
    if arguments.histogram:
        from asr.data.statistics import draw_statistics

        draw_statistics(arguments.histogram, splits)
        print(f"histograms: {arguments.histogram}")
    if errors:
        print(f"asr: {errors} errors; training would fail or lose data", file=sys.stderr)
    return 1 if errors else 0


def _check(name: str, config: "ExperimentConfig | None") -> "tuple[Statistics, int]":
    """Check a manifest piece by piece, printing what is found; its statistics, and the number of errors."""
    from tqdm import tqdm

    from asr.data.characters import CharacterSurvey
    from asr.data.manifest import count_lines, unique_utterances
    from asr.data.statistics import Statistics, headline, text_histogram
    from asr.data.validation import check_audio, check_fit, check_transcripts

    sample_rate = config.features.sample_rate if config is not None else 16000
    tokenizer, model = _model(config) if config is not None else (None, None)
    trains = config is not None and Path(name).resolve() == Path(config.data.train).resolve()
    fastest = max(config.data.augmentation.speeds) if config is not None and trains else 1.0
    statistics = Statistics()
    # The symbols of units are not characters of a text.
    surveys = config is None or config.tokenizer.kind == "characters"
    survey = CharacterSurvey(case=config.tokenizer.case if config is not None else "keep")
    found: Counter[str] = Counter()
    seen: dict[bytes, str] = {}
    with tqdm(
        total=count_lines(name), desc=name, unit="utt", disable=not sys.stderr.isatty(), leave=False
    ) as bar:
        waiting = unique_utterances(name)
        while piece := list(itertools.islice(waiting, _PIECE)):
            findings = [*check_transcripts(piece, tokenizer)]
            if model is not None and tokenizer is not None:
                findings += check_fit(
                    piece,
                    tokenizer,
                    sample_rate=sample_rate,
                    encoder_frames=model.emission_lengths,
                    fastest=fastest,
                )
            findings += check_audio(piece, sample_rate=sample_rate, seen=seen, advance=lambda _: bar.update())
            for finding in findings:
                print(f"{finding.severity}: {name}: {finding}")
            found.update(finding.severity for finding in findings)
            for utterance in piece:
                statistics.add(utterance)
                if surveys:
                    survey.add(utterance)
    suspicious = survey.suspicious()
    for character in suspicious[:_CHARACTERS]:
        print(f"warning: {name}: {character}")
    if len(suspicious) > _CHARACTERS:
        print(f"warning: {name}: {len(suspicious) - _CHARACTERS} more suspicious characters")
    found["warning"] += len(suspicious)
    print(f"{name}: {headline(statistics)}")
    print(text_histogram(statistics.durations, unit="s"))
    print(f"  {found['error']} errors, {found['warning']} warnings")
    return statistics, found["error"]


def _model(config: "ExperimentConfig") -> "tuple[Tokenizer, AcousticModel]":
    """The tokenizer and the network that the experiment would train."""
    from asr.data.manifest import iterate_manifest
    from asr.data.tokenizer import build_tokenizer
    from asr.model.acoustic import AcousticModel

    texts = (utterance.text or "" for _, utterance in iterate_manifest(config.data.train))
    tokenizer = build_tokenizer(config.tokenizer, texts)
    return tokenizer, AcousticModel(config.acoustic_model, vocabulary_size=len(tokenizer))
