"""Shape and training of a recurrent language model, in a module that imports nothing heavy."""

from dataclasses import dataclass

from asr.errors import TrainingError
from asr.language_model.recurrent import SPECIAL_WORDS
from asr.options import option


@dataclass(frozen=True)
class RecurrentLmConfig:
    """Shape and training of a recurrent language model."""

    vocabulary: int = option(
        20000, "words that it knows, the most frequent ones; `<unk>` and `</s>` among them"
    )
    width: int = option(192, "of the embeddings")
    cells: int = option(384, "of the LSTM")
    dropout: float = option(0.1, "of what goes into and comes out of the LSTM")
    words_per_text: int = option(
        30,
        "lines that follow each other are joined to texts of 1 to twice as many words, a length drawn for each, as long as the utterances that it shall judge; 0 leaves each line alone",
    )
    epochs: float = option(3.0, "passes over the text; 2.5 ends half way through the third")
    learning_rate: float = option(0.002, "of AdamW at its highest; it falls to zero in a straight line")
    negatives: int = option(1024, "words drawn for a batch")
    words_per_batch: int = option(4096, "words and fill of a batch")
    seed: int = option(1, "of weights, texts, negatives and dropout")

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
