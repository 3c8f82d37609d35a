"""Two n-gram models into one: linear interpolation, as SRILM's `-mix-lm`.

    P(w | h) = share P_a(w | h) + (1 - share) P_b(w | h)

for every n-gram that one of them lists; what neither lists backs off, with weights that make the sum over words 1. A
word that a model does not have is impossible in it. The share that suits a text is found by expectation maximisation
(Jelinek & Mercer 1980).
"""

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from asr.errors import LanguageModelError
from asr.language_model.estimate import LOG10_START
from asr.language_model.ngram import (
    START,
    UNKNOWN,
    NgramArrays,
    NgramModel,
    backoff_weights,
    build_skeleton,
    find_keys,
    gram_keys,
    parents,
)

log = logging.getLogger(__name__)

_CONVERGED = 1e-5  # of a share
_ABSENT = -1  # in place of the id of a word that a model lacks


def mix(first: NgramModel, second: NgramModel, *, share: float) -> NgramModel:
    """Interpolate two models.

    Args:
        first, second: of words both, or of characters both; their orders may differ.
        share: of the first, above 0 and below 1.

    Raises:
        LanguageModelError: another share, or a model of words and one of characters.
    """
    if not 0 < share < 1:
        raise LanguageModelError(f"share {share}; expected more than 0 and less than 1, such as 0.9")
    _check_units(first, second)
    words = tuple(dict.fromkeys([*first.words, *second.words]))
    sources = [_Source(model, words) for model in (first, second)]
    skeleton = build_skeleton(len(words), _listed_by_either(sources))
    log10_prob = np.zeros(len(skeleton.word), np.float32)
    log10_backoff = np.zeros(skeleton.inner, np.float32)
    mixed = NgramModel(
        words,
        skeleton.counts,
        NgramArrays(skeleton.word, log10_prob, skeleton.suffix, log10_backoff, skeleton.first_child),
    )
    keys = _Keys(mixed)
    contexts = slice(0, 1)
    for nodes, grams in _grams(mixed):
        log.info("order %d: %d n-grams of both", grams.shape[1], len(grams))
        of_first, of_second = (source.probabilities(grams) for source in sources)
        prob = share * of_first + (1 - share) * of_second
        if grams.shape[1] == 1:
            prob[START] = 0.0
        else:
            below = 10.0 ** keys.log10_probs(grams[:, 1:])  # by the orders that are through
            listed, shorter = (
                np.bincount(skeleton.parent[nodes], weights=values, minlength=skeleton.inner)[contexts]
                for values in (prob, below)
            )
            log10_backoff[contexts] = np.log10(backoff_weights(listed, shorter))
        with np.errstate(divide="ignore"):
            log10_prob[nodes] = np.maximum(np.log10(prob), LOG10_START)
        contexts = nodes
    return mixed


def best_share(first: NgramModel, second: NgramModel, text: Iterable[Sequence[str]]) -> float:
    """The share of the first model under which a text is likeliest.

    Words that both models lack have no say.

    Raises:
        LanguageModelError: a text without a word that either model knows, or a model of words and one of characters.
    """
    _check_units(first, second)
    sentences = [sentence for sentence in text if sentence]
    ln_probs = []
    for model in (first, second):
        scores = [model.score_words(sentence) for sentence in sentences]
        for sentence, found in zip(sentences, scores, strict=True):
            found[:-1] = [
                -np.inf if model.word_id(word) == UNKNOWN else score
                for word, score in zip(sentence, found[:-1], strict=True)
            ]
        ln_probs.append(np.concatenate([*map(np.array, scores), []]))
    of_first, of_second = (np.exp(values) for values in ln_probs)
    known = of_first + of_second > 0
    if not known.any():
        raise LanguageModelError("the text to tune on has no word that the models know")
    of_first, of_second = of_first[known], of_second[known]
    share, before = 0.5, -1.0
    while abs(share - before) > _CONVERGED:
        of_both = share * of_first + (1 - share) * of_second
        share, before = float(np.mean(share * of_first / of_both)), share
    return share


class _Keys:
    """Looks up many n-grams of a model at once."""

    def __init__(self, model: NgramModel) -> None:
        arrays = model.arrays
        self._arrays, self._words, self._inner = arrays, len(model.words), len(arrays.log10_backoff)
        self._first = 1 + self._words  # bigram
        self._keys = gram_keys(arrays.word, parents(arrays.first_child), self._words)

    def log10_probs(self, grams: np.ndarray) -> np.ndarray:
        """log10 P(last word | words before it) of `(n, k)` ids; `(n,)` float64."""
        states = np.zeros(len(grams), np.int64)
        for words in grams.T:
            scores, states = self._advance(states, words)
        return scores

    def _advance(self, states: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`NgramModel.score` of many words."""
        scores, after = np.zeros(len(states)), np.zeros(len(states), np.int64)
        pending, states = np.arange(len(states)), states.copy()
        while len(pending):
            at, last = states[pending], words[pending].astype(np.int64)
            found, hit = find_keys(self._keys, at * self._words + last)
            child = np.where(at == 0, 1 + last, self._first + found)
            hit |= at == 0
            done, nodes = pending[hit], child[hit]
            scores[done] += self._arrays.log10_prob[nodes]
            after[done] = np.where(nodes < self._inner, nodes, self._arrays.suffix[nodes])
            pending, at = pending[~hit], at[~hit]
            scores[pending] += self._arrays.log10_backoff[at]
            states[pending] = self._arrays.suffix[at]
        return scores, after


class _Source:
    """One of the models, in the word ids of the mixture."""

    def __init__(self, model: NgramModel, words: Sequence[str]) -> None:
        self.model, self._keys = model, _Keys(model)
        self._own = np.array([model.index.get(word, _ABSENT) for word in words])
        self.ids = np.flatnonzero(self._own != _ABSENT)[np.argsort(self._own[self._own != _ABSENT])]

    def probabilities(self, grams: np.ndarray) -> np.ndarray:
        """P(last word | words before it) of `(n, k)` ids of the mixture; 0 of a word that is not here."""
        own = self._own[grams]
        known = own[:, -1] != _ABSENT
        found = np.zeros(len(grams))
        found[known] = 10.0 ** self._keys.log10_probs(np.where(own[known] == _ABSENT, UNKNOWN, own[known]))
        return found

    def tables(self) -> list[np.ndarray]:
        """The n-grams `(n, k)` of each order, in ids of the mixture."""
        return [self.ids[grams].astype(np.int32) for _, grams in _grams(self.model)]


def _grams(model: NgramModel) -> Iterator[tuple[slice, np.ndarray]]:
    """The nodes of each order, and their `(n, k)` word ids."""
    arrays, parent = model.arrays, parents(model.arrays.first_child)
    nodes, grams = slice(0, 1), np.zeros((1, 0), np.int32)
    for count in model.counts:
        contexts, nodes = nodes, slice(nodes.stop, nodes.stop + count)
        grams = np.column_stack([grams[parent[nodes] - contexts.start], arrays.word[nodes]])
        yield nodes, grams


def _listed_by_either(sources: Sequence[_Source]) -> list[np.ndarray]:
    """The n-grams of each order that one of the models lists."""
    tables = []
    for of_order in itertools.zip_longest(*(source.tables() for source in sources)):
        there = [table for table in of_order if table is not None]
        tables.append(np.unique(np.concatenate(there), axis=0))
    return tables


def _check_units(first: NgramModel, second: NgramModel) -> None:
    if first.is_character_level != second.is_character_level:
        raise LanguageModelError("one model is of words, the other of characters; they cannot be mixed")
