"""What the search through a lexicon knows: the words as a tree of phones or letters, the language model, weights.

The score of a text is

    ln P_ctc(its tokens) + lm_weight x ln P_lm(text) + word_bonus x words + unknown_penalty x unknown words
                         + weights of its hot words

where a word may have several pronunciations and a pronunciation several words. An open word is ranked
with the best unigram score that any word with this beginning can get, its look-ahead (Ortmanns, Ney & Eiden 1996).
"""

import logging
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from asr.decoding.lexicon import highest_below
from asr.decoding.prefix_scorer import NO_ARRAYS, Weights
from asr.decoding.pronunciation_lexicon import PronunciationLexicon
from asr.errors import DecodingError
from asr.language_model.ngram import LN10, SPECIAL_WORDS, UNKNOWN, NgramArrays, NgramModel

log = logging.getLogger(__name__)


class LexiconScorer(NamedTuple):
    """Arrays for the search. n nodes of the tree, c ways on, E entries, W words of all entries.

    Attributes:
        first_child: `(n + 2,)` int32, where the ways on from a node begin in the next two; row n is what may follow a
            word.
        child, child_token: `(c,)` int32, the nodes that follow, and the tokens that lead there.
        token: `(n,)` int32, the token that leads to a node; 0 for the root.
        first_entry: `(n + 1,)` int32, where the entries that end at a node begin in `entry`.
        entry: `(E,)` int32, entries by the node that they end at.
        ahead: `(n,)` float64, the look-ahead of an open word at a node.
        first_word: `(E + 1,)` int32, where an entry's words begin in the next two.
        lm_word: `(W,)` int32, language model ids of the entries' words, or of their characters.
        floor: `(W,)` float64, log10; a word gets no less than this from the language model.
        word_end_score: `(E,)` float64, added on top of the language model where the entry ends.
        has_lm: whether there is a language model.
        lm_weight: factor of log10 probabilities that makes them weighted natural logs.
        lm_start: state at the beginning of an utterance.
        lm_separator: what a language model of characters reads between words; -1 of words.
        lm: the language model's arrays.
    """

    first_child: np.ndarray
    child: np.ndarray
    child_token: np.ndarray
    token: np.ndarray
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
    hot_words = _check_hot_words(hot_words or {}, lexicon)
    texts = [" ".join(words) for words in lexicon.words]
    by_character = lm is not None and lm.is_character_level
    # What the language model reads of each entry: its words, or their characters.
    read = ["|".join(words) if by_character else words for words in lexicon.words]
    first_word = np.concatenate([[0], np.cumsum([len(units) for units in read])]).astype(np.int32)
    flat = [unit for units in read for unit in units]
    lm_word, floor = np.zeros(len(flat), np.int32), np.full(len(flat), -np.inf)
    prob, penalty = np.zeros(len(flat)), np.zeros(len(flat))
    factor = weights.lm * LN10
    if lm is not None:
        lm_word = _lm_words(lm, flat, lexicon)
    if lm is not None and not by_character:
        hot = {word for phrase in hot_words for word in phrase.split()}
        is_hot = np.fromiter((word in hot for word in flat), bool, len(flat))
        is_unknown = lm_word == UNKNOWN
        # One of the model's words, as likely as any: the user has vouched for it.
        floor[is_unknown & is_hot] = -math.log10(len(lm.words))
        penalty[is_unknown & ~is_hot] = weights.unknown_penalty
        prob = np.maximum(lm.arrays.log10_prob[1 + lm_word].astype(np.float64), floor)
    bonus = weights.word_bonus * np.fromiter(map(len, lexicon.words), np.float64, len(texts))
    word_end_score = np.add.reduceat(penalty, first_word[:-1]) + bonus
    word_end_score += np.fromiter((hot_words.get(text, 0.0) for text in texts), np.float64, len(texts))
    trie, nodes = lexicon.trie, len(lexicon.trie.entry)
    ahead = np.zeros(nodes)
    if look_ahead:
        # The word bonus is left out: see `prefix_scorer.build_prefix_scorer`.
        unigram = factor * np.add.reduceat(prob, first_word[:-1]) + word_end_score - bonus
        at_node = np.full(nodes, -np.inf)
        np.maximum.at(at_node, lexicon.node, unigram)
        ends = np.where(at_node > -np.inf, np.arange(nodes), -1)
        ahead = highest_below(trie._replace(entry=ends), at_node)
        ahead[0] = 0.0
    order = np.argsort(lexicon.node, kind="stable")
    parents, tokens = np.nonzero(trie.child >= 0)
    children = trie.child[parents, tokens]
    token = np.zeros(nodes, np.int32)
    token[children] = tokens
    # What may follow a word is what may begin one, or the space, which leads back to the root.
    after_word = children[parents == 0], tokens[parents == 0]
    if lexicon.separator:
        token[0] = lexicon.separator[0]
        after_word = np.zeros(1, np.int64), token[:1].astype(np.int64)
    return LexiconScorer(
        np.append(np.searchsorted(parents, np.arange(nodes + 1)), len(parents) + len(after_word[0])).astype(
            np.int32
        ),
        np.append(children, after_word[0]).astype(np.int32),
        np.append(tokens, after_word[1]).astype(np.int32),
        token,
        np.searchsorted(lexicon.node[order], np.arange(nodes + 1)).astype(np.int32),
        order.astype(np.int32),
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


def _lm_words(lm: NgramModel, units: list[str], lexicon: PronunciationLexicon) -> np.ndarray:
    source = "lexicon" if lexicon.separator else "pronunciations"
    if lm.is_character_level and not lexicon.separator:
        raise DecodingError("pronunciations: need a language model of words; this one is of characters")
    ids = np.array([lm.word_id(unit) for unit in units], np.int32)
    known = int((ids != UNKNOWN).sum())
    if known == 0:
        own = lm.words[len(SPECIAL_WORDS) :]
        raise DecodingError(
            f"{source}: none of its {len(units)} words, such as {units[0]!r}, is in the language model, which has "
            f"words such as {next(iter(own), '')!r}; they must be spelled alike"
        )
    if lexicon.separator and known < len(units):
        log.warning(
            "%s: %d of %d words are not in the language model", source, len(units) - known, len(units)
        )
    return ids


def _check_hot_words(hot_words: Mapping[str, float], lexicon: PronunciationLexicon) -> dict[str, float]:
    known = {" ".join(words) for words in lexicon.words}
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
