"""Shape and training of a tagger, in a module that imports nothing heavy."""

from dataclasses import dataclass

from asr.errors import TrainingError
from asr.options import option


@dataclass(frozen=True)
class TaggerConfig:
    """Shape and training of a tagger."""

    known: int = option(
        60000, "words of which it knows how often they have a capital, the most frequent ones"
    )
    embedded: int = option(16000, "those of them that have an embedding of their own")
    width: int = option(96, "of what a word is summed to")
    cells: int = option(192, "of the LSTMs, in each direction")
    dropout: float = option(0.1, "of what goes into every layer and comes out of the last")
    replaced: float = option(
        0.04,
        "share of the words that others replace, as recognition errors do: such as sound alike, where there are any",
    )
    deleted: float = option(0.02, "share of the words that are left out")
    words_per_text: int = option(
        100, "sentences that follow each other are joined to texts of 1 to twice as many words"
    )
    cut: float = option(
        0.3, "share of the texts that begin and end within a sentence, as the stretches of a long text do"
    )
    epochs: float = option(1.0, "passes over the text; 2.5 ends half way through the third")
    learning_rate: float = option(0.003, "of AdamW at its highest; it falls to zero in a straight line")
    words_per_batch: int = option(8192, "words and fill of a batch")
    seed: int = option(1, "of weights, texts, errors and dropout")

    def __post_init__(self) -> None:
        for name in ("known", "embedded", "width", "cells", "words_per_text", "words_per_batch"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} {getattr(self, name)}; expected at least 1")
        for name in ("dropout", "replaced", "deleted", "cut"):
            if not 0 <= getattr(self, name) < 1:
                raise TrainingError(f"{name} {getattr(self, name)}; expected 0 to less than 1")
        if not (self.epochs > 0 and self.learning_rate > 0):
            raise TrainingError(f"epochs {self.epochs}, learning_rate {self.learning_rate}; expected above 0")
