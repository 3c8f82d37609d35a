"""Transcribe a manifest and report its word error rate.

  asr evaluate data/an4/test.jsonl --model runs/an4/checkpoints/best.pt --out reports/an4-test

Writes report.html, report.json, report.md, utterances.tsv, ref.trn, hyp.trn and hypotheses.jsonl into the
folder. The page shows the worst twenty utterances with spectrogram, emission and alignment.

  asr evaluate data/an4/test.jsonl --corrupt noise=babble,snr=10 --out reports/an4-test-babble

evaluates the utterances as they would have been heard in noise, rooms, or on the telephone; the sounds are kept in
DIR/corrupted to listen to.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from asr.cli.model_options import add_model_options
from asr.cli.report_output import WORST, add_report_options
from asr.cli.transcription_options import (
    add_channels_option,
    add_pipeline_options,
    add_ray_options,
    open_recogniser,
    pipeline_config,
    ray_settings,
)

if TYPE_CHECKING:
    import numpy as np

    from asr.data.augmentation.config import AugmentationConfig
    from asr.data.manifest import Utterance
    from asr.decoding.hypothesis import Hypothesis
    from asr.evaluation.pictures import TimedLabel
    from asr.evaluation.report import Report
    from asr.evaluation.transcript import TranscriptPair
    from asr.transcription.recogniser import Recogniser
    from asr.transcription.transcriber import Transcriber


class _Transcribed(NamedTuple):
    """What became of a manifest: hypotheses by id, failed ids, the seconds it took, what ran the network, and how precisely."""

    hypotheses: Mapping[str, "Hypothesis"]
    failed: Sequence[str]
    spent: float
    place: str
    precision: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", type=Path, help="utterances with transcripts")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    parser.add_argument(
        "--corrupt",
        metavar="HOW",
        help="what happens to the sound first, parted by commas, such as noise=babble,snr=10 or room=0.5,telephone; "
        "docs/augmentation.md has all",
    )
    add_channels_option(parser)
    add_pipeline_options(parser)
    add_ray_options(parser)
    add_model_options(parser)
    add_report_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate."""
    from asr.cli.model_options import load_model
    from asr.cli.report_output import bring_out, read_focus, read_vocabulary
    from asr.data.augmentation.corruption import read_corruption
    from asr.data.manifest import read_manifest
    from asr.errors import ManifestError
    from asr.evaluation.explanation import check_ids
    from asr.evaluation.report import build_report

    ray_settings(arguments)  # what does not fit together is said first
    utterances = read_manifest(arguments.manifest)
    without = [utterance.id for utterance in utterances if utterance.text is None]
    if without:
        raise ManifestError(
            f"{arguments.manifest} (utt {without[0]}): no transcript, and {len(without) - 1} more; evaluation needs `text`"
        )
    if not any(utterance.text and utterance.text.split() for utterance in utterances):
        raise ManifestError(
            f"{arguments.manifest}: all transcripts are empty; expected words to count errors on"
        )
    check_ids(arguments.explain, [utterance.id for utterance in utterances])
    vocabulary, focus = read_vocabulary(arguments.vocabulary), read_focus(arguments.focus)
    pipeline = pipeline_config(arguments)
    corruption = None if arguments.corrupt is None else read_corruption(arguments.corrupt)
    transcriber = load_model(arguments)
    if corruption is not None:
        utterances = _corrupted(
            utterances, corruption, arguments.out / "corrupted", sample_rate=transcriber.sample_rate
        )
    with open_recogniser(arguments, transcriber, pipeline) as recogniser:
        transcribed = _transcribe(recogniser, utterances)
    done = [utterance for utterance in utterances if utterance.id in transcribed.hypotheses]
    if not done:
        raise ManifestError(f"{arguments.manifest}: no utterance could be transcribed")
    _write_hypotheses(arguments.out / "hypotheses.jsonl", done, transcribed.hypotheses)
    report = build_report(
        [_pair(transcriber, utterance, transcribed.hypotheses[utterance.id]) for utterance in done],
        title=arguments.title
        or f"{' '.join(filter(None, [arguments.manifest.stem, arguments.corrupt]))}: word error rate",
        settings=_settings(arguments, transcriber, utterances, transcribed),
        normaliser=arguments.normaliser,
        alignment=arguments.alignment,
        focus=focus,
        merge=arguments.merge_compounds,
        vocabulary=vocabulary,
    )
    pictures = _pictures(transcriber, report, done, transcribed.hypotheses)
    code = bring_out(arguments, report, out=arguments.out, pictures=pictures)
    if transcribed.failed:
        print(
            f"asr: {len(transcribed.failed)} of {len(utterances)} utterances failed and are not in the numbers",
            file=sys.stderr,
        )
        return 1
    return code


def _corrupted(
    utterances: Sequence["Utterance"], config: "AugmentationConfig", folder: Path, *, sample_rate: int
) -> list["Utterance"]:
    from tqdm import tqdm

    from asr.data.augmentation.corruption import corrupt_utterances

    made = corrupt_utterances(utterances, config, folder, sample_rate=sample_rate)
    return list(tqdm(made, total=len(utterances), desc="corrupting", disable=not sys.stderr.isatty()))


def _transcribe(recogniser: "Recogniser", utterances: Sequence["Utterance"]) -> _Transcribed:
    import time

    from asr.cli.progress import AudioProgress
    from asr.transcription.recogniser import transcribe_wanted
    from asr.transcription.recordings import Recording

    hypotheses, failed = {}, []
    recordings = [Recording.of(utterance) for utterance in utterances]
    began = time.perf_counter()
    with AudioProgress(recordings) as progress:
        for outcome in transcribe_wanted(
            recogniser,
            recordings,
            wanted=[recording.name for recording in recordings],
            progress=progress.advance,
        ):
            name = outcome.recording.name
            if outcome.hypothesis is None:
                print(f"asr: utt {name}: {outcome.error}", file=sys.stderr)
                failed.append(name)
            else:
                hypotheses[name] = outcome.hypothesis
    spent = time.perf_counter() - began
    return _Transcribed(hypotheses, failed, spent, recogniser.place, recogniser.precision)


def _write_hypotheses(
    path: Path, utterances: Sequence["Utterance"], hypotheses: Mapping[str, "Hypothesis"]
) -> None:
    from asr.files import write_atomically
    from asr.transcription.formats import word_record

    with write_atomically(path) as file:
        for utterance in utterances:
            hypothesis = hypotheses[utterance.id]
            record = {
                "id": utterance.id,
                "text": hypothesis.text,
                "score": hypothesis.score,
                "words": [word_record(word) for word in hypothesis.words],
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _pair(transcriber: "Transcriber", utterance: "Utterance", hypothesis: "Hypothesis") -> "TranscriptPair":
    from asr.evaluation.noise import estimate_snr
    from asr.evaluation.transcript import TranscriptPair

    fields = {
        key: value for key, value in utterance.extras.items() if isinstance(value, str | int | float | bool)
    }
    if "snr" not in fields:
        waveform = transcriber.read_utterance(utterance)
        snr = estimate_snr(waveform, sample_rate=transcriber.sample_rate)
        if snr is not None:
            fields["snr"] = snr
    confidences = tuple(word.confidence for word in hypothesis.words)
    return TranscriptPair(
        utterance.id,
        utterance.text or "",
        hypothesis.text,
        speaker=utterance.speaker,
        duration=utterance.duration,
        confidences=confidences if len(confidences) == len(hypothesis.text.split()) else None,
        audio=utterance.audio,
        start=utterance.start,
        channel=utterance.channel,
        fields=fields,
    )


def _settings(
    arguments: argparse.Namespace,
    transcriber: "Transcriber",
    utterances: Sequence["Utterance"],
    transcribed: _Transcribed,
) -> dict[str, str]:
    seconds = sum(utterance.duration for utterance in utterances)
    return {
        "manifest": str(arguments.manifest),
        **({"corrupted": arguments.corrupt} if arguments.corrupt is not None else {}),
        "model": str(arguments.model),
        "decoding": str(transcriber.options),
        **({"channels": arguments.channels} if arguments.channels != "mix" else {}),
        "device": transcribed.place,
        "precision": transcribed.precision,
        "audio": f"{seconds / 3600:.3f} h in {transcribed.spent:.1f} s",
        "real-time factor": f"{transcribed.spent / seconds:.4f} ({seconds / transcribed.spent:.0f} times real time)",
        "failed utterances": ", ".join(transcribed.failed) or "none",
    }


def _pictures(
    transcriber: "Transcriber",
    report: "Report",
    utterances: Sequence["Utterance"],
    hypotheses: Mapping[str, "Hypothesis"],
) -> dict[str, bytes]:
    from asr.evaluation.pictures import Seen, TimedLabel, draw_utterance

    drawn = {}
    for utterance in (utterances[index] for index in report.worst(WORST)):
        waveform = transcriber.read_utterance(utterance)
        log_probs = transcriber.emitter.emit([waveform])[0].letters
        step = transcriber.seconds_per_frame
        drawn[utterance.id] = draw_utterance(
            Seen(
                waveform,
                transcriber.sample_rate,
                log_probs=log_probs,
                tokens=[transcriber.tokenizer.decode([token]) for token in range(log_probs.shape[1])],
                seconds_per_frame=step,
                reference=_align_reference(transcriber, log_probs, utterance.text or ""),
                hypothesis=[
                    TimedLabel(word.text, word.start, word.end) for word in hypotheses[utterance.id].words
                ],
            )
        )
    return drawn


def _align_reference(transcriber: "Transcriber", letters: "np.ndarray", text: str) -> list["TimedLabel"]:
    """Where the reference's words lie; [] when the model cannot spell it, or the audio is too short for it."""
    from asr.errors import TranscriptError
    from asr.evaluation.pictures import TimedLabel

    try:
        words = transcriber.decoder.align(letters, transcriber.tokenizer.encode(text))
    except (TranscriptError, ValueError):
        return []
    return [TimedLabel(word.text, word.start, word.end) for word in words]
