"""The decoder of a model that hears phones: log-probabilities -> Hypothesis in words."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from asr.data.pronunciation import read_all_pronunciations
from asr.decoding.alignment import align, token_spans
from asr.decoding.alphabet import BLANK, Alphabet
from asr.decoding.confidence import word_evidence
from asr.decoding.decoder import RESCORED, Sources, build_mixture
from asr.decoding.emission_check import check_log_probs
from asr.decoding.hypothesis import Hypothesis, Word
from asr.decoding.knowledge import Weights
from asr.decoding.language_model.mixture import LanguageModelMixture
from asr.decoding.options import DecodingOptions
from asr.decoding.phones.knowledge import gather_phones
from asr.decoding.phones.lexicon import PhoneLexicon, build_phone_lexicon
from asr.decoding.phones.search import PhoneSearch, PhoneStream, SpokenCandidate
from asr.decoding.specification import Limits
from asr.decoding.threads import in_threads
from asr.errors import DecodingError


class PhoneDecoder:
    """Turns emissions of phones and letters into hypotheses with word times and confidence.

    The search is through the phones. Of what it finds, and of what the same search finds without recombination,
    which keeps more texts that are nearly alike, the best is taken once `letter_weight` times the letters'
    log-probability is added (four and for are told apart by how they are spelled), and once a recurrent language
    model has had its say.

    Args:
        config: a beam search with `pronunciations`.
        phones: of the model; ids count from 1, 0 is the blank.
        alphabet: of the model's letters.
        seconds_per_frame: time from one encoder frame to the next.

    Raises:
        DecodingError: options that do not fit together, or files that do not fit the model.
        LanguageModelError: the language model cannot be read.
        TranscriptError: the pronunciations cannot be read.
    """

    def __init__(
        self, config: DecodingOptions, phones: Sequence[str], alphabet: Alphabet, *, seconds_per_frame: float
    ) -> None:
        self.alphabet = alphabet
        self.seconds_per_frame = seconds_per_frame
        self._sources = Sources.read(config)
        self._lexicon = read_phone_lexicon(config, self._sources, phones)
        self._phones = len(phones) + 1  # columns of the emission
        self._set(config)

    def with_options(self, config: DecodingOptions) -> "PhoneDecoder":
        """The same files with other weights and limits."""
        other = copy.copy(self)
        other._set(config)
        return other

    def _set(self, config: DecodingOptions) -> None:
        if not (math.isfinite(config.letter_weight) and config.letter_weight >= 0):
            raise DecodingError(f"letter weight {config.letter_weight}; expected a number, 0 or above")
        self.config = config
        self.search = build_phone_search(config, self._sources, self._lexicon)
        self.mixture = build_mixture(config, self._sources)

    def __call__(self, log_probs: np.ndarray) -> Hypothesis:
        """Decode one utterance's `(T', P + V)` natural-log probabilities, of phones and of letters."""
        return self.n_best(log_probs, 1)[0]

    def n_best(self, log_probs: np.ndarray, count: int) -> list[Hypothesis]:
        """The `count` best hypotheses at most, best first."""
        return [self._hypothesis(log_probs, found) for found in self._candidates(log_probs, count)]

    def decode_batch(self, emissions: Sequence[np.ndarray], *, threads: int = 1) -> list[Hypothesis]:
        """Decode many utterances, over threads; results in order."""
        return in_threads(self, emissions, threads)

    def transcripts(self, emissions: Sequence[np.ndarray], *, threads: int = 1) -> list[str]:
        """The texts alone of many utterances, over threads; results in order."""
        return in_threads(lambda log_probs: self._text(self._candidates(log_probs, 1)[0]), emissions, threads)

    @property
    def silence(self) -> tuple[int, ...]:
        """Columns of the emission that say nothing: the blanks and the space."""
        letters = (BLANK,) if self.alphabet.space < 0 else (BLANK, self.alphabet.space)
        return (BLANK, *(self._phones + token for token in letters))

    @property
    def columns(self) -> int:
        """How many columns the emission has: P + V."""
        return self._phones + len(self.alphabet.symbols)

    def stream(self) -> "HeardStream":
        """A search that is fed piece by piece."""
        return HeardStream(self.search.stream(), self._phones)

    def heard(self, stream: "HeardStream", log_probs: np.ndarray, *, final: bool = False) -> Hypothesis:
        """The best that a stream has found, in the `(T', P + V)` that it was fed; only what is `final` is worth the
        recurrent language model's time."""
        mixture = self.mixture if final else None
        several = self.config.letter_weight or mixture is not None
        found = stream.phones.finish(n_best=RESCORED if several else 1)
        return self._hypothesis(log_probs, self._weighed(log_probs, found, mixture)[0])

    def settled_words(self, stream: "HeardStream", log_probs: np.ndarray) -> int:
        """How many of the first words in the `(T', P + V)` that a stream was fed nothing that follows can change."""
        return len(stream.phones.stable_words())

    def _candidates(self, log_probs: np.ndarray, count: int) -> list[SpokenCandidate]:
        """The best of the search, as letters and recurrent language model have it where they are asked."""
        phones = self._of_phones(log_probs)
        alike = self.search.without_recombination()
        if not self.config.letter_weight and self.mixture is None:
            return (alike if count > 1 else self.search).search(phones, n_best=count)
        pool = max(count, RESCORED)
        found = {self._text(one): one for one in alike.search(phones, n_best=pool)}
        found |= {self._text(one): one for one in self.search.search(phones, n_best=pool)}
        return self._weighed(log_probs, list(found.values()), self.mixture)[:count]

    def _of_phones(self, log_probs: np.ndarray) -> np.ndarray:
        if log_probs.ndim != 2 or log_probs.shape[1] != self.columns:
            raise DecodingError(f"log_probs of shape {log_probs.shape}; expected (frames, {self.columns})")
        return log_probs[:, : self._phones]

    def _weighed(
        self,
        log_probs: np.ndarray,
        found: Sequence[SpokenCandidate],
        mixture: LanguageModelMixture | None,
    ) -> list[SpokenCandidate]:
        """Candidates in the order that phones, letters and language models give them, best first."""
        found = sorted(found, key=lambda one: -one.score)
        added = np.zeros(len(found))
        if self.config.letter_weight:
            added = self._letters(log_probs, found)
        if mixture is not None:
            added += self.config.lm_weight * mixture.gains([self.search.words(one.entries) for one in found])
        scored = [replace(one, score=one.score + float(more)) for one, more in zip(found, added, strict=True)]
        return sorted(scored, key=lambda one: -one.score)

    def _letters(self, log_probs: np.ndarray, found: Sequence[SpokenCandidate]) -> np.ndarray:
        """What the letters add to the scores of candidates, best first."""
        from asr.decoding.phones.letters import letter_scores

        letters = log_probs[:, self._phones :].astype(np.float64)
        check_log_probs(letters)
        letters[:, BLANK] -= self.config.blank_penalty
        scores = letter_scores(letters, [self._tokens(self._text(one)) for one in found])
        if scores[0] == -math.inf:  # too few frames to spell it, which leaves it to the phones
            return np.zeros(len(found))
        return self.config.letter_weight * scores

    def _text(self, candidate: SpokenCandidate) -> str:
        return self.search.text(candidate)

    def _tokens(self, text: str) -> tuple[int, ...]:
        """Ids of a text's letters; what the model cannot spell is left out."""
        ids = self.alphabet.ids
        return tuple(ids[letter] for letter in text if letter in ids)

    def _hypothesis(self, log_probs: np.ndarray, candidate: SpokenCandidate) -> Hypothesis:
        text = self._text(candidate)
        words = self._words(self._of_phones(log_probs), candidate)
        return Hypothesis(text, self._tokens(text), candidate.score, words)

    def _words(self, log_probs: np.ndarray, candidate: SpokenCandidate) -> tuple[Word, ...]:
        """The words, each over the frames that emit its phones, by forced alignment."""
        lexicon = self.search.lexicon
        said = [
            part
            for entry in candidate.entries
            for part in zip(lexicon.words[entry], lexicon.phones[entry], strict=True)
        ]
        phones = [phone for _, own in said for phone in own]
        spans = token_spans(align(log_probs, phones), len(phones))
        words, at = [], 0
        for text, own in said:
            own_spans = spans[at : at + len(own)]
            at += len(own)
            start, end = (
                round(int(frame) * self.seconds_per_frame, 3) for frame in (own_spans[0, 0], own_spans[-1, 1])
            )
            confidence = self.config.calibration(word_evidence(log_probs, own, own_spans))
            words.append(Word(text, start, end, round(confidence, 4)))
        return tuple(words)


class HeardStream:
    """A search through phones that is fed emissions of phones and letters, `(T', P + V)`."""

    def __init__(self, phones: PhoneStream, columns: int) -> None:
        self.phones = phones
        self._columns = columns

    def feed(self, log_probs: np.ndarray) -> None:
        """Take in the next frames. Raises DecodingError as `PhoneSearch.search`."""
        self.phones.feed(log_probs[:, : self._columns])

    def copy(self) -> "HeardStream":
        """A search that goes its own way from here."""
        return HeardStream(self.phones.copy(), self._columns)


def read_phone_lexicon(config: DecodingOptions, sources: Sources, phones: Sequence[str]) -> PhoneLexicon:
    """The words that may be said: those of the pronunciations, of `lexicon` alone where there is one.

    Raises:
        DecodingError: the pronunciations do not fit the model, or share no word with the lexicon.
        TranscriptError: they cannot be read.
    """
    path = config.pronunciations
    assert path is not None
    pronunciations = read_all_pronunciations(path)
    hot_words = [word for phrase in config.hot_words for word in phrase.split()]
    if sources.lexicon is not None:
        allowed = {*sources.lexicon, *hot_words}
        limited = {word: ways for word, ways in pronunciations.items() if word in allowed}
        if not limited:
            raise DecodingError(
                f"{path}: none of its {len(pronunciations)} words, such as {next(iter(pronunciations))!r}, is in the "
                f"lexicon, which has words such as {next(iter(sources.lexicon), '')!r}; they must be spelled alike"
            )
        pronunciations = limited
    return build_phone_lexicon(pronunciations, phones, phrases=config.hot_words, source=path)


def build_phone_search(config: DecodingOptions, sources: Sources, lexicon: PhoneLexicon) -> PhoneSearch:
    """The search of a configuration, its files read. Raises as `PhoneDecoder`."""
    knowledge = gather_phones(
        lexicon,
        lm=sources.lm,
        weights=Weights(config.lm_weight, config.word_bonus, config.unknown_penalty),
        hot_words=config.hot_words,
        look_ahead=config.look_ahead,
    )
    limits = Limits(
        config.beam_width, config.token_threshold, config.score_threshold, recombine=config.lm is not None
    )
    return PhoneSearch(lexicon, knowledge, limits=limits, blank_penalty=config.blank_penalty)
