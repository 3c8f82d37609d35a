"""What decides what a recogniser writes: two runs of the same identity may share their outputs."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asr.cache import content_digest
from asr.decoding.options import tuned_options
from asr.decoding.phone_models import models_path
from asr.decoding.text_alignment import Prices
from asr.model.precision import resolve_precision
from asr.transcription.pipeline import PipelineConfig
from asr.transcription.transcriber import Transcriber


def aligner_identity(
    transcriber: Transcriber, *, pronunciations: str | Path | None, prices: Prices | None
) -> str:
    """The same of what aligns texts; arguments as `Transcriber.aligner` takes them. Raises AsrError: a file cannot be read."""
    assert transcriber.source is not None
    info = transcriber.emitter.info
    files = [
        tuned_options(transcriber.source).pronunciations,
        models_path(transcriber.source),
        pronunciations,
    ]
    digests = [content_digest(Path(path)) for path in files if path is not None and Path(path).exists()]
    digest = content_digest(transcriber.source)[:16]
    everything = [digest, digests, resolve_precision(info.precision, info.device), prices and asdict(prices)]
    return f"alignment by {transcriber.source.name} {digest}; settings {_digest(everything)}"


def recogniser_identity(model: Path, transcriber: Transcriber, config: PipelineConfig, *others: Any) -> str:
    """In words what a reader wants to know, and a digest of everything.

    Args:
        model: the file.
        transcriber: made of it.
        config: how recordings go through the network.
        others: further settings, as JSON has them.

    Raises:
        AsrError: a file cannot be read.
    """
    info = transcriber.emitter.info
    precision = resolve_precision(info.precision, info.device)
    digest = content_digest(model)[:16]
    pipeline = asdict(config)
    del pipeline["threads"]  # which change nothing but the time it takes
    tagger = None if transcriber.tagger is None else transcriber.tagger.fingerprint()
    everything = [digest, precision, transcriber.options.fingerprint(), pipeline, tagger, *others]
    return f"{model.name} {digest}; {transcriber.options}; {precision}; settings {_digest(everything)}"


def _digest(settings: list[Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
