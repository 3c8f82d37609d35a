"""The search for given phrases and nothing else, beside a model of other speech.

A text is any sequence of the phrases. Each is one entry of a small lexicon, once for each way to say it. Beside them stands
other speech: every phone (or letter) by itself, without text. Of all that, the likeliest is found, where

    the score is ln P_ctc(phones) + other_speech x phones of other speech + 4 x other_speech x changes

and a change goes from a phrase to other speech or back. So a phrase is heard where its phones are hardly less probable than
the best that the network hears there; a short one amid other speech is not, for two changes cost as much as eight phones. It is
the garbage model of keyword spotting (Rose & Paul 1990), made of the network's own phones.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np

from asr.decoding.alphabet import Alphabet
from asr.decoding.hotwords import spell_hot_word
from asr.decoding.lexicon_beam import LexiconBeamSearch
from asr.decoding.lexicon_scorer import build_lexicon_scorer
from asr.decoding.prefix_scorer import Weights
from asr.decoding.pronunciation_lexicon import PronunciationLexicon, lay_out
from asr.decoding.said_words import SaidWords
from asr.decoding.search import LEAST_TEXTS, Candidate, Limits, Spelled
from asr.errors import DecodingError
from asr.language_model.ngram import END, LN10, SPECIAL_WORDS, NgramModel, NgramTable, build_model

if TYPE_CHECKING:
    from asr.decoding.options import DecodingOptions

_CHANGE = 4.0  # phones of other speech that a change between it and a phrase costs as much as
_MOST_WAYS = 64  # of a phrase; beyond, its words vary one at a time
_PHRASE, _OTHER = len(SPECIAL_WORDS), len(SPECIAL_WORDS) + 1

Tokens = tuple[int, ...]


class PhraseSearch(LexiconBeamSearch):
    """A `Search` whose other speech has no text.

    Args:
        lexicon: phrases, and other speech as entries of one empty word.
        head: of the emission, what is searched.
        space: the id of what may end a word of letters; -1 of phones.
        other_speech: natural log, of each token of other speech.
        limits: see `LexiconBeamSearch`.
        blank_penalty: see `LexiconBeamSearch`.
    """

    def __init__(
        self,
        lexicon: PronunciationLexicon,
        *,
        head: Literal["letters", "phones"],
        space: int,
        other_speech: float,
        limits: Limits | None = None,
        blank_penalty: float = 0.0,
    ) -> None:
        lm = _phrases_and_other(other_speech)
        kind = [_PHRASE if any(lexicon.words_of(entry)) else _OTHER for entry in range(len(lexicon))]
        lexicon = replace(
            lexicon,
            lm=lm,
            lm_word=np.array(kind, np.int32),
            first_lm_word=np.arange(len(kind) + 1, dtype=np.int32),
        )
        scorer = build_lexicon_scorer(lexicon, lm=lm, weights=Weights(1.0, 0.0, 0.0))
        super().__init__(lexicon, scorer, limits=limits, blank_penalty=blank_penalty)
        self.head = head
        self._space = space

    def search(self, log_probs: np.ndarray, *, n_best: int = 1) -> list[Candidate]:
        """See `Search`. Texts that differ in their other speech are the same."""
        found: dict[str, Candidate] = {}
        for one in super().search(log_probs, n_best=max(n_best, LEAST_TEXTS)):
            found.setdefault(self.text(one), one)
        return list(found.values())[:n_best]

    def spell(self, candidate: Candidate) -> tuple[list[int], list[Spelled]]:
        """See `Search`."""
        tokens, words = super().spell(candidate)
        spelled = [word for word in words if word.text]
        return tokens, [
            word._replace(last=word.last - 1) if tokens[word.last - 1] == self._space else word
            for word in spelled
        ]

    def words(self, entries: Sequence[int]) -> list[str]:
        """See `LexiconBeamSearch`."""
        return [word for word in super().words(entries) if word]


def build_phrase_search(
    options: "DecodingOptions", alphabet: Alphabet, said: SaidWords | None, *, limits: Limits
) -> PhraseSearch:
    """The search for `options.phrases`.

    Args:
        options: the phrases, and what other speech costs.
        alphabet: of the model's letters.
        said: how words are said; None looks for the letters of the phrases.
        limits: of the search.

    Raises:
        DecodingError: a phrase that the model can neither say nor spell.
    """
    words: list[tuple[str, ...]] = []
    tokens: list[tuple[Tokens, ...]] = []
    for phrase, ways in _ways(options.phrases, alphabet, said):
        for way in ways:
            words.append(phrase)
            tokens.append(way)
    columns = len(alphabet.symbols) if said is None else 1 + len(said.phones)
    for token in range(1, columns):
        words.append(("",))
        tokens.append(((token,),))
    return PhraseSearch(
        lay_out(words, tokens, columns=columns),
        head="letters" if said is None else "phones",
        space=alphabet.space if said is None else -1,
        other_speech=options.other_speech,
        limits=limits,
        blank_penalty=options.blank_penalty,
    )


def _ways(
    phrases: Sequence[str], alphabet: Alphabet, said: SaidWords | None
) -> list[tuple[tuple[str, ...], list[tuple[Tokens, ...]]]]:
    """The words of each phrase, and the ways to say or spell them: for each word its tokens."""
    split = [tuple(phrase.split()) for phrase in phrases]
    if said is None:
        alphabet.require_characters("phrases")
        return [(words, _spelled(words, alphabet)) for words in split]
    known = said.ways(word for words in split for word in words)
    ids = {phone: number for number, phone in enumerate(said.phones, 1)}
    found = []
    for words in split:
        choices = []
        for word in words:
            ways = [tuple(ids[phone] for phone in way) for way in known.get(word, ()) if set(way) <= set(ids)]
            if not ways:
                raise DecodingError(
                    f"phrase {' '.join(words)!r}: no pronunciation of {word} in {said.path}, and none by rule in the model's phones; "
                    "spell it as it is said, or add it to a copy of that file and give it as --pronunciations"
                )
            choices.append(list(dict.fromkeys(ways)))
        found.append((words, _combined(choices)))
    return found


def _combined(choices: Sequence[Sequence[Tokens]]) -> list[tuple[Tokens, ...]]:
    """The ways to say a phrase whose words may each be said in some ways."""
    if math.prod(map(len, choices)) <= _MOST_WAYS:
        return list(product(*choices))
    first = tuple(ways[0] for ways in choices)
    others = [
        (*first[:place], way, *first[place + 1 :]) for place, ways in enumerate(choices) for way in ways[1:]
    ]
    return [first, *others]


def _spelled(words: Sequence[str], alphabet: Alphabet) -> list[tuple[Tokens, ...]]:
    """The letters of a phrase; a space follows each word, and may follow the last."""
    phrase = " ".join(words)
    try:
        spell_hot_word(alphabet, phrase, 0.0)
    except DecodingError as error:
        raise DecodingError(str(error).replace("hot word", "phrase", 1)) from None
    letters = [tuple(alphabet.ids[letter] for letter in word) for word in words]
    if alphabet.space < 0:
        return [tuple(letters)]
    *inner, last = letters
    closed = [(*word, alphabet.space) for word in inner]
    return [(*closed, last), (*closed, (*last, alphabet.space))]


def _phrases_and_other(other_speech: float) -> NgramModel:
    """What a sequence of phrases and of other speech costs, as a bigram model of two words; all else is free."""
    free, change = 0.0, _CHANGE * other_speech
    unigram = np.array([free] * (END + 1) + [free, other_speech], np.float32) / LN10
    ids = np.arange(len(unigram), dtype=np.int32)[:, None]
    bigram = np.array([change + other_speech, change], np.float32) / LN10
    changes = np.array([[_PHRASE, _OTHER], [_OTHER, _PHRASE]], np.int32)
    return build_model(
        (*SPECIAL_WORDS, "phrase", "other"),
        [
            NgramTable(ids, unigram.astype(np.float32), np.zeros(len(ids), np.float32)),
            NgramTable(changes, bigram.astype(np.float32), np.zeros(2, np.float32)),
        ],
    )
