"""Shape and training of a recurrent language model, in a module that imports nothing heavy."""

from dataclasses import dataclass

from asr.errors import TrainingError
from asr.language_model.recurrent import SPECIAL_WORDS


@dataclass(frozen=True)
class RecurrentLmConfig:
    """Shape and training of a recurrent language model.

    Attributes:
        vocabulary: words that it knows, the most frequent ones; `<unk>` and `</s>` among them.
        width: of the embeddings.
        cells: of the LSTM.
        dropout: of what goes into and comes out of the LSTM.
        words_per_text: lines that follow each other are joined to texts of 1 to twice as many words, a length drawn
            for each, as long as the utterances that it shall judge; 0 leaves each line alone.
        epochs: passes over the text; 2.5 ends half way through the third.
        learning_rate: of AdamW at its highest; it falls to zero in a straight line.
        negatives: words drawn for a batch.
        words_per_batch: words and fill of a batch.
        seed: of weights, texts, negatives and dropout.
    """

    vocabulary: int = 20000
    width: int = 192
    cells: int = 384
    dropout: float = 0.1
    words_per_text: int = 30
    epochs: float = 3.0
    learning_rate: float = 0.002
    negatives: int = 1024
    words_per_batch: int = 4096
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("width", "cells", "negatives", "words_per_batch"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} {getattr(self, name)}; expected at least 1")
        if self.vocabulary <= len(SPECIAL_WORDS) or self.words_per_text < 0:
            raise TrainingError(
                f"vocabulary {self.vocabulary}, words_per_text {self.words_per_text}; expected at least "
                f"{len(SPECIAL_WORDS) + 1} and 0"
            )
        if not (0 <= self.dropout < 1 and self.epochs > 0 and self.learning_rate > 0):
            raise TrainingError(
                f"dropout {self.dropout}, epochs {self.epochs}, learning_rate {self.learning_rate}; expected below 1, "
                "and above 0"
            )
