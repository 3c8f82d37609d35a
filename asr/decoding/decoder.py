"""The decoder of everybody: emissions -> hypotheses, by whatever search the options ask for."""

import copy
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from asr.decoding.alphabet import BLANK, Alphabet, Spelling, other_case
from asr.decoding.confusion import ConfusionSet, ScoredText, confusion_network
from asr.decoding.emission import Emission, check_log_probs, join
from asr.decoding.hotwords import in_case_of
from asr.decoding.hypothesis import Hypothesis, Word
from asr.decoding.options import DecodingOptions
from asr.decoding.resources import DecodingResources, build_mixture, build_search, read_resources
from asr.decoding.search import Candidate, SearchStream, Spelled
from asr.decoding.threads import in_threads
from asr.decoding.word_times import time_words
from asr.errors import DecodingError

_PARTIAL = 10  # texts that letters choose among while more is to come


class Decoder:
    """Turns emissions into hypotheses with word times and confidence.

    What a decoder network of the model's own has written is taken as it is. Otherwise the search goes through the
    letters, or through the phones where the options name pronunciations. Where a recurrent language model, or letters
    beside phones, have a weight, they choose among the `rescoring_n_best` texts that the search has found.

    Args:
        options: which search, and what it knows.
        spelling: token ids -> text; words are parted by spaces.
        seconds_per_frame: time from one encoder frame to the next.
        phones: of the model's second head, their ids from 1; none without it.

    Raises:
        DecodingError: options that do not fit together, or files that do not fit the model.
        LanguageModelError: a language model cannot be read.
        TranscriptError: the pronunciations cannot be read.
    """

    def __init__(
        self,
        options: DecodingOptions,
        spelling: Spelling,
        *,
        seconds_per_frame: float,
        phones: Sequence[str] = (),
    ) -> None:
        if options.method == "greedy" and options.uses_external_knowledge:
            raise DecodingError(
                "greedy decoding takes no language model, lexicon or hot words; choose beam decoding"
            )
        self.alphabet = Alphabet.of(spelling)
        self.phones = tuple(phones)
        self.seconds_per_frame = seconds_per_frame
        self._resources = DecodingResources()
        options = self._in_our_case(options)
        if options.method == "beam":
            self._resources = read_resources(options, self.alphabet, phones)
        self._set(options)

    def with_options(self, options: DecodingOptions) -> "Decoder":
        """The same files with other weights, limits, hot words or phrases, in milliseconds: nothing is read again.

        Raises:
            DecodingError: options that do not fit together.
        """
        other = copy.copy(self)
        other._set(self._in_our_case(options))
        return other

    def in_case(self, word: str) -> str:
        """A word or phrase in the letter case that the model writes, where it has only one."""
        spelled, other = self.alphabet.spell(word), other_case(self.alphabet, [word])
        return other(word) if spelled is None and other is not None else word

    def lacks(self, word: str) -> bool:
        """Whether the search cannot find a word that is no hot word, or only as an unknown one."""
        word = self.in_case(word)
        lexicon, lm = self._resources.lexicon, self._resources.lm
        if lexicon is not None:
            return not lexicon.entries_of(word)
        return lm is not None and not lm.is_character_level and word not in lm.index

    def can_hear(self, word: str) -> bool:
        """Whether a word can be said in the model's phones, by rule where need be; or spelled, where letters are searched."""
        said, word = self._resources.said, self.in_case(word)
        return bool(said.ways([word])) if said is not None else self.alphabet.spell(word) is not None

    def without_pronunciation(self, words: Iterable[str]) -> list[str]:
        """Those that only a rule can say, where words are searched by their phones. Raises TranscriptError: broken files."""
        said = self._resources.said
        if said is None:
            return []
        return said.without(map(self.in_case, words))

    def _in_our_case(self, options: DecodingOptions) -> DecodingOptions:
        phrases = in_case_of(
            self.alphabet, dict.fromkeys(options.phrases, 0.0), what="phrase", level=logging.INFO
        )
        return replace(
            options, hot_words=in_case_of(self.alphabet, options.hot_words), phrases=tuple(phrases)
        )

    def _set(self, options: DecodingOptions) -> None:
        if not (math.isfinite(options.letter_weight) and options.letter_weight >= 0):
            raise DecodingError(f"letter weight {options.letter_weight}; expected a number, 0 or above")
        if options.rescoring_n_best < 1:
            raise DecodingError(f"rescoring n-best {options.rescoring_n_best}; expected at least 1")
        self.options = options
        self.search = build_search(options, self._resources, self.alphabet)
        by_phones = self.search.head == "phones" and not options.phrases
        self.mixture = None if options.phrases else build_mixture(options, self._resources)
        self._letter_weight = options.letter_weight if by_phones else 0.0

    def __call__(self, emission: Emission) -> Hypothesis:
        """Decode one utterance. Raises DecodingError for an emission of another model."""
        return self.n_best(emission, 1)[0]

    def n_best(self, emission: Emission, count: int) -> list[Hypothesis]:
        """The `count` best hypotheses at most, each text once, best first; the first is that of `__call__`, whatever the count.

        Greedy decoding and decoder networks have only one; with rescoring there are no more than its candidates.
        """
        emission = self._understood(emission)
        written = emission.network_text
        if written is not None:
            return [self._written(emission, written.tokens, written.score)]
        return [self._hypothesis(emission, one) for one in self._candidates(emission, count)]

    def several(self, emission: Emission, count: int) -> tuple[list[Hypothesis], tuple[ConfusionSet, ...]]:
        """As `n_best`; and what may have been said word by word, by all the texts that the search has found."""
        if emission.network_text is not None:
            return self.n_best(emission, count), ()
        emission = self._understood(emission)
        found = self._candidates(emission, max(count, self.options.rescoring_n_best))
        best = [self._hypothesis(emission, one) for one in found[:count]]
        texts = [ScoredText(self.search.text(one), one.score) for one in found]
        return best, confusion_network(best[0].words, texts, scale=self.options.calibration.slope)

    def decode_batch(self, emissions: Sequence[Emission], *, threads: int = 1) -> list[Hypothesis]:
        """Decode many utterances, over threads; results in order."""
        return in_threads(self, emissions, threads)

    def transcripts(self, emissions: Sequence[Emission], *, threads: int = 1) -> list[str]:
        """The texts alone of many utterances, over threads; results in order."""
        return in_threads(
            lambda emission: self.search.text(self._candidates(self._understood(emission), 1)[0]),
            emissions,
            threads,
        )

    def stream(self) -> "DecoderStream":
        """Decode an utterance piece by piece."""
        nothing = Emission.empty(
            letters=len(self.alphabet.symbols),
            phones=1 + len(self.phones) if self.search.head == "phones" else 0,
        )
        return DecoderStream(self, self.search.stream(), nothing)

    def is_quiet(self, emission: Emission) -> np.ndarray:
        """`(T',)` bool, the frames in which nothing but blanks or a space is most probable."""
        letters = emission.letters
        quiet = np.isin(letters.argmax(axis=1), [BLANK, self.alphabet.space])
        if self.search.head == "letters":
            return quiet
        phones = self.head_of(emission)
        # Of both heads, the one that is more sure has the say.
        return np.where(phones.max(axis=1) >= letters.max(axis=1), phones.argmax(axis=1) == BLANK, quiet)

    def align(self, letters: np.ndarray, tokens: Sequence[int]) -> tuple[Word, ...]:
        """The words of a known text, with their times, where the `(T', V)` letters of an emission have them.

        Raises:
            DecodingError: NaN, or more tokens than the frames can hold.
        """
        return self._timed(letters, tokens, self.alphabet.words(tokens))

    def head_of(self, emission: Emission) -> np.ndarray:
        """The log-probabilities that are searched. Raises DecodingError where an emission has no such head."""
        log_probs = emission.letters if self.search.head == "letters" else emission.phones
        if log_probs is None:
            raise DecodingError("emission of letters alone; expected one of phones, too, to search through")
        return log_probs

    def _understood(self, emission: Emission) -> Emission:
        """The emission, silenced where the network is too unsure of all of it."""
        return emission if self._understands(emission) else emission.silenced()

    def _understands(self, emission: Emission) -> bool:
        threshold = self.options.certainty_threshold
        return not (threshold and len(emission)) or bool(emission.certainty().mean() >= threshold)

    def _candidates(self, emission: Emission, count: int) -> list[Candidate]:
        """The best of the search, as letters and recurrent language model have it where they are asked."""
        rescored = self._letter_weight or self.mixture is not None
        pool = self.options.rescoring_n_best if rescored else count
        found = self.search.search(self.head_of(emission), n_best=pool)
        return self._rescored(emission, found)[:count]

    def _best_of_stream(self, stream: SearchStream, emission: Emission, *, final: bool) -> Hypothesis:
        several = self._letter_weight or (final and self.mixture is not None)
        pool = self.options.rescoring_n_best if several else 1
        found = stream.finish(n_best=pool) if final else stream.finish(n_best=min(_PARTIAL, pool), least=1)
        return self._hypothesis(emission, self._rescored(emission, found, final=final)[0])

    def _rescored(
        self, emission: Emission, found: Sequence[Candidate], *, final: bool = True
    ) -> list[Candidate]:
        """Candidates in the order that the search, the letters and the recurrent language model give them, best first."""
        found = sorted(found, key=lambda one: -one.score)
        added = np.zeros(len(found))
        if self._letter_weight:
            added += self._letter_weight * self._letter_scores(emission, found)
        if final and self.mixture is not None:
            texts = [self.search.text(one).split() for one in found]
            added += self.options.lm_weight * self.mixture().gains(texts)
        scored = [replace(one, score=one.score + float(more)) for one, more in zip(found, added, strict=True)]
        return sorted(scored, key=lambda one: -one.score)

    def _letter_scores(self, emission: Emission, found: Sequence[Candidate]) -> np.ndarray:
        """ln P that the letters give to the spelling of candidates, best first."""
        from asr.decoding.ctc_scores import ctc_scores

        letters = emission.letters.astype(np.float64)
        check_log_probs(letters, columns=len(self.alphabet.symbols))
        letters[:, BLANK] -= self.options.blank_penalty
        scores = ctc_scores(letters, [self._letters(self.search.text(one)) for one in found])
        if scores[0] == -math.inf:  # too few frames to spell it, which leaves it to the phones
            return np.zeros(len(found))
        return scores

    def _letters(self, text: str) -> tuple[int, ...]:
        """Ids of a text's letters; what the model cannot spell is left out."""
        ids = self.alphabet.ids
        return tuple(ids[letter] for letter in text if letter in ids)

    def _hypothesis(self, emission: Emission, candidate: Candidate) -> Hypothesis:
        tokens, spelled = self.search.spell(candidate)
        words = self._timed(self.head_of(emission), tokens, spelled, candidate.alignment)
        text = " ".join(word.text for word in words)
        letters = tokens if self.search.head == "letters" else self._letters(text)
        return Hypothesis(text, tuple(letters), candidate.score, words)

    def _written(self, emission: Emission, tokens: Sequence[int], score: float) -> Hypothesis:
        """What a decoder network has written, timed by the letters."""
        words = self.align(emission.letters, tokens)
        return Hypothesis(" ".join(word.text for word in words), tuple(tokens), score, words)

    def _timed(
        self,
        log_probs: np.ndarray,
        tokens: Sequence[int],
        words: Sequence[Spelled],
        alignment: np.ndarray | None = None,
    ) -> tuple[Word, ...]:
        """See `time_words`."""
        return time_words(
            log_probs,
            tokens,
            words,
            seconds_per_frame=self.seconds_per_frame,
            calibration=self.options.calibration,
            alignment=alignment,
        )


class DecoderStream:
    """An utterance that is decoded piece by piece. Made by `Decoder.stream`.

    Attributes:
        emission: what it was fed.
    """

    def __init__(self, decoder: Decoder, search: SearchStream, emission: Emission) -> None:
        self._decoder, self._search = decoder, search
        self.emission = emission
        self._has_told = False

    def feed(self, piece: Emission) -> None:
        """Take in the next frames. Raises DecodingError as `Decoder`."""
        self._search.feed(self._decoder.head_of(piece))
        self.emission = join([self.emission, piece])

    def copy(self) -> "DecoderStream":
        """A stream that goes its own way from here: to see what might come of frames not yet settled."""
        other = DecoderStream(self._decoder, self._search.copy(), self.emission)
        other._has_told = self._has_told
        return other

    def first(self, frames: int) -> Hypothesis:
        """The final best of the first frames alone."""
        other = self._decoder.stream()
        other._has_told = self._has_told
        other.feed(self.emission[:frames])
        return other.best(final=True)

    def best(self, *, final: bool = False) -> Hypothesis:
        """The best so far; only what is `final` is worth the recurrent language model's time."""
        if not self._is_understood():
            return Hypothesis("", (), 0.0, ())
        return self._decoder._best_of_stream(self._search, self.emission, final=final)

    def stable_words(self) -> list[str]:
        """The first words, which nothing that follows can change."""
        words = self._search.stable_words() if self._is_understood() else []
        self._has_told = self._has_told or bool(words)
        return words

    def _is_understood(self) -> bool:
        """As the decoder has it for the whole; what has been told once is not taken back."""
        return self._has_told or self._decoder._understands(self.emission)
