"""Shape and training of a tagger, in a module that imports nothing heavy."""

from dataclasses import dataclass

from asr.errors import TrainingError


@dataclass(frozen=True)
class TaggerConfig:
    """Shape and training of a tagger.

    Attributes:
        known: words of which it knows how often they have a capital, the most frequent ones.
        embedded: those of them that have an embedding of their own.
        width: of what a word is summed to.
        cells: of the LSTMs, in each direction.
        dropout: of what goes into every layer and comes out of the last.
        replaced: share of the words that others replace, as recognition errors do: such as sound alike, where there are any.
        deleted: share of the words that are left out.
        words_per_text: sentences that follow each other are joined to texts of 1 to twice as many words.
        cut: share of the texts that begin and end within a sentence, as the stretches of a long text do.
        epochs: passes over the text; 2.5 ends half way through the third.
        learning_rate: of AdamW at its highest; it falls to zero in a straight line.
        words_per_batch: words and fill of a batch.
        seed: of weights, texts, errors and dropout.
    """

    known: int = 60000
    embedded: int = 16000
    width: int = 96
    cells: int = 192
    dropout: float = 0.1
    replaced: float = 0.04
    deleted: float = 0.02
    words_per_text: int = 100
    cut: float = 0.3
    epochs: float = 1.0
    learning_rate: float = 0.003
    words_per_batch: int = 8192
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("known", "embedded", "width", "cells", "words_per_text", "words_per_batch"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} {getattr(self, name)}; expected at least 1")
        for name in ("dropout", "replaced", "deleted", "cut"):
            if not 0 <= getattr(self, name) < 1:
                raise TrainingError(f"{name} {getattr(self, name)}; expected 0 to less than 1")
        if not (self.epochs > 0 and self.learning_rate > 0):
            raise TrainingError(f"epochs {self.epochs}, learning_rate {self.learning_rate}; expected above 0")
