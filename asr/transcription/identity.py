"""What decides what a recogniser writes: two runs of the same identity may share their outputs."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asr.cache import content_digest
from asr.model.precision import resolve_precision
from asr.transcription.pipeline import PipelineConfig
from asr.transcription.transcriber import Transcriber


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
    whole = hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:16]
    return f"{model.name} {digest}; {transcriber.options}; {precision}; settings {whole}"
