"""An n-gram and a recurrent language model together, as a second opinion on texts that a search has found.

    P(w | h) = (1 - share) P_ngram(w | h) + share P_recurrent(w | h)

What the recurrent model takes for `<unk>` is shared among the words outside its shortlist as the n-gram's
unigrams have them. Words that the n-gram does not know keep what it says of them.

Alternatives of one utterance differ in a word here and there, so histories that end in the same `_MEMORY`
words are taken for one (Liu et al. 2014): that of the text that comes first.
"""

from collections.abc import Sequence

import numpy as np

from asr.errors import DecodingError
from asr.language_model import recurrent
from asr.language_model.ngram import END, LN10, SPECIAL_WORDS, UNKNOWN, NgramModel
from asr.language_model.recurrent import RecurrentModel, RecurrentState

_MEMORY = 4
_AT_ONCE = 64  # histories whose softmax is computed together


def check_share(share: float) -> None:
    """Raise DecodingError unless a recurrent model can have this share of a mixture."""
    if not 0 <= share <= 1:
        raise DecodingError(f"recurrent share {share}; expected 0 to 1")


class LanguageModelMixture:
    """Both models, word by word.

    Args:
        ngram: of words.
        model: the recurrent one.
        share: of the recurrent model, 0 to 1.

    Raises:
        DecodingError: a share beyond that, an n-gram of characters, or models without a common word.
    """

    def __init__(self, ngram: NgramModel, model: RecurrentModel, *, share: float) -> None:
        check_share(share)
        if ngram.is_character_level:
            raise DecodingError(
                "recurrent language model: needs an n-gram of words beside it, not of characters"
            )
        self.ngram, self.model, self.share = ngram, model, share
        own = ngram.words[len(SPECIAL_WORDS) :]
        ids = np.full(len(ngram.words), recurrent.UNKNOWN)
        ids[END] = recurrent.END
        ids[len(SPECIAL_WORDS) :] = [model.index.get(word, recurrent.UNKNOWN) for word in own]
        if not (ids[len(SPECIAL_WORDS) :] != recurrent.UNKNOWN).any():
            raise DecodingError(
                f"recurrent language model: none of its words, such as {model.words[-1]!r}, is in the n-gram, which "
                f"has words such as {next(iter(own), '')!r}; they must be spelled alike"
            )
        self._ids = ids
        outside = ids == recurrent.UNKNOWN
        outside[: len(SPECIAL_WORDS)] = False
        unigrams = ngram.arrays.log10_prob[1 : 1 + len(ngram.words)].astype(np.float64) * LN10
        # ln of a word's part of `<unk>`; a word of the shortlist has all of itself.
        self._part = np.where(outside, unigrams, 0.0)
        if outside.any():
            highest = unigrams[outside].max()
            self._part[outside] -= highest + np.log(np.exp(unigrams[outside] - highest).sum())

    def gains(self, texts: Sequence[Sequence[str]]) -> np.ndarray:
        """ln P(text) - ln P_ngram(text) of each text, its end included; `(n,)` float64.

        Args:
            texts: alternatives of one utterance, the likeliest first.
        """
        numbers = [[*map(self.ngram.word_id, text), END] for text in texts]
        histories = _Histories(self.model)
        places = histories.follow([self._ids[words].tolist() for words in numbers])
        flat = np.array([word for words in numbers for word in words], np.int64)
        of_recurrent = histories.log_probs(np.concatenate(places), self._ids[flat]) + self._part[flat]
        of_ngram = self._of_ngram(numbers)
        with np.errstate(divide="ignore"):
            left, right = np.log([1 - self.share, self.share])
        gains = np.logaddexp(left, right + of_recurrent - of_ngram)
        gains[flat == UNKNOWN] = 0.0
        starts = np.cumsum([0, *(len(words) for words in numbers[:-1])])
        return np.asarray(np.add.reduceat(gains, starts))

    def _of_ngram(self, texts: Sequence[Sequence[int]]) -> np.ndarray:
        """ln P_ngram of each word of each text, one text after the other. Most of them share most of it."""
        known: dict[tuple[int, int], tuple[float, int]] = {}
        scores = []
        for text in texts:
            state = self.ngram.start_state
            for word in text:
                found = known.get((state, word))
                if found is None:
                    found = known[state, word] = self.ngram.score(state, word)
                score, state = found
                scores.append(score)
        return np.array(scores)


class _Histories:
    """Histories of texts, each computed once."""

    def __init__(self, model: RecurrentModel) -> None:
        self._model = model
        self._hidden: list[np.ndarray] = []  # (H,) each, as the next
        self._cell: list[np.ndarray] = []
        self._queries: list[np.ndarray] = []  # (n, D) each
        self._known: dict[tuple[int, ...], int] = {}
        self._add(model.start())

    def follow(self, texts: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """The place of the history before each word of each text, all texts one word at a time."""
        first: tuple[int, ...] = (recurrent.END,)
        self._known.setdefault(first, 0)
        places = [np.zeros(len(text), np.int64) for text in texts]
        keys = [first] * len(texts)
        for at in range(1, max(map(len, texts))):
            parents: list[int] = []
            words: list[int] = []
            new: dict[tuple[int, ...], int] = {}
            for number, text in enumerate(texts):
                if at >= len(text):
                    continue
                word = text[at - 1]
                key = (*keys[number], word)[-_MEMORY:]
                place = self._known.get(key, new.get(key))
                if place is None:
                    place = new[key] = len(self._known) + len(new)
                    parents.append(places[number][at - 1])
                    words.append(word)
                keys[number] = key
                places[number][at] = place
            if new:
                before = RecurrentState(
                    np.stack([self._hidden[parent] for parent in parents]),
                    np.stack([self._cell[parent] for parent in parents]),
                )
                self._add(self._model.advance(before, np.array(words)))
                self._known |= new
        return places

    def log_probs(self, places: np.ndarray, words: np.ndarray) -> np.ndarray:
        """ln P of `(n,)` words after the histories at `(n,)` places."""
        weights = self._model.weights
        queries = np.concatenate(self._queries)
        # All at once would be more than the processor's cache holds, one at a time all memory traffic.
        pieces = [queries[first : first + _AT_ONCE] for first in range(0, len(queries), _AT_ONCE)]
        norms = np.concatenate([self._model.log_norms(piece) for piece in pieces])
        logits = np.einsum("nd,nd->n", queries[places], weights.embedding[words]) + weights.bias[words]
        return np.asarray(logits - norms[places], np.float64)

    def _add(self, state: RecurrentState) -> None:
        self._hidden += list(state.hidden)
        self._cell += list(state.cell)
        self._queries.append(self._model.queries(state))
