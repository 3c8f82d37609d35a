"""What a model is trained to do beside CTC: transduce, or attend. Each shares the encoder with the CTC head."""

from asr.model.objectives.attention import AttentionDecoder
from asr.model.objectives.objective import Objective, ObjectiveConfig, Recognised
from asr.model.objectives.transducer import Transducer

__all__ = ["AttentionDecoder", "Objective", "ObjectiveConfig", "Recognised", "Transducer", "build_objective"]


def build_objective(config: ObjectiveConfig, *, encoding_size: int, vocabulary_size: int) -> Objective | None:
    """The objective of a configuration; None for CTC alone, whose head every model has."""
    if config.kind == "ctc":
        return None
    kind = Transducer if config.kind == "transducer" else AttentionDecoder
    return kind(config, encoding_size=encoding_size, vocabulary_size=vocabulary_size)
