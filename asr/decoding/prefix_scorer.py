"""Everything the search for any spelling knows beside the emission, checked for fit and laid out in arrays.

The score of a text is

    ln P_ctc(text) + lm_weight x ln P_lm(text) + word_bonus x words + unknown_penalty x unknown words
                   + weights of its hot words

where a word model scores words as they end, a character model every token, and both the end of the text. While a
word is open it may be ranked with the best unigram score that any word with this beginning can get (`look_ahead`;
Ortmanns, Ney & Eiden 1996); that is taken off when the word ends, so it moves pruning and never the result's score.
"""

import logging
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from asr.decoding.alphabet import BLANK, Alphabet, spellable
from asr.decoding.hotwords import HotWordAutomaton, build_automaton
from asr.decoding.lexicon import Trie, best_in_subtree, build_trie
from asr.errors import DecodingError
from asr.language_model.ngram import (
    LN10,
    SPECIAL_WORDS,
    UNKNOWN,
    NgramArrays,
    NgramModel,
)

log = logging.getLogger(__name__)

NO_LM, WORD_LM, CHARACTER_LM = 0, 1, 2


class Weights(NamedTuple):
    """How much each source counts; natural logarithms.

    Attributes:
        lm: factor of the language model's log-probability.
        word_bonus: added for each word.
        unknown_penalty: added for each word that a word model lacks, hot words excepted.
    """

    lm: float = 0.5
    word_bonus: float = 0.0
    unknown_penalty: float = -10.0


class PrefixScorer(NamedTuple):
    """Arrays for the search. V tokens, W words of the language model, n nodes: of the tree of its words, and the last for
    all that leaves the tree.

    Attributes:
        space: id of the space, -1 without one.
        child: `(n, V)` int32, the node after a token.
        word: `(n,)` int32, language model id of the word ending at a node.
        word_end_score: `(n,)` float64, added on top of the language model where that word ends.
        floor: `(n,)` float64, log10; a word gets no less than this from the language model.
        ahead: `(n,)` float64, the look-ahead of an open word at a node.
        lm_kind: `NO_LM`, `WORD_LM` or `CHARACTER_LM`.
        lm_weight: factor of log10 probabilities that makes them weighted natural logs.
        lm_start: state at the beginning of an utterance.
        lm: the language model's arrays.
        token_word: `(V,)` int32, a character model's word id of each token.
        word_token: `(W,)` int32, the other way; -1 where no token, or more than one, has the id.
        hot: the hot words' automaton.
    """

    space: int
    child: np.ndarray
    word: np.ndarray
    word_end_score: np.ndarray
    floor: np.ndarray
    ahead: np.ndarray
    lm_kind: int
    lm_weight: float
    lm_start: int
    lm: NgramArrays
    token_word: np.ndarray
    word_token: np.ndarray
    hot: HotWordAutomaton


def build_prefix_scorer(
    alphabet: Alphabet,
    *,
    lm: NgramModel | None = None,
    weights: Weights | None = None,
    hot_words: Mapping[str, float] | None = None,
    look_ahead: bool = False,
) -> PrefixScorer:
    """Check the parts against each other and lay them out.

    Args:
        alphabet: of the acoustic model.
        lm: a word model, or a character model (`NgramModel.is_character_level`).
        weights: of the parts.
        hot_words: phrase -> weight (natural log).
        look_ahead: rank open words by the best word that begins so.

    Raises:
        DecodingError: parts that do not fit: another letter case or alphabet, or a word model for an alphabet
            without a space.
    """
    hot_words = dict(hot_words or {})
    # Compiled code is compiled again for other types.
    weights = Weights(*map(float, weights or Weights()))
    for part, given in [("language model", lm), ("hot words", hot_words or None)]:
        if given is not None:
            alphabet.require_characters(part)
    hot = build_automaton(alphabet, hot_words)
    kind = NO_LM if lm is None else CHARACTER_LM if lm.is_character_level else WORD_LM
    extra = dict.fromkeys(word for phrase in hot_words for word in phrase.split())
    words: list[str] = []
    if lm is not None and kind == WORD_LM:
        words = spellable(alphabet, lm.words[len(SPECIAL_WORDS) :], source="language model")
        words = list(dict.fromkeys([*words, *extra]))
    if kind == WORD_LM and alphabet.space < 0:
        raise DecodingError(
            f"language model: of words, but the model's alphabet {alphabet} has no space to part them"
        )
    trie = _spellings(tuple(words), alphabet)
    off_tree = len(trie.token)
    factor = weights.lm * LN10
    ids, floor, penalty = np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    if lm is not None and kind == WORD_LM:
        ids = np.array([lm.word_id(word) for word in words], np.int64)
        floor, penalty = unknown_words(lm, ids, np.array([word in extra for word in words], bool), weights)
    unknown_end_score = weights.word_bonus + (weights.unknown_penalty if kind == WORD_LM else 0.0)
    ahead = np.zeros(off_tree + 1)
    if look_ahead and lm is not None and kind == WORD_LM:
        # The word bonus is left out: prefixes that are quick to begin words would crowd out the others.
        prob = np.maximum(lm.arrays.log10_prob[1 + ids], floor)
        known = best_in_subtree(trie, factor * prob + penalty)
        unknown = factor * float(lm.arrays.log10_prob[1 + UNKNOWN]) + weights.unknown_penalty
        # Whatever begins like a known word may still become an unknown one.
        ahead = np.maximum(np.append(known, -np.inf), unknown)
        ahead[0] = 0.0
    token_word, word_token = _characters(alphabet, lm) if lm is not None and kind == CHARACTER_LM else _EMPTY
    child = np.full((off_tree + 1, len(alphabet.symbols)), off_tree, np.int32)
    child[np.repeat(np.arange(off_tree), np.diff(trie.first_child)), trie.token[1:]] = np.arange(1, off_tree)
    return PrefixScorer(
        alphabet.space,
        child,
        _at_nodes(trie, ids, UNKNOWN).astype(np.int32),
        _at_nodes(trie, penalty + weights.word_bonus, unknown_end_score),
        _at_nodes(trie, floor, -np.inf),
        ahead,
        kind,
        factor,
        lm.start_state if lm is not None else 0,
        lm.arrays if lm is not None else NO_ARRAYS,
        token_word,
        word_token,
        hot,
    )


_EMPTY = (np.zeros(0, np.int32), np.zeros(0, np.int32))
NO_ARRAYS = NgramArrays(
    np.zeros(0, np.int32),
    np.zeros(0, np.float32),
    np.zeros(0, np.int32),
    np.zeros(0, np.float32),
    np.zeros(0, np.int32),
)


@lru_cache(maxsize=2)
def _spellings(words: tuple[str, ...], alphabet: Alphabet) -> Trie:
    """The tree of some words, kept for when other weights are tried on the same words."""
    return build_trie([alphabet.spell(word) or [] for word in words], vocabulary_size=len(alphabet.symbols))


def _at_nodes(trie: Trie, values: np.ndarray, otherwise: float) -> np.ndarray:
    """Values of words at the nodes where they end, the one off the tree included."""
    found = np.full(len(trie.token) + 1, otherwise)
    ended = np.flatnonzero(np.diff(trie.first_entry))
    found[ended] = values[trie.entry[trie.first_entry[ended]]]
    return found


def unknown_words(
    lm: NgramModel, ids: np.ndarray, is_hot: np.ndarray, weights: Weights
) -> tuple[np.ndarray, np.ndarray]:
    """For words of given ids, least log10 probabilities and penalties; a hot word is none of the unknown ones."""
    floor, penalty, is_unknown = np.full(len(ids), -np.inf), np.zeros(len(ids)), ids == UNKNOWN
    # One of the model's words, as likely as any: the user has vouched for it.
    floor[is_unknown & is_hot] = -math.log10(len(lm.words))
    penalty[is_unknown & ~is_hot] = weights.unknown_penalty
    return floor, penalty


def _characters(alphabet: Alphabet, lm: NgramModel) -> tuple[np.ndarray, np.ndarray]:
    """Token -> word id and back, for a character model; `|` is the space."""
    spellable(
        alphabet,
        (" " if word == "|" else word for word in lm.words[len(SPECIAL_WORDS) :]),
        source="language model of characters",
    )
    token_word = np.array(
        [lm.word_id("|" if symbol == " " else symbol) for symbol in alphabet.symbols], np.int32
    )
    token_word[BLANK] = UNKNOWN
    lacking = [symbol for symbol, word in zip(alphabet.symbols, token_word, strict=True) if word == UNKNOWN][
        1:
    ]
    if lacking:
        log.warning(
            "language model of characters: lacks %s of the model's alphabet", ", ".join(map(repr, lacking))
        )
    word_token = np.full(len(lm.words), -1, np.int32)
    for token, word in enumerate(token_word):
        if word != UNKNOWN:
            word_token[word] = token
    return token_word, word_token
