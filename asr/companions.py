"""What may lie beside a model, under its own name.

best.pt, best.onnx      the model
best.decoding.json      how it decodes best; `asr lm tune` writes it. It names language models, lexicon and pronunciations, wherever they lie
best.cpu.onnx           the network in the form that a CPU runs fastest; `asr export best.pt best.cpu.onnx --int8` writes it
best.tagger             marks, capitals and figures for its words; `asr punctuation train` writes it
best.hmm                where one phone ends and the next begins, for `asr align`; scripts/train_phone_models.py writes it
"""

from enum import Enum
from pathlib import Path


class Companion(Enum):
    """A file beside a model, by its ending in place of the model's."""

    DECODING = ".decoding.json"
    TAGGER = ".tagger"
    CPU_NETWORK = ".cpu.onnx"
    PHONE_MODELS = ".hmm"

    def path(self, model: str | Path) -> Path:
        """Where it is, if there is one: `best.pt` -> `best.tagger`."""
        return Path(model).with_suffix(self.value)

    def find(self, model: str | Path) -> Path | None:
        """Where it is; None where there is none."""
        path = self.path(model)
        return path if path.exists() else None
