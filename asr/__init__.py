"""Train recurrent speech recognisers, transcribe audio, and score the result.

    import asr
    print(asr.load("best.pt").transcribe("speech.flac").text)

The names below are the public interface; they are imported on first use, so that `import asr` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asr.data.manifest import Utterance, read_manifest, write_manifest
    from asr.decoding.hypothesis import Hypothesis, Word
    from asr.decoding.options import DecodingOptions
    from asr.errors import AsrError
    from asr.evaluation.scoring import score
    from asr.transcription.loading import load
    from asr.transcription.transcriber import Transcriber

__version__ = "0.1.0"

_HOMES = {
    "AsrError": "asr.errors",
    "DecodingOptions": "asr.decoding.options",
    "Hypothesis": "asr.decoding.hypothesis",
    "Transcriber": "asr.transcription.transcriber",
    "Utterance": "asr.data.manifest",
    "Word": "asr.decoding.hypothesis",
    "load": "asr.transcription.loading",
    "read_manifest": "asr.data.manifest",
    "score": "asr.evaluation.scoring",
    "write_manifest": "asr.data.manifest",
}

__all__ = [
    "AsrError",
    "DecodingOptions",
    "Hypothesis",
    "Transcriber",
    "Utterance",
    "Word",
    "load",
    "read_manifest",
    "score",
    "write_manifest",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'asr' has no attribute {name!r}")
