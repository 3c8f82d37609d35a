"""The decoder that transcription and evaluation use: log-probabilities -> Hypothesis."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from asr.decoding.alphabet import BLANK, Alphabet, Spelling
from asr.decoding.beam import BeamSearch, BeamStream, Candidate, check_limits
from asr.decoding.greedy import greedy_path
from asr.decoding.hypothesis import Hypothesis, Word
from asr.decoding.knowledge import Weights, gather
from asr.decoding.language_model.binary import read_language_model
from asr.decoding.language_model.mixture import LanguageModelMixture
from asr.decoding.language_model.ngram import SPECIAL_WORDS, NgramModel
from asr.decoding.language_model.recurrent import RecurrentModel, read_recurrent_model
from asr.decoding.lexicon import read_lexicon
from asr.decoding.options import LEXICON_OF_LM, DecodingOptions
from asr.decoding.specification import Limits
from asr.decoding.threads import in_threads
from asr.decoding.word_times import time_words
from asr.errors import DecodingError

# Texts of each search that a second opinion chooses among.
RESCORED = 100


class Decoder:
    """Turns emissions into hypotheses with word times and confidence.

    Args:
        config: which search, and what it knows.
        spelling: token ids -> text; words are parted by spaces.
        seconds_per_frame: time from one encoder frame to the next.

    Raises:
        DecodingError: options that do not fit together, or files that do not fit the model's alphabet.
        LanguageModelError: the language model cannot be read.
    """

    def __init__(self, config: DecodingOptions, spelling: Spelling, *, seconds_per_frame: float) -> None:
        self.spelling = spelling
        self.seconds_per_frame = seconds_per_frame
        self.alphabet = Alphabet.of(spelling)
        self.search: BeamSearch | None = None
        self.mixture: LanguageModelMixture | None = None
        self._sources: Sources | None = None
        if config.method == "beam":
            self._sources = Sources.read(config)
        elif config.uses_external_knowledge:
            raise DecodingError(
                "greedy decoding takes no language model, lexicon or hot words; choose beam decoding"
            )
        self._set(config)

    def with_options(self, config: DecodingOptions) -> "Decoder":
        """The same files with other weights and limits."""
        other = copy.copy(self)
        other._set(config)
        return other

    def _set(self, config: DecodingOptions) -> None:
        self.config = config
        if self._sources is not None:
            self.search = build_search(config, self.alphabet, self._sources)
            self.mixture = build_mixture(config, self._sources)

    def __call__(self, log_probs: np.ndarray) -> Hypothesis:
        """Decode one utterance's `(T', V)` natural-log probabilities."""
        return self.n_best(log_probs, 1)[0]

    def n_best(self, log_probs: np.ndarray, count: int) -> list[Hypothesis]:
        """The `count` best hypotheses at most, best first; greedy decoding has only one."""
        if self.search is None:
            tokens, score, alignment = greedy_path(log_probs)
            return [self.hypothesis(log_probs, tokens, score, alignment=alignment)]
        return self._hypotheses(log_probs, self._candidates(log_probs, count))

    def decode_batch(self, emissions: Sequence[np.ndarray], *, threads: int = 1) -> list[Hypothesis]:
        """Decode many utterances, the beam search over threads; results in order."""
        if self.search is None:
            return [self(log_probs) for log_probs in emissions]
        if self.mixture is not None:
            return in_threads(self, emissions, threads)
        found = self.search.search_batch(emissions, threads=threads)
        return [
            self._hypotheses(log_probs, candidates)[0]
            for log_probs, candidates in zip(emissions, found, strict=True)
        ]

    def transcripts(self, emissions: Sequence[np.ndarray], *, threads: int = 1) -> list[str]:
        """The texts alone of many utterances, over threads; results in order."""
        if self.search is None or self.mixture is not None:
            return [hypothesis.text for hypothesis in self.decode_batch(emissions, threads=threads)]
        found = self.search.search_batch(emissions, threads=threads)
        return [self.spelling.decode(list(best.tokens)) for best, *_ in found]

    @property
    def silence(self) -> tuple[int, ...]:
        """Columns of the emission that say nothing: the blank and the space."""
        return (BLANK, self.alphabet.space)

    @property
    def columns(self) -> int:
        """How many columns the emission has."""
        return len(self.alphabet.symbols)

    def stream(self) -> BeamStream | None:
        """A beam search that is fed piece by piece; None for greedy decoding, which has nothing to keep."""
        return self.search.stream() if self.search is not None else None

    def heard(self, stream: BeamStream, log_probs: np.ndarray, *, final: bool = False) -> Hypothesis:
        """The best that a stream has found, in the `(T', V)` that it was fed; only what is `final` is worth the
        recurrent language model's time."""
        if final and self.mixture is not None:
            best = self._weighed(stream.finish(n_best=RESCORED))[0]
        else:
            best = stream.finish()[0]
        return self.hypothesis(log_probs, best.tokens, best.score)

    def settled_words(self, stream: BeamStream | None, log_probs: np.ndarray) -> int:
        """How many of the first words in the `(T', V)` that a stream was fed nothing that follows can change."""
        stable = self(log_probs).tokens if stream is None else stream.stable_prefix()
        # A word is settled once a space has followed it; before, it may still grow.
        space = self.alphabet.space
        return sum(token == space and before != space for before, token in pairwise([space, *stable]))

    def _candidates(self, log_probs: np.ndarray, count: int) -> list[Candidate]:
        """The best of the search, as the recurrent language model has it where there is one."""
        assert self.search is not None
        # Recombination drops the very alternatives that are asked for.
        alike = self.search.without_recombination()
        if self.mixture is None:
            return (alike if count > 1 else self.search).search(log_probs, n_best=count)
        pool = max(count, RESCORED)
        found = {one.tokens: one for one in alike.search(log_probs, n_best=pool)}
        found |= {one.tokens: one for one in self.search.search(log_probs, n_best=pool)}
        return self._weighed(list(found.values()))[:count]

    def _weighed(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Candidates in the order that both language models give them, best first."""
        assert self.mixture is not None
        found = sorted(found, key=lambda one: -one.score)
        gains = self.mixture.gains([self.spelling.decode(list(one.tokens)).split() for one in found])
        weighed = [
            replace(one, score=one.score + self.config.lm_weight * float(gain))
            for one, gain in zip(found, gains, strict=True)
        ]
        return sorted(weighed, key=lambda one: -one.score)

    def _hypotheses(self, log_probs: np.ndarray, candidates: Sequence[Candidate]) -> list[Hypothesis]:
        return [self.hypothesis(log_probs, candidate.tokens, candidate.score) for candidate in candidates]

    def hypothesis(
        self,
        log_probs: np.ndarray,
        tokens: Sequence[int],
        score: float,
        *,
        alignment: np.ndarray | None = None,
    ) -> Hypothesis:
        """Tokens with their words, timed by the search's alignment or a forced one (see `word_times`)."""
        words = self.words(log_probs, list(tokens), alignment=alignment)
        return Hypothesis(" ".join(word.text for word in words), tuple(tokens), score, words)

    def words(
        self, log_probs: np.ndarray, tokens: list[int], *, alignment: np.ndarray | None = None
    ) -> tuple[Word, ...]:
        """Words of `tokens` with times and calibrated confidence."""
        timed = time_words(
            log_probs,
            tokens,
            alphabet=self.alphabet,
            seconds_per_frame=self.seconds_per_frame,
            calibration=self.config.calibration,
            alignment=alignment,
        )
        return tuple(Word(word.text, word.start, word.end, word.confidence) for word in timed)


class Sources(NamedTuple):
    """The files of a configuration, read.

    Attributes:
        lm: the language model, if any.
        lexicon: the only words allowed, if they are limited.
        recurrent: the recurrent language model, if any.
    """

    lm: NgramModel | None
    lexicon: Sequence[str] | None
    recurrent: RecurrentModel | None

    @classmethod
    def read(cls, config: DecodingOptions) -> "Sources":
        """Read what the configuration names. Raises LanguageModelError and DecodingError."""
        lm = read_language_model(config.lm) if config.lm is not None else None
        recurrent = None if config.recurrent_lm is None else read_recurrent_model(config.recurrent_lm)
        if recurrent is not None and lm is None:
            raise DecodingError(
                f"{config.recurrent_lm}: a recurrent language model chooses among what an n-gram has found; name that, too "
                "(--lm)"
            )
        if config.lexicon != LEXICON_OF_LM:
            lexicon = read_lexicon(config.lexicon) if config.lexicon is not None else None
            return cls(lm, lexicon, recurrent)
        if lm is None or lm.is_character_level:
            raise DecodingError("lexicon 'lm': needs a language model of words to take the words from")
        return cls(lm, lm.words[len(SPECIAL_WORDS) :], recurrent)


def build_mixture(config: DecodingOptions, sources: Sources) -> LanguageModelMixture | None:
    """Both language models of a configuration; None without a recurrent one. Raises DecodingError."""
    if sources.recurrent is None or config.recurrent_share == 0:
        return None
    assert sources.lm is not None
    return LanguageModelMixture(sources.lm, sources.recurrent, share=config.recurrent_share)


def build_search(config: DecodingOptions, alphabet: Alphabet, sources: Sources) -> BeamSearch:
    """The beam search of a configuration, its files read. Raises as `Decoder`."""
    limits = check_limits(
        Limits(
            config.beam_width,
            config.token_threshold,
            config.score_threshold,
            recombine=config.lm is not None,
        )
    )
    knowledge = gather(
        alphabet,
        lm=sources.lm,
        weights=Weights(config.lm_weight, config.word_bonus, config.unknown_penalty),
        lexicon=sources.lexicon,
        hot_words=config.hot_words,
        look_ahead=config.look_ahead,
    )
    return BeamSearch(alphabet, knowledge, limits=limits, blank_penalty=config.blank_penalty)
