"""What the search through pronunciations knows: a lexicon as a tree of phones, the language model, weights.

The score of a text is

    ln P_ctc(its phones) + lm_weight x ln P_lm(text) + word_bonus x words + unknown_penalty x unknown words
                         + weights of its hot words

where a word may have several pronunciations and a pronunciation several words. An open word is lent the
best unigram score that any word with this beginning can get (Ortmanns, Ney & Eiden 1996).
"""

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from asr.decoding.lexicon import best_in_subtree
from asr.decoding.prefix_scorer import NO_ARRAYS, Weights
from asr.decoding.pronunciation_lexicon import PronunciationLexicon
from asr.errors import DecodingError
from asr.language_model.ngram import LN10, UNKNOWN, NgramArrays, NgramModel


class LexiconScorer(NamedTuple):
    """Arrays for the search. P phones with the blank, n nodes of the tree, E entries, W words of all entries.

    Attributes:
        child, phone, first_entry, entry: of the tree; see `lexicon.Trie`, where `phone` is `token`.
        ahead: `(n,)` float64, what an open word at a node is lent.
        first_word: `(E + 1,)` int32, where an entry's words begin in the next two.
        lm_word: `(W,)` int32, language model ids of the entries' words.
        least: `(W,)` float64, log10; a word gets no less than this from the language model.
        closing: `(E,)` float64, added on top of the language model when the entry closes.
        has_lm: whether there is a language model.
        lm_weight: factor of log10 probabilities that makes them weighted natural logs.
        lm_start: state at the beginning of an utterance.
        lm: the language model's arrays.
    """

    child: np.ndarray
    phone: np.ndarray
    first_entry: np.ndarray
    entry: np.ndarray
    ahead: np.ndarray
    first_word: np.ndarray
    lm_word: np.ndarray
    least: np.ndarray
    closing: np.ndarray
    has_lm: bool
    lm_weight: float
    lm_start: int
    lm: NgramArrays


def build_lexicon_scorer(
    lexicon: PronunciationLexicon,
    *,
    lm: NgramModel | None = None,
    weights: Weights | None = None,
    hot_words: Mapping[str, float] | None = None,
    look_ahead: bool = True,
) -> LexiconScorer:
    """Lay everything out in arrays.

    Args:
        lexicon: the words, hot phrases of several words among them as entries of their own.
        lm: a model of words.
        weights: of the parts.
        hot_words: phrase -> weight (natural log).
        look_ahead: lend open words the score of the best word that begins so.

    Raises:
        DecodingError: a language model of characters, or one that knows none of the words; a hot phrase
            that is no entry, or one of several words that is disfavoured.
    """
    # Compiled code is compiled again for other types.
    weights = Weights(*map(float, weights or Weights()))
    if lm is not None:
        lexicon = lexicon.linked(lm)
    first_word, lm_word, trie = lexicon.first_word, lexicon.lm_word, lexicon.trie
    least, prob, penalty = (np.full(len(lm_word), start) for start in (-np.inf, 0.0, 0.0))
    favour = np.zeros(len(lexicon))
    is_hot = np.zeros(len(lm_word), bool)
    if hot_words:
        texts = lexicon.texts()
        checked = _check_hot_words(hot_words, set(texts))
        favour = np.fromiter((checked.get(text, 0.0) for text in texts), np.float64, len(texts))
        hot = {word for phrase in checked for word in phrase.split()}
        is_hot = np.fromiter((word in hot for word in lexicon.all_words()), bool, len(lm_word))
    factor = weights.lm * LN10
    if lm is not None:
        is_unknown = lm_word == UNKNOWN
        # One of the model's words, as likely as any: the user has vouched for it.
        least[is_unknown & is_hot] = -math.log10(len(lm.words))
        penalty[is_unknown & ~is_hot] = weights.unknown_penalty
        prob = np.maximum(lm.arrays.log10_prob[1 + lm_word].astype(np.float64), least)
    counts = np.diff(first_word)
    closing = np.add.reduceat(penalty, first_word[:-1]) + counts * weights.word_bonus + favour
    ahead = np.zeros(len(trie.parent))
    if look_ahead:
        # The word bonus is not lent: see `prefix_scorer.build_prefix_scorer`.
        lent = factor * np.add.reduceat(prob, first_word[:-1]) + closing - counts * weights.word_bonus
        ahead = best_in_subtree(trie, lent)
        ahead[0] = 0.0
    return LexiconScorer(
        trie.child,
        trie.token,
        trie.first_entry,
        trie.entry,
        ahead,
        first_word,
        lm_word,
        least,
        closing,
        lm is not None,
        factor,
        lm.start_state if lm is not None else 0,
        lm.arrays if lm is not None else NO_ARRAYS,
    )


def _check_hot_words(hot_words: Mapping[str, float], known: Collection[str]) -> dict[str, float]:
    checked = {}
    for phrase, weight in hot_words.items():
        text = " ".join(phrase.split())
        if text not in known or not math.isfinite(weight):
            wanted = "a finite weight" if text in known else "words with a pronunciation"
            raise DecodingError(f"hot word {phrase!r} (weight {weight:g}); expected {wanted}")
        if weight < 0 and " " in text:
            raise DecodingError(
                f"hot word {phrase!r}: a phrase of several words can be favoured, not disfavoured; give a weight "
                "above 0, or decode by letters (--pronunciations none)"
            )
        checked[text] = weight
    return checked
