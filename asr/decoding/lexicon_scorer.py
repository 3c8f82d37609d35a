"""What the search through a lexicon knows: the words as a tree of phones or letters, the language model, weights.

The score of a text is

    ln P_ctc(its tokens) + lm_weight x ln P_lm(text) + word_bonus x words + unknown_penalty x unknown words
                         + weights of its hot words

where a word may have several pronunciations and a pronunciation several words. An open word is ranked
with the best unigram score that any word with this beginning can get, its look-ahead (Ortmanns, Ney & Eiden 1996).
"""

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from asr.decoding.lexicon import best_in_subtree
from asr.decoding.prefix_scorer import NO_ARRAYS, Weights, unknown_words
from asr.decoding.pronunciation_lexicon import PronunciationLexicon
from asr.errors import DecodingError
from asr.language_model.ngram import LN10, NgramArrays, NgramModel


class LexiconScorer(NamedTuple):
    """Arrays for the search. n nodes of the tree, E entries, U words of all entries, or characters where the language model is of those.

    Attributes:
        first_child, first_entry, entry: of the tree; see `lexicon.Trie`.
        token: `(n,)` int32, the token that leads to a node; to the root the separator, 0 without one.
        first_after, last_after: the nodes that may follow a word are from this one to before that one: the root's children,
            or the root where a separator leads back to it.
        ahead: `(n,)` float64, the look-ahead of an open word at a node.
        first_word: `(E + 1,)` int32, where an entry's words begin in the next two.
        lm_word: `(U,)` int32, language model ids of the entries' words, or of their characters.
        floor: `(U,)` float64, log10; a word gets no less than this from the language model.
        word_end_score: `(E,)` float64, added on top of the language model where the entry ends.
        has_lm: whether there is a language model.
        lm_weight: factor of log10 probabilities that makes them weighted natural logs.
        lm_start: state at the beginning of an utterance.
        lm_separator: what a language model of characters reads between words; -1 of words.
        lm: the language model's arrays.
    """

    first_child: np.ndarray
    token: np.ndarray
    first_after: int
    last_after: int
    first_entry: np.ndarray
    entry: np.ndarray
    ahead: np.ndarray
    first_word: np.ndarray
    lm_word: np.ndarray
    floor: np.ndarray
    word_end_score: np.ndarray
    has_lm: bool
    lm_weight: float
    lm_start: int
    lm_separator: int
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
        lm: a model of words, or of characters for a lexicon of spellings.
        weights: of the parts.
        hot_words: phrase -> weight (natural log).
        look_ahead: rank open words by the best word that begins so.

    Raises:
        DecodingError: a language model of characters beside phones, or one that knows none of the words; a hot
            phrase that is no entry, or one of several words that is disfavoured.
    """
    # Compiled code is compiled again for other types.
    weights = Weights(*map(float, weights or Weights()))
    if lm is not None:
        lexicon = lexicon.linked(lm, strict=not hot_words)
    trie, first_word, lm_word = lexicon.trie, lexicon.first_lm_word, lexicon.lm_word
    floor, prob, penalty = (np.full(len(lm_word), start) for start in (-np.inf, 0.0, 0.0))
    favour = np.zeros(len(lexicon))
    hot: set[str] = set()
    if hot_words:
        texts = lexicon.texts()
        checked = check_hot_words(hot_words, set(texts))
        favour = np.fromiter((checked.get(text, 0.0) for text in texts), np.float64, len(texts))
        hot = {word for phrase in checked for word in phrase.split()}
    factor = weights.lm * LN10
    by_character = lm is not None and lm.is_character_level
    if lm is not None and not by_character:
        is_hot = np.zeros(len(lm_word), bool)
        if hot:
            is_hot = np.fromiter((word in hot for word in lexicon.all_words()), bool, len(lm_word))
        floor, penalty = unknown_words(lm, lm_word, is_hot, weights)
        prob = np.maximum(lm.arrays.log10_prob[1 + lm_word].astype(np.float64), floor)
    bonus = weights.word_bonus * np.diff(lexicon.first_word)
    word_end_score = np.add.reduceat(penalty, first_word[:-1]) + bonus + favour
    ahead = np.zeros(len(trie.token))
    if look_ahead:
        # The word bonus is left out: see `prefix_scorer.build_prefix_scorer`.
        ahead = best_in_subtree(
            trie, factor * np.add.reduceat(prob, first_word[:-1]) + word_end_score - bonus
        )
        ahead[0] = 0.0
    token, after = trie.token, (1, int(trie.first_child[1]))
    if lexicon.separator:
        token, after = np.append(lexicon.separator, token[1:]).astype(np.int32), (0, 1)
    return LexiconScorer(
        trie.first_child,
        token,
        *after,
        trie.first_entry,
        trie.entry,
        ahead,
        first_word,
        lm_word,
        floor,
        word_end_score,
        lm is not None,
        factor,
        lm.start_state if lm is not None else 0,
        lm.word_id("|") if lm is not None and by_character else -1,
        lm.arrays if lm is not None else NO_ARRAYS,
    )


def check_hot_words(hot_words: Mapping[str, float], known: Collection[str]) -> dict[str, float]:
    """The phrases with single spaces. Raises DecodingError as `build_lexicon_scorer`."""
    checked = {}
    for phrase, weight in hot_words.items():
        text = " ".join(phrase.split())
        if text not in known or not math.isfinite(weight):
            wanted = "a finite weight" if text in known else "words of the lexicon"
            raise DecodingError(f"hot word {phrase!r} (weight {weight:g}); expected {wanted}")
        if weight < 0 and " " in text:
            raise DecodingError(
                f"hot word {phrase!r}: a phrase of several words can be favoured, not disfavoured, in a search through "
                "a lexicon; give a weight above 0, or decode by letters without one (--pronunciations none --lexicon none)"
            )
        checked[text] = weight
    return checked
