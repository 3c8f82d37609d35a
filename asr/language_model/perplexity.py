"""How well a model predicts a text."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asr.language_model.mixture import LanguageModelMixture
from asr.language_model.ngram import UNKNOWN, NgramModel


@dataclass(frozen=True, slots=True)
class TextScore:
    """What a model says of a text.

    Attributes:
        sentences, words: scored; sentence ends are not words.
        unknown: words that the model lacks.
        log_prob: natural log of the probability of everything, sentence ends and unknown words included.
        unknown_log_prob: the unknown words' part of it.
    """

    sentences: int
    words: int
    unknown: int
    log_prob: float
    unknown_log_prob: float

    @property
    def unknown_rate(self) -> float:
        """Share of words that the model lacks (OOV rate)."""
        return self.unknown / self.words if self.words else 0.0

    @property
    def perplexity(self) -> float:
        """Perplexity a known word or sentence end, as SRILM's ppl; unknown words are left out."""
        events = self.words - self.unknown + self.sentences
        return _perplexity(self.log_prob - self.unknown_log_prob, events)

    @property
    def perplexity_with_unknown(self) -> float:
        """Perplexity over every word and sentence end, unknown words at the model's P(<unk>)."""
        return _perplexity(self.log_prob, self.words + self.sentences)


def _perplexity(log_prob: float, events: int) -> float:
    if not events:
        return math.nan
    try:
        return math.exp(-log_prob / events)
    except OverflowError:  # words that the model holds for impossible
        return math.inf


def score_text(
    model: NgramModel, sentences: Iterable[Sequence[str]], *, mixture: LanguageModelMixture | None = None
) -> TextScore:
    """Score sentences; empty ones are skipped. A mixture of the model with a recurrent one speaks in its place."""
    count = words = unknown = 0
    total = unknown_total = 0.0
    for sentence in sentences:
        if not sentence:
            continue
        count += 1
        words += len(sentence)
        scores = model.score_words(sentence)
        total += sum(scores)
        if mixture is not None:  # unknown words keep the model's own probability
            total += float(mixture.gains([sentence])[0])
        for word, score in zip(sentence, scores, strict=False):
            if model.word_id(word) == UNKNOWN:
                unknown += 1
                unknown_total += score
    return TextScore(count, words, unknown, total, unknown_total)
