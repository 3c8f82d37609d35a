"""Transcripts for speech that has none: those that a model is sure of, for training with them (pseudo-labels).

asr label speech.jsonl labelled.jsonl --dev dev.jsonl --model best.pt --wer 0.1 --picture labels.png

DEV is transcribed speech of the same kind. From it the command learns which rate of errors goes with which confidence, and keeps as many of
the utterances of MANIFEST as can be with no more errors expected than --wer. OUT gets them with their transcripts and, in further fields,
`confidence`, `expected_errors` and `weight`, by which training multiplies their losses: 1 less the errors expected. Utterances of MANIFEST that have a transcript are passed over.

  asr label speech.jsonl labelled.jsonl --dev dev.jsonl --model best.pt --rounds 3 --with train.jsonl --config configs/finetune.yaml

goes round: a model learns from TRAIN and from what was kept, and labels MANIFEST anew. OUT.rounds has the labels and the run of each round.

A command that is interrupted goes on where it was when it is run again: what is recognised so far is in OUT.unfinished.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.model_options import add_model_options
from asr.cli.transcription_options import (
    add_pipeline_options,
    add_ray_options,
    open_recogniser,
    pipeline_config,
    ray_settings,
)

if TYPE_CHECKING:
    from asr.data.manifest import Utterance
    from asr.transcription.label_journal import LabelJournal
    from asr.transcription.labelling import Choice, Labelled
    from asr.transcription.recogniser import Recogniser

# Options that change no label.
_WITHOUT_EFFECT = ("rounds", "picture", "threads", "ray", "cpus_per_worker", "tries")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("source", metavar="MANIFEST", type=Path, help="utterances without transcripts")
    parser.add_argument("target", metavar="OUT", type=Path, help="the manifest of those that are kept")
    parser.add_argument(
        "--dev",
        metavar="DEV",
        type=Path,
        required=True,
        help="transcribed utterances of the same kind, not trained on",
    )
    parser.add_argument(
        "--wer",
        metavar="RATE",
        type=float,
        default=0.1,
        help="word errors a word that may be expected of all that is kept; default: %(default)s",
    )
    parser.add_argument(
        "--picture", metavar="PNG", type=Path, help="draw confidence against error, and what is kept"
    )
    group = parser.add_argument_group("several rounds")
    group.add_argument(
        "--rounds",
        metavar="N",
        type=int,
        default=1,
        help="label N times, and train between; default: %(default)s",
    )
    group.add_argument(
        "--with",
        dest="transcribed",
        metavar="TRAIN",
        type=Path,
        help="transcribed speech to learn from besides",
    )
    group.add_argument(
        "--config",
        metavar="YAML",
        type=Path,
        help="how to train, such as configs/finetune.yaml; every training starts from the model given and has DEV as development data",
    )
    add_pipeline_options(parser)
    add_ray_options(parser)
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Label."""
    from asr.errors import UsageError

    if not 0 < arguments.wer < 1:
        raise UsageError(f"--wer {arguments.wer}; expected word errors a word, above 0 and below 1")
    ray_settings(arguments)  # what does not fit together is said first
    several = {"--with": arguments.transcribed, "--config": arguments.config}
    if arguments.rounds < 1:
        raise UsageError(f"--rounds {arguments.rounds}; expected at least 1")
    if arguments.rounds == 1:
        if given := [name for name, value in several.items() if value is not None]:
            raise UsageError(f"{' and '.join(given)}: of several rounds; add --rounds N")
        return _label(arguments, arguments.model, arguments.target)
    if missing := [name for name, value in several.items() if value is None]:
        raise UsageError(f"--rounds {arguments.rounds} trains between; add {' and '.join(missing)}")
    return _go_round(arguments)


def _go_round(arguments: argparse.Namespace) -> int:
    """Label, learn from it, label again. What an earlier command has finished stands."""
    from asr.config import load_experiment
    from asr.errors import UsageError
    from asr.files import copy_atomically, write_atomically
    from asr.training.self_training import learn_from_labels

    load_experiment(arguments.config)  # what is wrong in it is said before hours of work
    folder = arguments.target.with_name(arguments.target.name + ".rounds")
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        name: str(value)
        for name, value in sorted(vars(arguments).items())
        if name not in (*_WITHOUT_EFFECT, "run", "verb", "options", "begun")
    }
    record = folder / "settings.json"
    if record.exists() and json.loads(record.read_text(encoding="utf-8")) != settings:
        raise UsageError(
            f"{folder}: holds rounds of other settings ({record.name}); remove it, or name another OUT"
        )
    with write_atomically(record) as file:
        json.dump(settings, file, indent=1)
    model: Path = arguments.model
    for number in range(1, arguments.rounds + 1):
        labels = folder / f"{number}.jsonl"
        if not labels.exists():
            print(
                f"asr: round {number} of {arguments.rounds}: {model} labels {arguments.source}",
                file=sys.stderr,
            )
            if failed := _label(arguments, model, labels):
                return failed
        if number < arguments.rounds:
            model = learn_from_labels(
                labels,
                arguments.transcribed,
                arguments.config,
                model=arguments.model,
                dev=arguments.dev,
                run_dir=folder / str(number),
            )
    copy_atomically(labels, arguments.target)
    print(f"{arguments.target}: as of {labels}")
    return 0


def _label(arguments: argparse.Namespace, model: Path, target: Path) -> int:
    """What a model is sure of, as the options have it, into a manifest."""
    from asr.cli.model_options import load_model
    from asr.data.manifest import read_manifest
    from asr.errors import ManifestError
    from asr.transcription.label_journal import LabelJournal
    from asr.transcription.labelling import Evidence, choose

    dev = [utterance for utterance in read_manifest(arguments.dev) if utterance.text is not None]
    if not dev:
        raise ManifestError(f"{arguments.dev}: no transcripts; expected transcribed speech")
    speech = [utterance for utterance in read_manifest(arguments.source) if utterance.text is None]
    if not speech:
        raise ManifestError(
            f"{arguments.source}: every utterance has a transcript; there is nothing to label"
        )
    pipeline = pipeline_config(arguments)
    given = argparse.Namespace(**{**vars(arguments), "model": model, "begun": None})
    transcriber = load_model(given)
    unfinished = target.with_name(target.name + ".unfinished")
    with (
        open_recogniser(given, transcriber, pipeline) as recogniser,
        LabelJournal(unfinished, recogniser.identity()) as journal,
    ):
        known = _recognise("dev", dev, recogniser, journal)
        found = _recognise("new", speech, recogniser, journal)
    spoken = [utterance for utterance in dev if utterance.id in known]
    labelled = [known[utterance.id] for utterance in spoken]
    references = [transcriber.tokenizer.normalise(one.text or "") for one in spoken]
    evidence = Evidence.of(labelled, references)
    choice = choose(list(found.values()), evidence, goal=arguments.wer)
    kept = [one for one in speech if one.id in found and choice.keeps(found[one.id])]
    _write(target, kept, found, choice)
    if arguments.picture is not None:
        from asr.transcription.labelling_picture import draw_labels

        draw_labels(arguments.picture, list(found.values()), evidence, choice)
    wrong, words = float(evidence.errors.sum()), float(evidence.words.sum())
    print(f"{arguments.dev}: {wrong / words:.2%} of {words:,.0f} words wrong in {len(spoken):,} utterances")
    hours = sum(one.duration for one in kept) / 3600
    low, high = choice.interval
    print(
        f"{target}: {choice.kept:,} of {len(speech):,} utterances, {hours:.3f} h, with a confidence of {choice.threshold:.3f} "
        f"and more; {choice.expected:.2%} ({low:.2%} to {high:.2%}) of their words are expected to be wrong"
    )
    failed = len(dev) - len(known) + len(speech) - len(found)
    if failed:
        print(f"asr: {failed} utterances could not be read and are not labelled", file=sys.stderr)
        return 1
    unfinished.unlink(missing_ok=True)
    return 0


def _recognise(
    kind: str, utterances: "Sequence[Utterance]", recogniser: "Recogniser", journal: "LabelJournal"
) -> "dict[str, Labelled]":
    """What is recognised in each, in their order; those that cannot be read are named and left out."""
    from asr.cli.progress import AudioProgress
    from asr.transcription.labelling import Labelled
    from asr.transcription.recogniser import transcribe_wanted
    from asr.transcription.recordings import Recording

    left = [utterance for utterance in utterances if (kind, utterance.id) not in journal.done]
    with AudioProgress(left, f"recognising {kind}") as progress:
        for outcome in transcribe_wanted(
            recogniser,
            [Recording.of(utterance) for utterance in utterances],
            wanted=[utterance.id for utterance in left],
            progress=progress.advance,
        ):
            name = outcome.recording.name
            if outcome.hypothesis is None:
                print(f"asr: utt {name}: {outcome.error}", file=sys.stderr)
            else:
                journal.add(kind, Labelled.of(name, outcome.hypothesis))
    found = ((one.id, journal.done.get((kind, one.id))) for one in utterances)
    return {name: labelled for name, labelled in found if labelled is not None}


def _write(target: Path, kept: "Sequence[Utterance]", found: "dict[str, Labelled]", choice: "Choice") -> None:
    from dataclasses import replace

    from asr.data.manifest import write_manifest

    expected = choice.model([found[one.id].confidence for one in kept]).round(4).tolist()
    write_manifest(
        target,
        (
            replace(
                one,
                text=found[one.id].text,
                extras={
                    **one.extras,
                    "confidence": found[one.id].confidence,
                    "expected_errors": rate,
                    "weight": round(1 - min(1.0, rate), 4),
                },
            )
            for one, rate in zip(kept, expected, strict=True)
        ),
    )
