"""Search for the words whose pronunciations the network heard: CTC over phones, a lexicon, a language model.

A hypothesis is the words said so far and a place in the tree of pronunciations, where the open word stands.
It keeps two log-probabilities: of all paths that say it and end in a blank, and of those that end in its last
phone. With each frame it stays, by a blank or by its last phone once more, or goes on by a phone: further down the
tree, or, where a word may end, into the next word, once for each word that is said so. No frame is spent on
the end of a word. Hypotheses with the same words at the same place are one; with `recombine`, of those that
the future cannot tell apart (same place, same state of the language model) the best stays.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asr.decoding.alphabet import BLANK
from asr.decoding.beam import check_limits
from asr.decoding.emission_check import check_log_probs
from asr.decoding.phones.knowledge import PhoneKnowledge, gather_phones
from asr.decoding.phones.lexicon import PhoneLexicon
from asr.decoding.specification import Limits
from asr.errors import DecodingError


@dataclass(frozen=True, slots=True)
class SpokenCandidate:
    """A text that the search proposes.

    Attributes:
        entries: its words, as entries of the lexicon.
        score: natural log of what was maximised: `acoustic` plus language model and bonuses.
        acoustic: natural log of the probability of all paths that the search followed, the penalty of their
            blanks included.
    """

    entries: tuple[int, ...]
    score: float
    acoustic: float


class PhoneSearch:
    """A search with given knowledge and limits; safe to use from several threads.

    Args:
        lexicon: the words.
        knowledge: of the same lexicon, from `gather_phones`; by default no language model.
        limits: what is left out; `specification.Limits`.
        blank_penalty: taken off the natural-log probability of the blank in every frame.

    Raises:
        DecodingError: a limit that makes no sense, or a penalty that is not finite.
    """

    def __init__(
        self,
        lexicon: PhoneLexicon,
        knowledge: PhoneKnowledge | None = None,
        *,
        limits: Limits | None = None,
        blank_penalty: float = 0.0,
    ) -> None:
        if not math.isfinite(blank_penalty):
            raise DecodingError(f"blank penalty {blank_penalty}; expected a number such as 1.5")
        self.lexicon = lexicon
        self.knowledge = knowledge or gather_phones(lexicon)
        self.limits = check_limits(limits or Limits())
        self.blank_penalty = blank_penalty

    def without_recombination(self) -> "PhoneSearch":
        """The same search, in which all words said tell hypotheses apart: for several texts of one utterance."""
        other = copy.copy(self)
        other.limits = self.limits._replace(recombine=False)
        return other

    def search(self, log_probs: np.ndarray, *, n_best: int = 1) -> list[SpokenCandidate]:
        """The best texts of one utterance, best first, each once.

        Args:
            log_probs: `(T', P)` natural-log probabilities of phones; T' may be 0.
            n_best: how many at most.

        Returns:
            At least one: the empty text with a score of -inf where no words fit.

        Raises:
            DecodingError: wrong shape, NaN, or values above 0.
        """
        stream = self.stream()
        stream.feed(log_probs)
        return stream.finish(n_best=n_best)

    def stream(self) -> "PhoneStream":
        """A search that is fed piece by piece; the pieces give what the whole would."""
        return PhoneStream(self)

    def text(self, candidate: SpokenCandidate) -> str:
        """The words of a candidate."""
        return " ".join(self.words(candidate.entries))

    def words(self, entries: Sequence[int]) -> list[str]:
        """The words of entries of the lexicon."""
        return [word for entry in entries for word in self.lexicon.words[entry]]


class PhoneStream:
    """The state of a search between pieces of one utterance. Made by `PhoneSearch.stream`."""

    def __init__(self, search: PhoneSearch) -> None:
        from asr.decoding.phones import compiled

        self._compiled = compiled
        self._search = search
        self._beam = compiled.new_beam(search.limits.beam_width)
        self._histories = compiled.new_histories(search.knowledge.lm_start)

    def feed(self, log_probs: np.ndarray) -> None:
        """Take in the next `(T', P)` natural-log probabilities. Raises as `PhoneSearch.search`."""
        check_log_probs(log_probs)
        wanted = self._search.knowledge.child.shape[1]
        if log_probs.shape[1] != wanted:
            raise DecodingError(f"log_probs of shape {log_probs.shape}; expected (frames, {wanted})")
        frames = np.array(log_probs, dtype=np.float32, order="C")
        frames[:, BLANK] -= self._search.blank_penalty
        self._histories = self._compiled.advance(
            frames, self._search.knowledge, self._search.limits, self._beam, self._histories
        )

    def copy(self) -> "PhoneStream":
        """A search that goes its own way from here: to see what might come of frames not yet settled."""
        other = PhoneStream.__new__(PhoneStream)
        other._compiled, other._search = self._compiled, self._search
        other._beam = type(self._beam)(*(part.copy() for part in self._beam))
        other._histories = type(self._histories)(*(part.copy() for part in self._histories))
        return other

    def stable_words(self) -> list[str]:
        """Words that no further piece can change: what all hypotheses have said."""
        row, count = self._beam.place.tolist()
        histories = self._beam.history[row, :count]
        shared = self._compiled.common_history(np.unique(histories), self._histories) if count else 0
        return self._search.words(self._entries(shared))

    def finish(self, *, n_best: int = 1) -> list[SpokenCandidate]:
        """The best texts if the utterance ended here, as `PhoneSearch.search`; more may still be fed.

        Where no hypothesis ends in a whole word, the words before the unfinished one are what is left.
        """
        self._histories, said, acoustic, other = self._compiled.finish(
            self._beam, self._histories, self._search.knowledge
        )
        if len(said) == 0:
            row, count = self._beam.place.tolist()
            said = self._beam.history[row, :count]
            other = self._histories.settled[said]
            acoustic = (
                np.logaddexp(self._beam.in_blank[row, :count], self._beam.in_token[row, :count]) - other
            )
        found: dict[tuple[str, ...], SpokenCandidate] = {}
        for place in np.argsort(-(acoustic + other), kind="stable").tolist():
            score = float(acoustic[place] + other[place])
            entries = tuple(self._entries(int(said[place])))
            text = tuple(self._search.words(entries))
            if text in found or score == -math.inf:
                continue
            found[text] = SpokenCandidate(entries, score, float(acoustic[place]))
            if len(found) == n_best:
                break
        return list(found.values()) or [SpokenCandidate((), -math.inf, -math.inf)]

    def _entries(self, history: int) -> list[int]:
        from asr.decoding.compiled_search import spell

        entries: list[int] = spell(self._histories.parent, self._histories.entry, history).tolist()
        return entries
