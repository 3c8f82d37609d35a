"""Cut the long utterances of a manifest into short ones, at pauses that forced alignment finds.

asr segment train.jsonl short.jsonl --model best.pt                 pieces of about 4 s
asr segment train.jsonl short.jsonl --model best.pt --seconds 8 --longer-than 16

Nothing is written but the manifest: pieces are stretches of the same files. Utterances that cannot be
aligned stay whole, and are named. A model of poor word error rate aligns well enough.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from asr.cli.model_options import add_checkpoint_options
from asr.data.segmentation import SegmentationConfig, cut_at_pauses

if TYPE_CHECKING:
    from asr.alignment.aligner import Aligner
    from asr.data.manifest import Utterance
    from asr.transcription.transcriber import Transcriber

log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("source", metavar="MANIFEST", type=Path)
    parser.add_argument("target", metavar="OUT", type=Path, help="the manifest of the pieces")
    for option, what in {
        "seconds": "length to aim for",
        "shortest": "no piece is shorter",
        "longer_than": "utterances up to this length stay whole",
    }.items():
        parser.add_argument(
            "--" + option.replace("_", "-"),
            metavar="S",
            type=float,
            default=getattr(SegmentationConfig, option),
            help=f"seconds: {what}; default %(default)g",
        )
    add_checkpoint_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Align, cut and write."""
    from tqdm import tqdm

    from asr.data.manifest import read_manifest, write_manifest
    from asr.decoding.options import DecodingOptions
    from asr.errors import UsageError
    from asr.transcription.loading import load

    config = SegmentationConfig(
        seconds=arguments.seconds, shortest=arguments.shortest, longer_than=arguments.longer_than
    )
    utterances = read_manifest(arguments.source)
    transcriber = load(
        arguments.model,
        decoding=DecodingOptions(),
        device=arguments.device,
        precision=arguments.precision,
    )
    if transcriber.emitter.info.decoder_network is not None:
        raise UsageError(f"{arguments.model}: aligning needs a CTC model")
    aligner = transcriber.aligner(prices=None)
    pieces: list[Utterance] = []
    for utterance in tqdm(utterances, desc="segments", disable=not sys.stderr.isatty()):
        pieces.extend(_pieces(utterance, transcriber, aligner, config))
    write_manifest(arguments.target, pieces)
    longest = max(piece.duration for piece in pieces)
    hours = sum(piece.duration for piece in pieces) / 3600
    print(
        f"{arguments.target}: {len(utterances)} utterances -> {len(pieces)}, {hours:.2f} h; "
        f"{3600 * hours / len(pieces):.2f} s on average, {longest:.2f} s at most"
    )
    return 0


def _pieces(
    utterance: "Utterance", transcriber: "Transcriber", aligner: "Aligner", config: SegmentationConfig
) -> "Iterator[Utterance]":
    """An utterance's pieces; itself where it is short, or cannot be aligned."""
    from dataclasses import replace

    from asr.errors import AsrError

    if utterance.duration <= config.longer_than:
        yield utterance
        return
    words = (utterance.text or "").split()
    try:
        waveform = transcriber.read_utterance(utterance)
        timed = aligner.align_blocks([waveform], utterance.text or "", where=utterance.id).words
        if len(timed) != len(words):
            raise AsrError(f"{len(words)} words, of which {len(timed)} are said")
    except AsrError as error:
        log.warning("%s: stays whole, it could not be aligned: %s", utterance.id, error)
        yield utterance
        return
    segments = cut_at_pauses(
        waveform,
        [(word.start, word.end) for word in timed],
        sample_rate=transcriber.sample_rate,
        config=config,
    )
    if len(segments) == 1:
        yield utterance
        return
    for number, segment in enumerate(segments):
        yield replace(
            utterance,
            id=f"{utterance.id}-{number}",
            start=utterance.start + segment.start,
            duration=segment.end - segment.start,
            text=" ".join(words[segment.first : segment.last]),
            extras={**utterance.extras, "piece_of": utterance.id},
        )
