"""Transcripts for speech that has none: those that a model is sure of, for training with them (pseudo-labels).

asr label speech.jsonl labelled.jsonl --dev dev.jsonl --model best.pt --wer 0.1 --picture labels.png

DEV is transcribed speech of the same kind. From it the command learns which rate of errors goes with which confidence, and keeps as many of
the utterances of MANIFEST as can be with no more errors expected than --wer. OUT gets them with their transcripts and, in further fields,
`confidence`, `expected_errors` and `weight`, by which training multiplies their losses: 1 less the errors expected. Utterances of MANIFEST that have a transcript are passed over.

A command that is interrupted goes on where it was when it is run again: what is recognised so far is in OUT.unfinished.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.model_options import add_model_options
from asr.cli.transcription_options import add_pipeline_options, pipeline_config

if TYPE_CHECKING:
    from asr.data.manifest import Utterance
    from asr.transcription.label_journal import LabelJournal
    from asr.transcription.labelling import Choice, Labelled
    from asr.transcription.pipeline import PipelineConfig
    from asr.transcription.transcriber import Transcriber


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
    add_pipeline_options(parser)
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Label."""
    from asr.cli.model_options import load_model
    from asr.data.manifest import read_manifest
    from asr.errors import ManifestError, UsageError
    from asr.transcription.identity import recogniser_identity
    from asr.transcription.label_journal import LabelJournal
    from asr.transcription.labelling import Evidence, choose
    from asr.transcription.processes import Processes

    if not 0 < arguments.wer < 1:
        raise UsageError(f"--wer {arguments.wer}; expected word errors a word, above 0 and below 1")
    dev = [utterance for utterance in read_manifest(arguments.dev) if utterance.text is not None]
    if not dev:
        raise ManifestError(f"{arguments.dev}: no transcripts; expected transcribed speech")
    speech = [utterance for utterance in read_manifest(arguments.source) if utterance.text is None]
    if not speech:
        raise ManifestError(
            f"{arguments.source}: every utterance has a transcript; there is nothing to label"
        )
    pipeline = pipeline_config(arguments, Processes())
    transcriber = load_model(arguments)
    unfinished = arguments.target.with_name(arguments.target.name + ".unfinished")
    with LabelJournal(unfinished, recogniser_identity(arguments.model, transcriber, pipeline)) as journal:
        known = _recognise("dev", dev, transcriber, pipeline, journal)
        found = _recognise("new", speech, transcriber, pipeline, journal)
    spoken = [utterance for utterance in dev if utterance.id in known]
    labelled = [known[utterance.id] for utterance in spoken]
    references = [transcriber.tokenizer.normalise(one.text or "") for one in spoken]
    evidence = Evidence.of(labelled, references)
    choice = choose(list(found.values()), evidence, goal=arguments.wer)
    kept = [one for one in speech if one.id in found and choice.keeps(found[one.id])]
    _write(arguments.target, kept, found, choice)
    if arguments.picture is not None:
        from asr.transcription.labelling_picture import draw_labels

        draw_labels(arguments.picture, list(found.values()), evidence, choice)
    wrong, words = float(evidence.errors.sum()), float(evidence.words.sum())
    print(f"{arguments.dev}: {wrong / words:.2%} of {words:,.0f} words wrong in {len(spoken):,} utterances")
    hours = sum(one.duration for one in kept) / 3600
    low, high = choice.interval
    print(
        f"{arguments.target}: {choice.kept:,} of {len(speech):,} utterances, {hours:.3f} h, with a confidence of {choice.threshold:.3f} "
        f"and more; {choice.expected:.2%} ({low:.2%} to {high:.2%}) of their words are expected to be wrong"
    )
    failed = len(dev) - len(known) + len(speech) - len(found)
    if failed:
        print(f"asr: {failed} utterances could not be read and are not labelled", file=sys.stderr)
        return 1
    unfinished.unlink(missing_ok=True)
    return 0


def _recognise(
    kind: str,
    utterances: "Sequence[Utterance]",
    transcriber: "Transcriber",
    pipeline: "PipelineConfig",
    journal: "LabelJournal",
) -> "dict[str, Labelled]":
    """What is recognised in each, in their order; those that cannot be read are named and left out."""
    from tqdm import tqdm

    from asr.transcription.labelling import Labelled

    left = [utterance for utterance in utterances if (kind, utterance.id) not in journal.done]
    seconds = {utterance.id: utterance.duration for utterance in left}
    with tqdm(
        total=round(sum(seconds.values())),
        unit="s",
        desc=f"recognising {kind}",
        disable=not sys.stderr.isatty(),
    ) as bar:
        for outcome in transcriber.transcribe_utterances(left, pipeline=pipeline):
            name = outcome.recording.name
            if outcome.hypothesis is None:
                print(f"asr: utt {name}: {outcome.error}", file=sys.stderr)
            else:
                journal.add(kind, Labelled.of(name, outcome.hypothesis))
            bar.update(round(seconds[name]))
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
