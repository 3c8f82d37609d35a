"""The decoder that transcription and evaluation use: log-probabilities -> Hypothesis."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from asr.decoding.alphabet import BLANK, Alphabet, Spelling
from asr.decoding.beam import BeamSearch, BeamStream, Candidate, check_limits
from asr.decoding.confidence import Calibration
from asr.decoding.greedy import greedy_path
from asr.decoding.hypothesis import Hypothesis, Word
from asr.decoding.knowledge import Weights, gather
from asr.decoding.language_model.binary import read_language_model
from asr.decoding.language_model.mixture import LanguageModelMixture
from asr.decoding.language_model.ngram import SPECIAL_WORDS, NgramModel
from asr.decoding.language_model.recurrent import RecurrentModel, read_recurrent_model
from asr.decoding.lexicon import read_lexicon
from asr.decoding.specification import Limits
from asr.decoding.threads import in_threads
from asr.decoding.word_times import time_words
from asr.errors import DecodingError

# Texts of each search that a second opinion chooses among.
RESCORED = 100


@dataclass(frozen=True)
class DecodingConfig:
    """How log-probabilities become text.

    Attributes:
        method: "greedy" takes the best path, "beam" sums over paths and knows of all that follows.
        beam_width: prefixes kept by the beam search.
        token_threshold: tokens less probable than this (natural log) extend no prefix in that frame.
        score_threshold: prefixes that score this much less than the best (natural log) are dropped.
        lm: file of a language model, ARPA or compact, of words or of characters.
        lm_weight: factor of its natural-log probabilities.
        word_bonus: added to the score for each word.
        unknown_penalty: added for each word that a word model lacks, hot words excepted.
        lexicon: file of the only words allowed; "lm" allows the words of the language model.
        hot_words: words and phrases to favour, each with its weight (natural log).
        look_ahead: rank open words by the best known word that begins so.
        calibration: raw word confidence -> probability that the word is right.
        blank_penalty: taken off the natural-log probability of the blank in every frame; against deletions.
        pronunciations: file of words and their phones; the search is through these, by a model that hears phones.
        letter_weight: factor of the letters' log-probability in the choice among what that search has found: it tells
            apart what is said alike. 0 leaves it to phones and language model.
        recurrent_lm: file of a recurrent language model, which has a say in the choice among what the search with
            `lm` has found.
        recurrent_share: its share of each word's probability, 0 to 1; the rest is that of `lm`.
    """

    method: Literal["greedy", "beam"] = "greedy"
    beam_width: int = 50
    token_threshold: float = -12.0
    score_threshold: float = 20.0
    lm: str | None = None
    lm_weight: float = 0.5
    word_bonus: float = 0.0
    unknown_penalty: float = -10.0
    lexicon: str | None = None
    hot_words: Mapping[str, float] = field(default_factory=dict)
    look_ahead: bool = True
    calibration: Calibration = field(default_factory=Calibration)
    blank_penalty: float = 0.0
    pronunciations: str | None = None
    letter_weight: float = 0.0
    recurrent_lm: str | None = None
    recurrent_share: float = 0.5

    @property
    def knows(self) -> bool:
        """Whether there is anything beside the emission: a language model, a lexicon, hot words, pronunciations."""
        return bool(self.lm or self.lexicon or self.hot_words or self.pronunciations or self.recurrent_lm)

    def __str__(self) -> str:
        if self.method == "greedy":
            return "greedy"
        parts = [f"beam, width {self.beam_width}"]
        if self.lm is not None:
            parts.append(f"language model {self.lm} x {self.lm_weight:g}")
        if self.recurrent_lm is not None:
            parts.append(f"recurrent language model {self.recurrent_lm}, share {self.recurrent_share:g}")
        if self.word_bonus:
            parts.append(f"word bonus {self.word_bonus:g}")
        if self.blank_penalty:
            parts.append(f"blank penalty {self.blank_penalty:g}")
        if self.lexicon is not None:
            parts.append(f"lexicon {self.lexicon}")
        if self.pronunciations is not None:
            parts.append(f"pronunciations {self.pronunciations}, letters x {self.letter_weight:g}")
        if self.hot_words:
            parts.append(f"{len(self.hot_words)} hot words")
        return ", ".join(parts)


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

    def __init__(self, config: DecodingConfig, spelling: Spelling, *, seconds_per_frame: float) -> None:
        self.spelling = spelling
        self.seconds_per_frame = seconds_per_frame
        self.alphabet = Alphabet.of(spelling)
        self.search: BeamSearch | None = None
        self.mixture: LanguageModelMixture | None = None
        self._sources: Sources | None = None
        if config.method == "beam":
            self._sources = Sources.read(config)
        elif config.knows:
            raise DecodingError(
                "greedy decoding takes no language model, lexicon or hot words; choose beam decoding"
            )
        self._set(config)

    def reweighted(self, config: DecodingConfig) -> "Decoder":
        """The same files with other weights and limits."""
        other = copy.copy(self)
        other._set(config)
        return other

    def _set(self, config: DecodingConfig) -> None:
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
    def read(cls, config: DecodingConfig) -> "Sources":
        """Read what the configuration names. Raises LanguageModelError and DecodingError."""
        lm = read_language_model(config.lm) if config.lm is not None else None
        recurrent = None if config.recurrent_lm is None else read_recurrent_model(config.recurrent_lm)
        if recurrent is not None and lm is None:
            raise DecodingError(
                f"{config.recurrent_lm}: a recurrent language model chooses among what an n-gram has found; name that, too "
                "(--lm)"
            )
        if config.lexicon != "lm":
            lexicon = read_lexicon(config.lexicon) if config.lexicon is not None else None
            return cls(lm, lexicon, recurrent)
        if lm is None or lm.is_character_level:
            raise DecodingError("lexicon 'lm': needs a language model of words to take the words from")
        return cls(lm, lm.words[len(SPECIAL_WORDS) :], recurrent)


def build_mixture(config: DecodingConfig, sources: Sources) -> LanguageModelMixture | None:
    """Both language models of a configuration; None without a recurrent one. Raises DecodingError."""
    if sources.recurrent is None or config.recurrent_share == 0:
        return None
    assert sources.lm is not None
    return LanguageModelMixture(sources.lm, sources.recurrent, share=config.recurrent_share)


def build_search(config: DecodingConfig, alphabet: Alphabet, sources: Sources) -> BeamSearch:
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
