"""What decides what a recogniser writes: two runs of the same identity may share their outputs."""

from dataclasses import asdict
from typing import Any

from asr.alignment.aligner import Aligner
from asr.cache import content_digest, settings_digest
from asr.transcription.pipeline_config import PipelineConfig
from asr.transcription.transcriber import Transcriber


def aligner_identity(transcriber: Transcriber, aligner: Aligner) -> str:
    """In words what a reader wants to know of a transcriber and its aligner, and a digest of everything. Raises AsrError as `recogniser_identity`."""
    name, digest, precision = _network(transcriber)
    settings = settings_digest([digest, precision, aligner.fingerprint()])
    return f"alignment by {name} {digest}; settings {settings}"


def recogniser_identity(transcriber: Transcriber, config: PipelineConfig, *others: Any) -> str:
    """The same of a transcriber.

    Args:
        transcriber: read from a file.
        config: how recordings go through the network.
        others: further settings, as JSON has them.

    Raises:
        AsrError: a file cannot be read.
    """
    name, digest, precision = _network(transcriber)
    pipeline = asdict(config)
    del pipeline["threads"]  # which change nothing but the time it takes
    tagger = None if transcriber.tagger is None else transcriber.tagger.fingerprint()
    everything = [digest, precision, transcriber.options.fingerprint(), pipeline, tagger, *others]
    return f"{name} {digest}; {transcriber.options}; {precision}; settings {settings_digest(everything)}"


def _network(transcriber: Transcriber) -> tuple[str, str, str]:
    """The file's name, a digest of its content, and the precision that it runs at."""
    assert transcriber.source is not None
    return (
        transcriber.source.name,
        content_digest(transcriber.source)[:16],
        transcriber.emitter.info.precision,
    )
